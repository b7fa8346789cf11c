// SPDX-License-Identifier: Apache-2.0
#include "program/hunt_report.h"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "alert/format.h"
#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kBarWidth = 50;
constexpr int kMiddleLevel = 7;

constexpr std::string_view kColumns[] = {
    "timestamp",
    "rule.id",
    "rule.level",
    "rule.description",
    "agent.name",
    "data.audit.auid",
    "data.audit.auid_name",
    "data.audit.uid",
    "data.audit.command",
    "data.audit.exe",
    "data.audit.execve.cmdline",
    "data.audit.cwd",
    "id",
};

std::string_view ColorOf(int level) {
  return level >= kHighLevel ? "\033[31m" : level >= kMiddleLevel ? "\033[33m" : "";
}

std::string Colored(std::string text, int level, bool color) {
  const std::string_view code = color ? ColorOf(level) : "";
  return code.empty() ? text : std::string(code) + text + "\033[0m";
}

void AppendCell(std::string& row, std::string_view value) {
  if (!row.empty()) row += ',';
  row += '"';
  const bool formula = !value.empty() && std::string_view("=+-@\t\r").find(value[0]) != value.npos;
  if (formula) row += '\'';
  for (const char c : Shown(value)) {
    if (c == '"') row += '"';
    row += c;
  }
  row += '"';
}

std::string CsvRow(const rapidjson::Value& document) {
  std::string row;
  for (const std::string_view field : kColumns) {
    std::string all;
    for (const std::string& value : ValuesOf(document, field)) {
      all += (all.empty() ? "" : " ") + value;
    }
    AppendCell(row, all);
  }
  return row;
}

}  // namespace

std::string HuntHeader() {
  std::string row;
  for (const std::string_view field : kColumns) AppendCell(row, field);
  return row;
}

std::string HuntLine(HuntShape shape, const StoredAlert& alert, const rapidjson::Value& document,
                     bool color) {
  if (shape == HuntShape::kJson) {
    // Documents in files come from anybody.
    return Shown(alert.document) == alert.document ? alert.document : RewriteDocument(document);
  }
  if (shape == HuntShape::kCsv) return CsvRow(document);
  const auto text = FormatStored(Payload::kText, alert, kSyslogLimit);
  return Colored(Timestamp(alert.time_us) + ' ' + text.value_or(""), alert.level, color);
}

void TopValues::Add(const Found& found) {
  if (found.document == nullptr) {
    if (!found.column.empty()) ++counts_[std::string(found.column)];
    return;
  }
  std::vector<std::string> values = ValuesOf(*found.document, field_);
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  for (std::string& value : values) ++counts_[std::move(value)];
}

std::vector<std::pair<std::string_view, std::uint64_t>> TopValues::Rows(std::size_t most) const {
  std::vector<std::pair<std::string_view, std::uint64_t>> rows(counts_.begin(), counts_.end());
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  if (most != 0 && rows.size() > most) rows.resize(most);
  return rows;
}

void TopValues::Print(HuntShape shape, std::size_t most) const {
  if (shape == HuntShape::kText) std::printf("%10s  %s\n", "alerts", Shown(field_).c_str());
  if (shape == HuntShape::kCsv) {
    std::string header;
    AppendCell(header, field_);
    std::printf("%s,\"alerts\"\n", header.c_str());
  }
  for (const auto& [value, count] : Rows(most)) {
    if (shape == HuntShape::kJson) {
      std::string line = "{\"field\":";
      AppendJsonString(line, field_);
      line += ",\"value\":";
      AppendJsonString(line, value);
      std::printf("%s,\"count\":%llu}\n", line.c_str(), static_cast<unsigned long long>(count));
    } else if (shape == HuntShape::kCsv) {
      std::string row;
      AppendCell(row, value);
      std::printf("%s,%llu\n", row.c_str(), static_cast<unsigned long long>(count));
    } else {
      std::printf("%10llu  %s\n", static_cast<unsigned long long>(count), Shown(value).c_str());
    }
  }
}

void Histogram::Add(const Found& found) {
  const std::int64_t time = found.alert.time_us;
  ++buckets_[time - ((time % span_us_) + span_us_) % span_us_][found.alert.level];
}

void Histogram::Add(std::int64_t start_us, int level, std::uint64_t alerts) {
  buckets_[start_us][level] += alerts;
}

bool Histogram::Print(HuntShape shape, bool color) const {
  const std::int64_t first = buckets_.empty() ? 0 : buckets_.begin()->first;
  const std::int64_t last = buckets_.empty() ? 0 : buckets_.rbegin()->first;
  if (static_cast<std::uint64_t>((last - first) / span_us_) >= kMostBuckets) return false;
  if (shape == HuntShape::kCsv) std::puts("\"time\",\"alerts\"");
  if (buckets_.empty()) return true;
  const auto total = [](const std::map<int, std::uint64_t>& levels) {
    std::uint64_t sum = 0;
    for (const auto& [level, count] : levels) sum += count;
    return sum;
  };
  std::uint64_t highest = 1;
  for (const auto& [start, levels] : buckets_) highest = std::max(highest, total(levels));
  static const std::map<int, std::uint64_t> kNone;
  for (std::int64_t start = first; start <= last; start += span_us_) {
    const auto found = buckets_.find(start);
    const std::map<int, std::uint64_t>& levels = found == buckets_.end() ? kNone : found->second;
    const std::uint64_t count = total(levels);
    const std::string time = Timestamp(start);
    if (shape == HuntShape::kText) {
      std::string bar;
      const std::size_t width =
          count == 0 ? 0 : std::max<std::size_t>(1, count * kBarWidth / highest);
      for (std::size_t i = 0; i < width; ++i) bar += "█";
      const int level = levels.empty() ? 0 : levels.rbegin()->first;
      std::printf("%s %8llu %s\n", time.substr(0, 19).c_str(),
                  static_cast<unsigned long long>(count), Colored(bar, level, color).c_str());
      continue;
    }
    if (shape == HuntShape::kCsv) {
      std::printf("\"%s\",%llu\n", time.c_str(), static_cast<unsigned long long>(count));
      continue;
    }
    std::string by_level;
    for (const auto& [level, n] : levels) {
      by_level +=
          (by_level.empty() ? "\"" : ",\"") + std::to_string(level) + "\":" + std::to_string(n);
    }
    std::printf("{\"time\":\"%s\",\"count\":%llu,\"levels\":{%s}}\n", time.c_str(),
                static_cast<unsigned long long>(count), by_level.c_str());
  }
  return true;
}

}  // namespace tld
