// SPDX-License-Identifier: Apache-2.0
#include "program/pace.h"

#include <gtest/gtest.h>

namespace tld {
namespace {

TEST(Pace, ACommandNowAndThenIsReadAtOnce) {
  Pace pace;
  for (std::int64_t second = 1; second < 100; ++second) {
    for (int record = 0; record < 6; ++record) {
      EXPECT_EQ(pace.RestUs(1, second * 1'000'000 + record * 100), 0) << second << ' ' << record;
    }
  }
}

TEST(Pace, AStormIsReadInPortionsThatTheSocketHolds) {
  Pace pace;
  std::int64_t now_us = 60'000'000;
  std::uint64_t waiting = 1;
  constexpr std::int64_t kRecordUs = 40;  // 25,000 records a second
  for (int i = 0; i < 10'000; ++i) {
    const std::int64_t rest_us = pace.RestUs(waiting, now_us);
    const std::int64_t pause_us = std::max<std::int64_t>(rest_us, kRecordUs);
    now_us += pause_us;
    waiting = static_cast<std::uint64_t>(pause_us / kRecordUs);
    EXPECT_LE(waiting, 167u);
    if (now_us > 60'020'000) EXPECT_GE(waiting, 60u) << now_us;
  }
}

TEST(Pace, NoRestIsLong) {
  Pace pace;
  for (std::int64_t us = 1'000'000; us < 2'000'000; us += 190) {
    EXPECT_LE(pace.RestUs(1, us), Pace::kLongestUs);
  }
}

TEST(Pace, TheFirstRecordAfterAStormIsTheLastThatEndsARest) {
  Pace pace;
  std::int64_t now_us = 1'000'000;
  for (int i = 0; i < 100; ++i) pace.RestUs(100, now_us += 2'000);
  EXPECT_GT(pace.RestUs(100, now_us += 2'000), 0);
  EXPECT_EQ(pace.RestUs(1, now_us + 1'000'000), 0);
}

}  // namespace
}  // namespace tld
