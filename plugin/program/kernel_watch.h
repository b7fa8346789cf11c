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
  std::vector<News> Tell(const WitnessCounters& witness);

 private:
  void TellLost(const WitnessCounters& witness, std::vector<News>& news);

  std::optional<std::uint64_t> lost_told_;
  bool backlog_told_ = false;
  bool off_told_ = false;
  bool unseen_told_ = false;
};

}  // namespace tld
