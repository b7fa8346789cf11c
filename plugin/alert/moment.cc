// SPDX-License-Identifier: Apache-2.0
#include "alert/moment.h"

#include <ctime>
#include <utility>

#include "base/text.h"

namespace tld {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kMostSpanUs = std::int64_t{100} * 366 * 86'400 * kSecondUs;

/// Takes digits off the front; nothing unless there are that many.
std::optional<int> TakeNumber(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return {};
  const auto number = ParseNumber(text.substr(0, digits));
  if (!number) return {};
  text.remove_prefix(digits);
  return static_cast<int>(*number);
}

bool TakeOne(std::string_view& text, std::string_view of) {
  if (text.empty() || of.find(text[0]) == of.npos) return false;
  text.remove_prefix(1);
  return true;
}

/// Microseconds of a fraction `.ddd`, which may be missing.
std::optional<std::int64_t> TakeFraction(std::string_view& text) {
  if (!TakeOne(text, ".,")) return 0;
  std::int64_t us = 0;
  std::int64_t unit = kSecondUs / 10;
  std::size_t digits = 0;
  for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; ++digits, unit /= 10) {
    us += (text[0] - '0') * unit;
    text.remove_prefix(1);
  }
  return digits == 0 ? std::optional<std::int64_t>() : us;
}

/// Seconds east of Greenwich, of `Z` or `+hhmm` or `+hh:mm` that end the text.
std::optional<long> TakeZone(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  const bool west = text.starts_with('-');
  if (!TakeOne(text, "+-")) return {};
  const auto hours = TakeNumber(text, 2);
  TakeOne(text, ":");
  const auto minutes = TakeNumber(text, 2);
  if (!hours || !minutes || !text.empty() || *hours > 14 || *minutes > 59) return {};
  const long seconds = *hours * 3600L + *minutes * 60L;
  return west ? -seconds : seconds;
}

std::optional<std::int64_t> ParseDate(std::string_view text) {
  std::tm tm{};
  const auto year = TakeNumber(text, 4);
  if (!year || !TakeOne(text, "-")) return {};
  const auto month = TakeNumber(text, 2);
  if (!month || !TakeOne(text, "-")) return {};
  const auto day = TakeNumber(text, 2);
  if (!day || *month < 1 || *month > 12 || *day < 1 || *day > 31) return {};
  tm.tm_year = *year - 1900;
  tm.tm_mon = *month - 1;
  tm.tm_mday = *day;
  tm.tm_isdst = -1;
  std::optional<std::int64_t> fraction = 0;
  if (TakeOne(text, "T ")) {
    const auto hour = TakeNumber(text, 2);
    if (!hour || !TakeOne(text, ":")) return {};
    const auto minute = TakeNumber(text, 2);
    if (!minute || *hour > 23 || *minute > 59) return {};
    tm.tm_hour = *hour;
    tm.tm_min = *minute;
    if (TakeOne(text, ":")) {
      const auto second = TakeNumber(text, 2);
      if (!second || *second > 60) return {};
      tm.tm_sec = *second;
      fraction = TakeFraction(text);
    }
  }
  if (!fraction) return {};
  std::time_t seconds = 0;
  if (text.empty()) {
    seconds = mktime(&tm);
  } else if (const auto zone = TakeZone(text)) {
    seconds = timegm(&tm) - *zone;
  } else {
    return {};
  }
  return std::int64_t{seconds} * kSecondUs + *fraction;
}

std::int64_t StartOfDay(std::int64_t now_us, int days_before) {
  const std::time_t now = now_us / kSecondUs;
  std::tm tm{};
  localtime_r(&now, &tm);
  tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
  tm.tm_mday -= days_before;
  tm.tm_isdst = -1;
  return std::int64_t{mktime(&tm)} * kSecondUs;
}

}  // namespace

std::optional<std::int64_t> ParseSpan(std::string_view text) {
  if (text.empty()) return {};
  constexpr std::pair<char, std::int64_t> kUnits[] = {
      {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86'400}, {'w', 7 * 86'400}};
  for (const auto& [unit, seconds] : kUnits) {
    if (text.back() != unit) continue;
    const auto number = ParseNumber(text.substr(0, text.size() - 1));
    const auto most = static_cast<std::uint64_t>(kMostSpanUs / (seconds * kSecondUs));
    if (!number || *number == 0 || *number > most) return {};
    return static_cast<std::int64_t>(*number) * seconds * kSecondUs;
  }
  return {};
}

std::optional<std::int64_t> ParseMoment(std::string_view text, std::int64_t now_us) {
  text = Trim(text);
  if (EqualsIgnoreCase(text, "now")) return now_us;
  if (EqualsIgnoreCase(text, "today")) return StartOfDay(now_us, 0);
  if (EqualsIgnoreCase(text, "yesterday")) return StartOfDay(now_us, 1);
  std::optional<std::int64_t> span;
  if (text.size() > 4 && EqualsIgnoreCase(text.substr(0, 4), "now-")) {
    span = ParseSpan(text.substr(4));
  } else if (text.size() > 4 && EqualsIgnoreCase(text.substr(text.size() - 4), " ago")) {
    span = ParseSpan(Trim(text.substr(0, text.size() - 4)));
  } else {
    return ParseDate(text);
  }
  if (!span) return {};
  return now_us - *span;
}

}  // namespace tld
