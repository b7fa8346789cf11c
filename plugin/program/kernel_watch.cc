// SPDX-License-Identifier: Apache-2.0
#include "program/kernel_watch.h"

#include <algorithm>
#include <string>

namespace tld {

std::vector<News> KernelWatch::Tell(const WitnessCounters& witness, std::int64_t now_ms) {
  std::vector<News> news;
  if (witness.kernel == WitnessCounters::kNotToBeAsked && !unseen_told_) {
    unseen_told_ = true;
    news.push_back(
        {Notice::kKernelUnseen,
         "the kernel does not tell its audit status (the witness lacks CAP_AUDIT_CONTROL, "
         "or this is a container): events that it drops will not be told"});
  }
  if (witness.kernel != WitnessCounters::kKnown) return news;
  unseen_told_ = false;
  TellLost(witness, news);
  const std::uint64_t backlog = witness.kernel_backlog;
  const std::uint64_t limit = witness.kernel_backlog_limit;
  if (limit > 0 && backlog * 4 >= limit * 3 && !backlog_told_) {
    backlog_told_ = true;
    news.push_back({Notice::kBacklogHigh, std::to_string(backlog) + " of " + std::to_string(limit) +
                                              " records wait in the kernel for auditd; above the "
                                              "limit it drops them ('auditctl -b' raises it)"});
  } else if (backlog * 2 < limit) {
    backlog_told_ = false;
  }
  const bool off = witness.kernel_enabled == 0 || witness.kernel_auditd == 0;
  if (!off) {
    off_since_ms_.reset();
    off_told_ = false;
    return news;
  }
  if (!off_since_ms_) off_since_ms_ = now_ms;
  if (off_told_ || now_ms - *off_since_ms_ < kOffMs) return news;
  off_told_ = true;
  news.push_back({Notice::kAuditOff,
                  witness.kernel_enabled == 0
                      ? "auditing is switched off in the kernel ('auditctl -e 1' switches it on)"
                      : "no auditd is registered with the kernel"});
  return news;
}

void KernelWatch::TellLost(const WitnessCounters& witness, std::vector<News>& news) {
  const std::uint64_t lost = witness.kernel_lost;
  // What was lost before the first look is not ours to tell; `auditctl --reset-lost` begins anew.
  if (lost_told_ && lost > *lost_told_) {
    news.push_back(
        {Notice::kKernelLost, "the kernel dropped " + std::to_string(lost - *lost_told_) +
                                  " audit records, " + std::to_string(lost) + " in all"});
  }
  lost_told_ = lost;
}

}  // namespace tld
