// SPDX-License-Identifier: Apache-2.0
#include "program/kernel_watch.h"

#include <gtest/gtest.h>

namespace tld {
namespace {

class KernelWatchTest : public testing::Test {
 protected:
  KernelWatchTest() {
    page_.kernel = WitnessCounters::kKnown;
    page_.kernel_enabled = 1;
    page_.kernel_auditd = 77;
    page_.kernel_backlog_limit = 8192;
  }
  /// The numbers of the notices, and the last text.
  std::vector<Notice> Tell() {
    std::vector<Notice> notices;
    now_ms_ += KernelWatch::kOffMs / 2;
    for (const News& news : watch_.Tell(page_, now_ms_)) {
      notices.push_back(news.notice);
      text_ = news.text;
    }
    return notices;
  }

  WitnessCounters page_;
  KernelWatch watch_;
  std::string text_;
  std::int64_t now_ms_ = 0;
};
using Notices = std::vector<Notice>;

TEST_F(KernelWatchTest, WhatWasLostBeforeIsNotToldAndWhatIsLostSinceIs) {
  page_.kernel_lost = 500;
  EXPECT_EQ(Tell(), Notices{});
  page_.kernel_lost = 512;
  EXPECT_EQ(Tell(), Notices{Notice::kKernelLost});
  EXPECT_EQ(text_, "the kernel dropped 12 audit records, 512 in all");
  EXPECT_EQ(Tell(), Notices{});
  page_.kernel_lost = 0;  // auditctl --reset-lost
  EXPECT_EQ(Tell(), Notices{});
  page_.kernel_lost = 1;
  EXPECT_EQ(Tell(), Notices{Notice::kKernelLost});
}

TEST_F(KernelWatchTest, AFullQueueIsToldOnceUntilItHasDrained) {
  page_.kernel_backlog = 6143;
  EXPECT_EQ(Tell(), Notices{});
  page_.kernel_backlog = 6144;
  EXPECT_EQ(Tell(), Notices{Notice::kBacklogHigh});
  page_.kernel_backlog = 4096;
  EXPECT_EQ(Tell(), Notices{});
  page_.kernel_backlog = 7000;
  EXPECT_EQ(Tell(), Notices{});
  page_.kernel_backlog = 4095;
  EXPECT_EQ(Tell(), Notices{});
  page_.kernel_backlog = 7000;
  EXPECT_EQ(Tell(), Notices{Notice::kBacklogHigh});
}

TEST_F(KernelWatchTest, AuditingThatStaysOffIsToldOnce) {
  page_.kernel_auditd = 0;  // as at the start of auditd
  EXPECT_EQ(Tell(), Notices{});
  EXPECT_EQ(Tell(), Notices{});
  page_.kernel_auditd = 77;
  EXPECT_EQ(Tell(), Notices{});
  page_.kernel_enabled = 0;
  EXPECT_EQ(Tell(), Notices{});
  EXPECT_EQ(Tell(), Notices{});
  EXPECT_EQ(Tell(), Notices{Notice::kAuditOff});
  EXPECT_EQ(Tell(), Notices{});
  page_.kernel_enabled = 2;
  EXPECT_EQ(Tell(), Notices{});
  page_.kernel_auditd = 0;
  for (int i = 0; i < 2; ++i) EXPECT_EQ(Tell(), Notices{});
  EXPECT_EQ(Tell(), Notices{Notice::kAuditOff});
  EXPECT_EQ(text_, "no auditd is registered with the kernel");
}

TEST_F(KernelWatchTest, AKernelThatCannotBeAskedIsSaidOnce) {
  page_.kernel = WitnessCounters::kNotAsked;
  EXPECT_EQ(Tell(), Notices{});
  page_.kernel = WitnessCounters::kNotToBeAsked;
  EXPECT_EQ(Tell(), Notices{Notice::kKernelUnseen});
  EXPECT_EQ(Tell(), Notices{});
}

}  // namespace
}  // namespace tld
