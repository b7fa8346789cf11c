// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "program/notice.h"
#include "program/shared.h"

namespace tld {

/// Tells what the witness has read of the kernel's audit status and what is wrong with it. One
/// thread.
class KernelWatch {
 public:
  /// Auditing that is off, or no auditd, is told after kOffMs: auditd starts its plugins before it
  /// registers itself.
  static constexpr std::int64_t kOffMs = 10'000;

  std::vector<News> Tell(const WitnessCounters& witness, std::int64_t now_ms);

 private:
  void TellLost(const WitnessCounters& witness, std::vector<News>& news);

  std::optional<std::uint64_t> lost_told_;
  bool backlog_told_ = false;
  std::optional<std::int64_t> off_since_ms_;
  bool off_told_ = false;
  bool unseen_told_ = false;
};

}  // namespace tld
