// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

namespace tld {

/// When the front reads its input. At rest it reads each record as it comes. Under load it lets
/// some gather: auditd's dispatcher writes each record by itself, and one whose reader sleeps costs
/// it a wake-up, about as much as all else that it does for a record. So the front sleeps on a
/// timer then, not on the socket.
class Pace {
 public:
  /// About half of what the socket holds before auditd's write blocks: 167 lines of 300 bytes.
  static constexpr std::int64_t kGathered = 80;
  static constexpr std::int64_t kLongestUs = 5'000;
  /// From so many records a second on it is load: a command makes six, within one millisecond.
  static constexpr std::int64_t kBusyPerSecond = 5'000;
  static constexpr std::int64_t kWindowUs = 4'000;

  /// To be called after each read, with the number of records that it brought. Returns how long to
  /// leave the input alone; 0 = not at all. Times are monotonic.
  std::int64_t RestUs(std::uint64_t records, std::int64_t now_us) {
    records_ += static_cast<std::int64_t>(records);
    const std::int64_t elapsed_us = now_us - begun_us_;
    if (elapsed_us < kWindowUs) return rest_us_;
    const std::int64_t rate = records_ * 1'000'000 / elapsed_us;
    rest_us_ = rate < kBusyPerSecond ? 0 : std::min(kGathered * 1'000'000 / rate, kLongestUs);
    records_ = 0;
    begun_us_ = now_us;
    return rest_us_;
  }

 private:
  std::int64_t records_ = 0;  // of this window
  std::int64_t begun_us_ = 0;
  std::int64_t rest_us_ = 0;
};

}  // namespace tld
