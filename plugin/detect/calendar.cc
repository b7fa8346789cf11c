// SPDX-License-Identifier: Apache-2.0
#include "detect/calendar.h"

#include <ctime>
#include <optional>
#include <string>
#include <utility>

#include "base/text.h"

namespace tld {
namespace {

std::tm Local(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm local{};
  localtime_r(&time, &local);
  return local;
}

/// Minutes since midnight of `6`, `6:30`, `18:30`, `6 pm` or `6:30pm`.
std::optional<int> Minutes(std::string_view text) {
  text = Trim(text);
  std::optional<bool> afternoon;
  if (text.size() > 2) {
    const std::string_view suffix = text.substr(text.size() - 2);
    if (EqualsIgnoreCase(suffix, "am")) afternoon = false;
    if (EqualsIgnoreCase(suffix, "pm")) afternoon = true;
    if (afternoon) text = Trim(text.substr(0, text.size() - 2));
  }
  const std::size_t colon = text.find(':');
  if (colon == text.npos && !afternoon) return {};
  const auto hour = ParseNumber(text.substr(0, colon));
  const auto minute =
      colon == text.npos ? std::optional<std::uint64_t>(0) : ParseNumber(text.substr(colon + 1));
  if (!hour || !minute || *minute > 59 || *hour > (afternoon ? 12u : 23u)) return {};
  if (afternoon && *hour == 0) return {};
  auto hours = static_cast<int>(*hour);
  if (afternoon) hours = hours % 12 + (*afternoon ? 12 : 0);
  return hours * 60 + static_cast<int>(*minute);
}

constexpr std::pair<std::string_view, unsigned> kDays[] = {
    {"sunday", 1},  {"monday", 2},    {"tuesday", 4},   {"wednesday", 8}, {"thursday", 16},
    {"friday", 32}, {"saturday", 64}, {"weekdays", 62}, {"weekends", 65},
};

unsigned DayBits(std::string_view word) {
  for (const auto& [name, bits] : kDays) {
    const bool short_name = bits != 62 && bits != 65 && EqualsIgnoreCase(word, name.substr(0, 3));
    if (short_name || EqualsIgnoreCase(word, name)) return bits;
  }
  return 0;
}

}  // namespace

Result<DayTime> DayTime::Parse(std::string_view text) {
  DayTime time;
  text = Trim(text);
  if (text.starts_with('!')) {
    time.negated_ = true;
    text.remove_prefix(1);
  }
  const std::size_t dash = text.find('-');
  const auto begin = Minutes(text.substr(0, dash));
  const auto end = dash == text.npos ? std::nullopt : Minutes(text.substr(dash + 1));
  if (!begin || !end) return Error{"a time is written hh:mm-hh:mm or '6 pm - 8:30 am'"};
  time.begin_ = *begin;
  time.end_ = *end;
  return time;
}

bool DayTime::Holds(std::int64_t seconds) const {
  const std::tm local = Local(seconds);
  const int now = local.tm_hour * 60 + local.tm_min;
  const bool inside = begin_ <= end_ ? begin_ <= now && now <= end_ : begin_ <= now || now <= end_;
  return inside != negated_;
}

Result<WeekDays> WeekDays::Parse(std::string_view text) {
  WeekDays days;
  text = Trim(text);
  const bool negated = text.starts_with('!');
  if (negated) text.remove_prefix(1);
  for (const std::string_view word : SplitWords(text, ", \t\r\n")) {
    const unsigned bits = DayBits(word);
    if (bits == 0) return Error{"'" + std::string(word) + "' is no day of the week"};
    days.days_ |= bits;
  }
  if (days.days_ == 0) return Error{"no day of the week is named"};
  if (negated) days.days_ = ~days.days_;
  return days;
}

bool WeekDays::Holds(std::int64_t seconds) const {
  return (days_ >> Local(seconds).tm_wday & 1u) != 0;
}

}  // namespace tld
