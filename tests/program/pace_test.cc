// SPDX-License-Identifier: Apache-2.0
#include "program/pace.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace tld {
namespace {

constexpr std::size_t kRecord = 300;  // bytes

/// The rest after a read of so many records.
std::int64_t RestUs(Pace& pace, std::uint64_t records, std::size_t bytes, std::int64_t now_us) {
  pace.AfterRead(records, bytes, now_us);
  return pace.WaitUs(now_us);
}

TEST(Pace, ACommandNowAndThenIsReadAtOnce) {
  Pace pace;
  for (std::int64_t second = 1; second < 100; ++second) {
    for (int record = 0; record < 6; ++record) {
      EXPECT_EQ(RestUs(pace, 1, kRecord, second * 1'000'000 + record * 100), 0)
          << second << ' ' << record;
    }
  }
}

/// auditd's side: a socket that holds so much, and a queue before it.
TEST(Pace, InAStormTheQueueOfAuditdStaysFarFromItsLimit) {
  for (const std::int64_t per_second : {6'000, 25'000, 75'000, 150'000}) {
    Pace pace;
    constexpr std::int64_t kSocket = 167;
    std::int64_t queued = 0;
    std::int64_t most = 0;
    std::int64_t now_us = 60'000'000;
    std::int64_t reads = 0;
    std::int64_t taken = 0;
    for (const std::int64_t end_us = now_us + 2'000'000; now_us < end_us; ++reads) {
      const std::int64_t brought = std::min(queued, kSocket);
      queued -= brought;
      taken += brought;
      const auto records = static_cast<std::uint64_t>(brought);
      const std::int64_t rest_us =
          std::max<std::int64_t>(RestUs(pace, records, records * kRecord, now_us), 20);
      now_us += rest_us;
      queued += std::max<std::int64_t>(per_second * rest_us / 1'000'000, 1);
      most = std::max(most, queued - kSocket);
    }
    EXPECT_LT(most, 1200) << per_second;                   // q_depth of the oldest auditd
    EXPECT_GT(taken * 10, per_second * 19) << per_second;  // all but what still waits
    EXPECT_GT(taken, reads * 10) << per_second;            // ten records a read
  }
}

TEST(Pace, LargeRecordsFillTheSocketToo) {
  Pace pace;
  for (std::int64_t us = 1'000'000; us < 1'100'000; us += 100) RestUs(pace, 10, 10 * kRecord, us);
  EXPECT_EQ(RestUs(pace, 21, 21 * 8970, 1'100'000), Pace::kRefillUs);
  EXPECT_EQ(RestUs(pace, 21, 21 * kRecord, 1'100'100), Pace::kRestUs);
}

TEST(Pace, AfterAStormTheNextRecordIsReadAtOnce) {
  Pace pace;
  std::int64_t now_us = 1'000'000;
  for (int i = 0; i < 100; ++i) RestUs(pace, 100, 100 * kRecord, now_us += 2'000);
  EXPECT_GT(RestUs(pace, 1, kRecord, now_us += 1'000), 0);
  EXPECT_EQ(RestUs(pace, 1, kRecord, now_us + 1'000'000), 0);
}

TEST(Pace, GathersWhileTheDispatcherRefillsAndNoLonger) {
  constexpr std::size_t kFew = 1000;
  Pace pace;
  EXPECT_FALSE(pace.Gathers(kFew, 1'000'000));
  for (std::int64_t us = 1'000'000; us < 1'100'000; us += 100) RestUs(pace, 10, 10 * kRecord, us);
  EXPECT_FALSE(pace.Gathers(kFew, 1'099'901));  // the rest before the next burst: it goes on
  ASSERT_EQ(RestUs(pace, 150, 150 * kRecord, 1'100'000), Pace::kRefillUs);
  EXPECT_TRUE(pace.Gathers(kFew, 1'100'001));
  EXPECT_FALSE(pace.Gathers(Pace::kGatherBytes, 1'100'001));
  EXPECT_EQ(pace.WaitUs(1'100'000 + Pace::kRefillUs - 1), 1);
  // Whatever held the front up: when the rest is over, all goes on.
  EXPECT_FALSE(pace.Gathers(kFew, 1'100'000 + Pace::kRefillUs));
  EXPECT_FALSE(pace.Gathers(kFew, 9'000'000));
}

}  // namespace
}  // namespace tld
