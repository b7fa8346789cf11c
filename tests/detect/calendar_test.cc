// SPDX-License-Identifier: Apache-2.0
#include "detect/calendar.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace tld {
namespace {

class CalendarTest : public testing::Test {
 protected:
  CalendarTest() {
    setenv("TZ", "UTC", 1);
    tzset();
  }
  /// Seconds of a time on Thursday 1 January 1970.
  static std::int64_t At(int hour, int minute, int second = 0) {
    return hour * 3600 + minute * 60 + second;
  }
  static constexpr std::int64_t kDay = 86'400;
};

TEST_F(CalendarTest, TimesIncludeBothEndsAndWrapMidnight) {
  struct Row {
    const char* text;
    int hour, minute;
    bool holds;
  };
  const Row table[] = {
      {"09:00-17:00", 9, 0, true},     {"09:00-17:00", 17, 0, true},
      {"09:00-17:00", 17, 1, false},   {"09:00-17:00", 8, 59, false},
      {"22:00-06:00", 23, 0, true},    {"22:00-06:00", 5, 59, true},
      {"22:00-06:00", 12, 0, false},   {"6 pm - 8:30 am", 18, 0, true},
      {"6 pm - 8:30 am", 8, 30, true}, {"6pm-8:30am", 9, 0, false},
      {"12 am - 12 pm", 0, 0, true},   {"12 am - 12 pm", 12, 1, false},
      {"!09:00-17:00", 12, 0, false},  {" ! 9:00 - 17:00 ", 20, 0, true},
  };
  for (const Row& row : table) {
    const Result<DayTime> time = DayTime::Parse(row.text);
    ASSERT_TRUE(time) << row.text;
    EXPECT_EQ(time->Holds(At(row.hour, row.minute, 59)), row.holds)
        << row.text << " at " << row.hour << ':' << row.minute;
  }
}

TEST_F(CalendarTest, WhatIsNoTimeIsRefused) {
  for (const char* bad : {"", "9", "9-17", "09:00", "25:00-26:00", "09:60-10:00", "13 pm-2 pm",
                          "0 am-1 am", "09:00-", "a:b-c:d"}) {
    EXPECT_FALSE(DayTime::Parse(bad)) << bad;
  }
}

TEST_F(CalendarTest, WeekdaysByNameGroupAndNegation) {
  const std::int64_t thursday = 0;
  const std::int64_t saturday = 2 * kDay;
  const auto holds = [](const char* text, std::int64_t when) {
    const Result<WeekDays> days = WeekDays::Parse(text);
    EXPECT_TRUE(days) << text;
    return days && days->Holds(when);
  };
  EXPECT_TRUE(holds("thursday", thursday));
  EXPECT_TRUE(holds("Mon, THU", thursday));
  EXPECT_FALSE(holds("mon tue", thursday));
  EXPECT_TRUE(holds("weekdays", thursday));
  EXPECT_FALSE(holds("weekdays", saturday));
  EXPECT_TRUE(holds("weekends", saturday));
  EXPECT_FALSE(holds("!weekends", saturday));
  EXPECT_TRUE(holds("!sat,sun", thursday));
  for (const char* bad : {"", "!", "someday", "wee", "mond"}) EXPECT_FALSE(WeekDays::Parse(bad));
}

}  // namespace
}  // namespace tld
