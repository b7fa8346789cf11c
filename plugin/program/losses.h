// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "program/notice.h"

namespace tld {

/// Everything that can be lost on the way, as counted so far.
struct LossCounts {
  std::uint64_t input_dropped = 0;  ///< lines, since the front's queue was full
  std::uint64_t sensor_lost = 0;    ///< bytes that a sensor had when it died
  std::uint64_t unstored_lost = 0;  ///< alerts that it had
  std::uint64_t unsent_lost = 0;    ///< lines for syslog that it had
  std::uint64_t lines_overlong = 0;
  std::uint64_t events_truncated = 0;
  std::uint64_t events_early = 0;    ///< evaluated before their end
  std::uint64_t syslog_dropped = 0;  ///< lines
  std::uint64_t file_failed = 0;     ///< documents
  std::uint64_t store_lost = 0;      ///< alerts
  std::uint64_t stores_set_aside = 0;
  std::uint64_t removed_undelivered = 0;  ///< alerts
  std::uint64_t removed_severe = 0;       ///< alerts
  std::uint64_t unreadable = 0;           ///< stored alerts that could not be sent
  std::uint64_t match_limits = 0;
  std::uint64_t events_forgotten = 0;  ///< by composite rules
  std::uint64_t sensor_deaths = 0;
  std::uint64_t courier_deaths = 0;
  std::uint64_t witness_deaths = 0;
  std::uint64_t unwitnessed = 0;  ///< programs
};

/// Tells each loss whose count has grown.
class LossWatch {
 public:
  /// `told` was told before, by another run of this role.
  explicit LossWatch(const LossCounts& told = {}) : told_(told) {}
  std::vector<News> Tell(const LossCounts& counts);
  const LossCounts& told() const { return told_; }

 private:
  LossCounts told_;
};

}  // namespace tld
