// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "program/shared.h"

namespace tld {

/// What the courier is started with, by the front.
struct CourierStart {
  std::string remotes_file;           ///< that the sensor writes; see remote_state.h
  std::vector<std::string> writable;  ///< directories
  bool confine = true;                ///< filter system calls
};

/// Exit statuses that are no failure.
inline constexpr int kCourierIdle = 0;   ///< there are no remotes
inline constexpr int kCourierAgain = 3;  ///< the remotes are others now: start it anew

/// The courier role, the only one with the network: a thread for each remote. `bell` is an eventfd
/// that the sensor writes to when there are new alerts or settings. Runs until SIGTERM; returns the
/// exit status of the process.
int RunCourier(const CourierStart& start, int bell, SharedPage<FrontCounters>& front,
               SharedPage<SensorCounters>& sensor, SharedPage<CourierCounters>& own);

}  // namespace tld
