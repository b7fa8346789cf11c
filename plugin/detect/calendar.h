// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

/// `time` and `weekday` of rules, in local time.
namespace tld {

/// `hh:mm-hh:mm`, 12 or 24 hours (`6 pm - 8:30 am`), both ends included; may wrap midnight. A
/// leading `!` means outside of it.
class DayTime {
 public:
  static Result<DayTime> Parse(std::string_view text);
  bool Holds(std::int64_t seconds) const;
  bool operator==(const DayTime&) const = default;

 private:
  int begin_ = 0;  ///< minutes since midnight
  int end_ = 0;
  bool negated_ = false;
};

/// Names of days, whole or of three letters, `weekdays`, `weekends`, separated by commas or blanks.
/// A leading `!` means on all others.
class WeekDays {
 public:
  static Result<WeekDays> Parse(std::string_view text);
  bool Holds(std::int64_t seconds) const;
  bool operator==(const WeekDays&) const = default;

 private:
  unsigned days_ = 0;  ///< a bit each, Sunday is bit 0
};

}  // namespace tld
