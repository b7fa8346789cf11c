// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/os.h"
#include "program/shared.h"

namespace tld {

struct WitnessStart {
  bool kernel_status = true;  ///< ask the kernel for its audit status
  bool confine = true;        ///< filter system calls
};

/// The witness role: says what the content of a file is, and what the kernel's audit system counts.
/// What it opens is chosen by attackers, so it does that alone: with CAP_DAC_READ_SEARCH, since
/// programs need not be readable; without the network, and with no way to write but its answers. A
/// question that takes too long ends it. Runs until the other end of `talk` is closed or the front
/// ends; returns the exit status.
int RunWitness(const WitnessStart& start, Fd talk, SharedPage<WitnessCounters>& counters);

}  // namespace tld
