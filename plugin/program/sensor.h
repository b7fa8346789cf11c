// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/os.h"
#include "program/byte_queue.h"
#include "program/config.h"
#include "program/shared.h"

namespace tld {

/// What the sensor is started with, by the front.
struct SensorStart {
  std::string config_file;
  Config config;  ///< as of the start: where files are written, and what waits for another
  std::vector<std::string> problems;  ///< what already is not as configured
  uid_t owner = 0;  ///< whose files are believed besides root's, and who may reload
  pid_t front_pid = 0;
  int landlock = 0;     ///< version that is in force; 0: none
  bool confine = true;  ///< restrict files and system calls
};

/// The descriptors that the sensor works with; it owns them.
struct SensorEnds {
  QueueReader input;
  Fd wake;     ///< readable when there is input again; its end is that of the input
  Fd control;  ///< the bound control socket; may be none
  Fd bell;     ///< eventfd that calls the courier
  Fd witness;  ///< an end of the socket to the witness
};
/// The pages of counters that the sensor sees. It writes its own alone.
struct SensorPages {
  SharedPage<FrontCounters>& front;
  SharedPage<SensorCounters>& own;
  SharedPage<CourierCounters>& courier;
  SharedPage<WitnessCounters>& witness;
};

/// The sensor role: from the front's bytes to alerts. Runs until its input ends; returns the exit
/// status of the process. Never gives up over settings, rules or lists.
int RunSensor(const SensorStart& start, SensorEnds ends, SensorPages pages);

}  // namespace tld
