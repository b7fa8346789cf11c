// SPDX-License-Identifier: Apache-2.0
#include "program/html_report.h"

#include <algorithm>
#include <map>

#include "alert/format.h"
#include "base/os.h"
#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kTopRows = 10;
constexpr std::int64_t kMostBars = 120;
constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kMinute = 60;
constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kSpans[] = {
    1,         5,         15,         kMinute, 5 * kMinute, 15 * kMinute, kHour,
    3 * kHour, 6 * kHour, 12 * kHour, kDay,    7 * kDay,    30 * kDay,    365 * kDay,
};

constexpr std::string_view kTopFields[] = {"rule.id", "data.audit.auid", "data.audit.command",
                                           "rule.mitre.id"};

/// The shortest span that makes few enough bars; in seconds.
std::int64_t SpanFor(std::int64_t range_us) {
  const auto* span = std::find_if(std::begin(kSpans), std::end(kSpans), [&](std::int64_t s) {
    return range_us / (s * kSecondUs) < kMostBars;
  });
  return span == std::end(kSpans) ? kSpans[std::size(kSpans) - 1] : *span;
}

void AppendMember(std::string& out, std::string_view name, std::string_view value) {
  AppendJsonString(out, name);
  out += ':';
  AppendJsonString(out, value);
  out += ',';
}

}  // namespace

HtmlReport::HtmlReport(About about, std::size_t most) : about_(std::move(about)), most_(most) {
  for (const std::string_view field : kTopFields) tops_.emplace_back(std::string(field));
}

void HtmlReport::Add(const Found& found) {
  ++total_;
  if (found.alert.level >= kHighLevel) ++high_;
  times_.emplace_back(found.alert.time_us, found.alert.level);
  for (TopValues& top : tops_) top.Add(found);
  documents_.push_back(HuntLine(HuntShape::kJson, found.alert, *found.document, false));
  if (most_ != 0 && documents_.size() > most_) documents_.pop_front();
}

void HtmlReport::AppendHistogram(std::string& out) const {
  if (times_.empty()) {
    out += "\"span\":1,\"bars\":[],";
    return;
  }
  const auto [first, last] = std::minmax_element(times_.begin(), times_.end());
  const std::int64_t span_us = SpanFor(last->first - first->first) * kSecondUs;
  std::map<std::int64_t, std::map<int, std::uint64_t>> bars;
  for (const auto& [time, level] : times_) {
    ++bars[time - (time % span_us + span_us) % span_us][level];
  }
  out += "\"span\":" + std::to_string(span_us / kSecondUs) + ",\"bars\":[";
  for (const auto& [start, levels] : bars) {
    if (out.back() != '[') out += ',';
    out += "{\"time\":" + std::to_string(start / 1000) + ",\"levels\":{";
    for (const auto& [level, count] : levels) {
      if (out.back() != '{') out += ',';
      out += '"' + std::to_string(level) + "\":" + std::to_string(count);
    }
    out += "}}";
  }
  out += "],";
}

std::string HtmlReport::Data(std::int64_t now_us) const {
  std::string out = "{";
  AppendMember(out, "query", about_.query);
  AppendMember(out, "since", about_.since);
  AppendMember(out, "until", about_.until);
  AppendMember(out, "source", about_.source);
  AppendMember(out, "made", Timestamp(now_us));
  out += "\"total\":" + std::to_string(total_) + ",\"high\":" + std::to_string(high_) + ',';
  AppendHistogram(out);
  out += "\"tops\":[";
  for (const TopValues& top : tops_) {
    if (out.back() != '[') out += ',';
    out += "{\"field\":";
    AppendJsonString(out, top.field());
    out += ",\"values\":" + std::to_string(top.different()) + ",\"rows\":[";
    for (const auto& [value, count] : top.Rows(kTopRows)) {
      if (out.back() != '[') out += ',';
      out += "{\"value\":";
      AppendJsonString(out, value);
      out += ",\"count\":" + std::to_string(count) + '}';
    }
    out += "]}";
  }
  out += "],\"alerts\":[";
  for (const std::string& document : documents_) {
    if (&document != &documents_.front()) out += ",\n";
    out += document;
  }
  out += "]}";
  return out;
}

std::string HtmlReport::Page(std::int64_t now_us) const {
  std::string page(kReportHead);
  for (const char c : Data(now_us)) {
    if (c == '<') {
      page += "\\u003c";  // in JSON it stands within texts alone
    } else {
      page += c;
    }
  }
  page += kReportTail;
  return page;
}

}  // namespace tld
