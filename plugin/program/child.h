// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <cstdint>

namespace tld {

/// A role that runs, or is to be started again after a pause that grows as long as it does not live
/// long. Times are monotonic, in milliseconds.
struct Child {
  static constexpr std::int64_t kFirstBackoffMs = 100;
  static constexpr std::int64_t kLastBackoffMs = 30'000;
  static constexpr std::int64_t kHealthyMs = 60'000;  ///< then the pauses begin anew

  pid_t pid = 0;  ///< 0 = does not run
  std::int64_t started_ms = 0;
  std::int64_t next_start_ms = 0;
  std::int64_t backoff_ms = kFirstBackoffMs;

  void Started(pid_t child, std::int64_t now_ms) {
    pid = child;
    started_ms = now_ms;
  }
  void Ended(std::int64_t now_ms) {
    pid = 0;
    if (now_ms - started_ms >= kHealthyMs) backoff_ms = kFirstBackoffMs;
    BackOff(now_ms);
  }
  bool IsDue(std::int64_t now_ms) const { return pid == 0 && now_ms >= next_start_ms; }
  void BackOff(std::int64_t now_ms) {
    next_start_ms = now_ms + backoff_ms;
    backoff_ms = std::min(backoff_ms * 2, kLastBackoffMs);
  }
};

/// Tells that a role hangs: something waits for it, and it has not got on for kHungMs. Time in
/// which nothing waited, or nobody looked, is none of it.
class HangWatch {
 public:
  /// Longer than the largest policy takes to load.
  static constexpr std::int64_t kHungMs = 120'000;

  /// `place` is how far the role has come. True once, then it begins anew.
  bool Hangs(bool waits, std::uint64_t place, std::int64_t now_ms) {
    if (!waits || !waited_ || place != place_) since_ms_ = now_ms;
    waited_ = waits;
    place_ = place;
    if (now_ms - since_ms_ <= kHungMs) return false;
    since_ms_ = now_ms;
    return true;
  }

 private:
  bool waited_ = false;
  std::uint64_t place_ = 0;
  std::int64_t since_ms_ = 0;
};

}  // namespace tld
