// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "deliver/search.h"

/// What `tldctl hunt` makes of the alerts that a search finds. Everything that is printed is safe
/// to show.
namespace tld {

/// From here on an alert counts as severe in colours and counters.
inline constexpr int kHighLevel = 12;

enum class HuntShape { kText, kJson, kCsv };

/// One alert as a line: `TIME` and the text of tld-audisp(8), the document, or a row of CSV
/// (RFC 4180). A cell that a spreadsheet would take for a formula gets a `'` before it.
std::string HuntLine(HuntShape shape, const StoredAlert& alert, const rapidjson::Value& document,
                     bool color);
/// The names of the columns, as a row of CSV.
std::string HuntHeader();

/// Counts the values of a field.
class TopValues {
 public:
  explicit TopValues(std::string field) : field_(std::move(field)) {}
  void Add(const Found& found);
  void Add(std::string_view value, std::uint64_t alerts) { counts_[std::string(value)] += alerts; }
  const std::string& field() const { return field_; }
  std::size_t different() const { return counts_.size(); }

  /// The most frequent first, at most so many; 0 is all. Views into this.
  std::vector<std::pair<std::string_view, std::uint64_t>> Rows(std::size_t most) const;
  void Print(HuntShape shape, std::size_t most) const;

 private:
  std::string field_;
  std::unordered_map<std::string, std::uint64_t> counts_;
};

/// Counts alerts by time.
class Histogram {
 public:
  static constexpr std::size_t kMostBuckets = 10'000;

  explicit Histogram(std::int64_t span_us) : span_us_(span_us) {}
  void Add(const Found& found);
  void Add(std::int64_t start_us, int level, std::uint64_t alerts);
  std::int64_t span_us() const { return span_us_; }
  /// False when there would be more than kMostBuckets rows.
  bool Print(HuntShape shape, bool color) const;

 private:
  std::int64_t span_us_;
  std::map<std::int64_t, std::map<int, std::uint64_t>> buckets_;  // start, level, alerts
};

}  // namespace tld
