// SPDX-License-Identifier: Apache-2.0
// The search through a store, with and without SQLite's help.
#include "deliver/search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "deliver/store.h"
#include "tests/support.h"

namespace tld {
namespace {

using testing_support::ExecRecords;
using testing_support::TemporaryDirectory;

class SearchTest : public testing::Test {
 protected:
  SearchTest() {
    Store store({directory_ / "alerts.db"});
    Sender sender;
    sender.host = "host1";
    sender.instance = 7;
    const std::string commands[] = {"nc", "ls", "vim"};
    for (int i = 0; i < 300; ++i) {
      const std::string& command = commands[i % 3];
      const Event event =
          testing_support::ParseEvent(ExecRecords(command, "/usr/bin/" + command, i + 1));
      Rule rule;
      rule.id = std::to_string(100 + i % 5);
      rule.level = 3 + i % 10;
      Alert alert;
      alert.rule = &rule;
      alert.event = &event;
      alert.description = "run " + command;
      alert.seq = static_cast<std::uint64_t>(i + 1);
      alert.time_us = std::int64_t{1'700'000'000 + (i * 37) % 300} * 1'000'000;
      store.Add(alert, sender, FormatJson(alert, sender, kFileLimit), 0);
    }
    store.Flush();
  }

  std::vector<std::uint64_t> Search(const std::string& text, SearchOptions options = {}) {
    std::vector<std::uint64_t> found;
    Result<StoreReader> reader = StoreReader::Open(directory_ / "alerts.db");
    const Result<Query> query = Query::Parse(text, 0);
    EXPECT_TRUE(reader && query) << text;
    if (!reader || !query) return found;
    EXPECT_TRUE(SearchStore(
        *reader, *query, options,
        [&](const Found& one) {
          found.push_back(one.alert.seq);
          return true;
        },
        [](std::uint64_t) {}));
    return found;
  }

  TemporaryDirectory directory_;
};

/// SQL may narrow the search down, never change what is found.
TEST_F(SearchTest, FindsWhatTheQueryAloneFinds) {
  const std::vector<std::string> terms = {"data.audit.command:nc",
                                          "audit.command:ls",
                                          "rule.id:102",
                                          "rule.level>=7",
                                          "rule.level:5",
                                          "rule.level<4",
                                          "data.audit.auid:1000",
                                          "data.audit.exe:/usr/bin/vim",
                                          "timestamp>2023-11-14T22:15:00Z",
                                          "vim",
                                          "data.audit.cwd:/root",
                                          "data.audit.exe:*ls",
                                          "rule.description:RUN",
                                          "data.audit.tty:*",
                                          "nonsense",
                                          "rule.level:x"};
  std::mt19937 random(3);
  const auto pick = [&] { return terms[random() % terms.size()]; };
  for (int i = 0; i < 400; ++i) {
    std::string text = pick();
    for (int n = static_cast<int>(random() % 4); n > 0; --n) {
      const std::string other = (random() % 4 == 0 ? "not " : "") + pick();
      text = random() % 2 == 0 ? "(" + text + ") or " + other : "(" + text + ") and " + other;
      if (random() % 5 == 0) text = "not (" + text + ")";
    }
    std::vector<std::uint64_t> expected;
    Result<StoreReader> reader = StoreReader::Open(directory_ / "alerts.db");
    const Result<Query> query = Query::Parse(text, 0);
    ASSERT_TRUE(query) << text;
    const auto all = reader->After(0, 1000);
    ASSERT_TRUE(all);
    for (const StoredAlert& alert : *all) {
      rapidjson::Document document;
      document.Parse(alert.document.c_str());
      if (query->Matches(document, alert.time_us)) expected.push_back(alert.seq);
    }
    std::vector<std::uint64_t> found = Search(text);
    std::sort(found.begin(), found.end());
    ASSERT_EQ(found, expected) << text;
    // Without documents as well, where the columns are enough.
    SearchOptions columns;
    columns.documents = false;
    found = Search(text, columns);
    std::sort(found.begin(), found.end());
    ASSERT_EQ(found, expected) << text;
  }
}

/// Whatever SQLite counts by itself is what a search finds, one by one.
TEST_F(SearchTest, CountsWhatTheSearchFinds) {
  {
    // A field with several values among the others.
    Store store({directory_ / "alerts.db"});
    const Event event = testing_support::ParseEvent(
        "type=USER_CMD msg=audit(1700000100.000:900): pid=1 uid=0 auid=1000 exe=\"/usr/bin/sudo\" "
        "msg='cmd=x exe=\"/usr/bin/vim\" auid=9 res=success'\n");
    ASSERT_TRUE(event.Find("audit.exe").HasSeveral());
    Rule rule;
    rule.id = "101";
    rule.level = 4;
    Alert alert;
    alert.rule = &rule;
    alert.event = &event;
    alert.seq = 900;
    alert.time_us = std::int64_t{1'700'000'100} * 1'000'000;
    store.Add(alert, {}, FormatJson(alert, {}, kFileLimit), 0);
  }
  Result<StoreReader> reader = StoreReader::Open(directory_ / "alerts.db");
  ASSERT_TRUE(reader);
  using Counts = std::map<std::string, std::uint64_t>;
  constexpr std::int64_t kSpanUs = 45'000'000;
  SearchOptions options;
  options.since_us = std::int64_t{1'700'000'020} * 1'000'000;
  options.until_us = std::int64_t{1'700'000'250} * 1'000'000;
  for (const char* text :
       {"", "data.audit.command:nc", "rule.level>=7 and not data.audit.command:ls",
        "data.audit.exe:/usr/bin/vim or rule.id:102", "not data.audit.exe:/usr/bin/vim",
        "data.audit.auid:1000", "timestamp>2023-11-14T22:15:00Z"}) {
    const Result<Query> query = Query::Parse(text, 0);
    ASSERT_TRUE(query);
    for (const std::string column : {"rule", "level", "auid", "command", "exe"}) {
      const std::string field = (column == "rule"    ? "rule.id"
                                 : column == "level" ? "rule.level"
                                                     : "audit." + column);
      Counts expected;
      std::map<std::pair<std::int64_t, int>, std::uint64_t> expected_times;
      ASSERT_TRUE(SearchStore(
          *reader, *query, options,
          [&](const Found& found) {
            std::set<std::string> values;
            for (std::string& value : ValuesOf(*found.document, field)) values.insert(value);
            for (const std::string& value : values) ++expected[value];
            const std::int64_t time = found.alert.time_us;
            ++expected_times[{time - time % kSpanUs, found.alert.level}];
            return true;
          },
          [](std::uint64_t) {}));
      Counts counted;
      const Result<bool> by_values = CountValues(
          *reader, *query, options, column,
          [&](std::string_view value, std::uint64_t n) { counted[std::string(value)] += n; });
      ASSERT_TRUE(by_values && *by_values) << text;
      EXPECT_EQ(counted, expected) << text << " by " << column;
      std::map<std::pair<std::int64_t, int>, std::uint64_t> times;
      const Result<bool> by_times = CountTimes(*reader, *query, options, kSpanUs,
                                               [&](std::int64_t start, int level, std::uint64_t n) {
                                                 times[{start, level}] += n;
                                               });
      ASSERT_TRUE(by_times && *by_times) << text;
      EXPECT_EQ(times, expected_times) << text;
      ASSERT_FALSE(expected.empty()) << text << " by " << column;
    }
  }
  // What only documents tell is not counted so.
  const Result<Query> query = Query::Parse("data.audit.cwd:/root", 0);
  const Result<bool> counted = CountValues(*reader, *query, options, "rule",
                                           [](std::string_view, std::uint64_t) { FAIL(); });
  ASSERT_TRUE(counted);
  EXPECT_FALSE(*counted);
}

TEST_F(SearchTest, AFieldWithSeveralValuesIsFoundByEach) {
  {
    Store store({directory_ / "several.db"});
    const std::string stamp = " msg=audit(1700000000.000:5): ";
    const Event event = testing_support::ParseEvent(
        "type=USER_CMD" + stamp +
        "pid=1 uid=0 auid=7 exe=\"/usr/bin/sudo\" msg='cmd=x exe=\"/x\" auid=9 res=success'\n");
    ASSERT_TRUE(event.Find("audit.exe").HasSeveral());
    Rule rule;
    rule.id = "1";
    Alert alert;
    alert.rule = &rule;
    alert.event = &event;
    alert.seq = 1;
    store.Add(alert, {}, FormatJson(alert, {}, kFileLimit), 0);
  }
  Result<StoreReader> reader = StoreReader::Open(directory_ / "several.db");
  ASSERT_TRUE(reader);
  const auto found = [&](const std::string& text, bool documents) {
    SearchOptions options;
    options.documents = documents;
    int count = 0;
    const Result<Query> query = Query::Parse(text, 0);
    EXPECT_TRUE(SearchStore(
        *reader, *query, options, [&](const Found&) { return ++count; }, [](std::uint64_t) {}));
    return count;
  };
  for (const bool documents : {true, false}) {
    EXPECT_EQ(found("data.audit.exe:/x", documents), 1);
    EXPECT_EQ(found("data.audit.exe:/usr/bin/sudo and data.audit.exe:/x", documents), 1);
    EXPECT_EQ(found("not data.audit.exe:/x", documents), 0);
    EXPECT_EQ(found("data.audit.exe:/y", documents), 0);
    EXPECT_EQ(found("not data.audit.exe:/y", documents), 1);
    EXPECT_EQ(found("not not data.audit.exe:/x", documents), 1);
  }
  std::string many = "rule.id:1";
  for (int i = 2; i < 3000; ++i) many += " or rule.id:" + std::to_string(i);
  EXPECT_EQ(found(many, true), 1);
}

TEST_F(SearchTest, NewestFirstWithinATime) {
  SearchOptions options;
  options.newest_first = true;
  options.since_us = std::int64_t{1'700'000'010} * 1'000'000;
  options.until_us = std::int64_t{1'700'000'013} * 1'000'000;
  // The times run through all seconds once: second s is that of the alert with 37 (seq - 1) = s.
  const std::vector<std::uint64_t> found = Search("", options);
  ASSERT_EQ(found.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ((found[i] - 1) * 37 % 300, 12 - i);
}

TEST_F(SearchTest, WhatSqliteIsAsked) {
  const auto sql = [](const std::string& text) {
    const Result<Query> query = Query::Parse(text, 0);
    const auto condition = TranslateQuery(query->root());
    if (!condition) return std::string("-");
    return condition->text + (condition->exact ? "" : " ...");
  };
  EXPECT_EQ(sql("data.audit.command:nc"), "command IN (?, char(1))");
  EXPECT_EQ(sql("data.audit.command:nc and vim"), "(command IN (?, char(1))) ...");
  EXPECT_EQ(sql("data.audit.command:nc or vim"), "-");
  EXPECT_EQ(sql("not data.audit.command:nc"), "NOT (command = ?)");
  EXPECT_EQ(sql("not (data.audit.command:nc and vim)"), "-");
  EXPECT_EQ(sql("rule.id:(1 or 2)"), "(rule = ?) OR (rule = ?)");
  EXPECT_EQ(sql("data.audit.command:n*"), "-");
}

}  // namespace
}  // namespace tld
