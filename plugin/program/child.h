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
  static constexpr std::int64_t kHealthyMs = 60'000;  ///< one that lived so long begins anew with it

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

}  // namespace tld
