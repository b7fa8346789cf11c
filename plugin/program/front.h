// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

#include "base/os.h"
#include "program/courier.h"
#include "program/sensor.h"
#include "program/witness.h"

namespace tld {

struct FrontStart {
  SensorStart sensor;
  CourierStart courier;
  WitnessStart witness;
  std::size_t queue_bytes = std::size_t{64} << 20;
  bool drain_only = false;  ///< start no sensor: it would keep privileges that it must not have
  pid_t parent = 0;         ///< auditd; only its SIGTERM counts
  Fd control;               ///< the bound control socket, handed to each sensor; may be none
};

/// The front role: reads fd 0 without ever waiting for anything else, and keeps a sensor running
/// behind a bounded queue, a witness for it, and a courier while there are remotes. auditd stalls
/// every audited system call of the host when its plugin does not read, and gives a plugin up that
/// ends ten times; so nothing that may take long or crash happens in this process. Returns the exit
/// status of the plugin: 0 at the end of the input.
int RunFront(FrontStart start);

}  // namespace tld
