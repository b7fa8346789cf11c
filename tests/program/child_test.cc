// SPDX-License-Identifier: Apache-2.0
#include "program/child.h"

#include <gtest/gtest.h>

namespace tld {
namespace {

constexpr std::int64_t kHung = HangWatch::kHungMs;

TEST(HangWatch, ARoleThatTakesNothingForLongHangs) {
  HangWatch watch;
  std::int64_t now = 1'000'000;
  EXPECT_FALSE(watch.Hangs(true, 5, now));
  for (const std::int64_t end = now + kHung; now < end;)
    EXPECT_FALSE(watch.Hangs(true, 5, now += 1000));
  EXPECT_TRUE(watch.Hangs(true, 5, now += 1000));
  EXPECT_FALSE(watch.Hangs(true, 5, now += 1000));  // the next one has as long
}

TEST(HangWatch, OneThatGetsOnOrHasNothingToDoDoesNot) {
  HangWatch watch;
  std::int64_t now = 1'000'000;
  for (std::uint64_t place = 0; place < 100; ++place) {
    EXPECT_FALSE(watch.Hangs(true, place, now += kHung - 1));
  }
  EXPECT_FALSE(watch.Hangs(false, 100, now += kHung + 1));
  EXPECT_FALSE(watch.Hangs(false, 100, now += kHung + 1));
}

TEST(HangWatch, WhatComesAfterALongPauseHasNotWaitedYet) {
  HangWatch watch;
  EXPECT_FALSE(watch.Hangs(false, 7, 1'000'000));
  EXPECT_FALSE(watch.Hangs(true, 7, 1'000'000 + 10 * kHung));
  EXPECT_FALSE(watch.Hangs(true, 7, 1'000'000 + 11 * kHung));
  EXPECT_TRUE(watch.Hangs(true, 7, 1'000'001 + 11 * kHung));
}

}  // namespace
}  // namespace tld
