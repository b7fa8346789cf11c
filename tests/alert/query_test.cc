// SPDX-License-Identifier: Apache-2.0
#include "alert/query.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <random>

#include "alert/moment.h"

namespace tld {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kNow = std::int64_t{1'700'000'000} * kSecond;  // 2023-11-14 22:13:20 UTC

// clang-format off
const char kDocument[] =
    "{\"timestamp\":\"2023-11-14T22:13:20.000+0000\",\"rule\":{\"level\":12,"
    "\"description\":\"Suspicious Command\",\"id\":\"100210\",\"mail\":true,"
    "\"groups\":[\"audit\",\"nc_group\"]},\"agent\":{\"name\":\"web 1\"},"
    "\"full_log\":\"type=SYSCALL comm=nc\",\"data\":{\"audit\":{\"command\":\"nc\","
    "\"exe\":\"/usr/bin/nc.openbsd\",\"auid\":\"1000\",\"key\":[\"k1\",\"k2\"],"
    "\"cwd\":\"/tmp/a(b)\",\"execve\":{\"cmdline\":\"nc -e 'a \\\"b\\\"'\"}},"
    "\"srcip\":\"10.0.0.1\"}}";
// clang-format on

class QueryTest : public testing::Test {
 protected:
  QueryTest() {
    setenv("TZ", "UTC", 1);
    tzset();
    document_.Parse(kDocument);
    EXPECT_FALSE(document_.HasParseError());
  }
  bool Matches(const std::string& text, std::int64_t time_us = kNow) {
    const Result<Query> query = Query::Parse(text, kNow);
    EXPECT_TRUE(query) << text << ": " << query.message();
    if (!query) return false;
    const bool matches = query->Matches(document_, time_us);
    EXPECT_TRUE(!matches || query->MayMatch(kDocument)) << text;
    return matches;
  }
  rapidjson::Document document_;
};

TEST_F(QueryTest, WhatOtherLanguagesWriteIsToldOf) {
  const auto why = [](const std::string& text) {
    const Result<Query> query = Query::Parse(text, kNow);
    return query ? std::to_string(query->root().children.size())
                 : query.message() + " at " + std::to_string(query.error().at);
  };
  EXPECT_EQ(why("rule.level=12"),
            "a field is asked for its value by ':', as in rule.level:VALUE at 10");
  EXPECT_EQ(why("not rule.level==12"),
            "a field is asked for its value by ':', as in rule.level:VALUE at 14");
  EXPECT_EQ(why("rule.level!=3"),
            "'not' stands before the field, as in not rule.level:VALUE at 10");
  EXPECT_EQ(why("rule.level = 12"),
            "a field is asked for its value by ':', as in rule.level:VALUE at 11");
  EXPECT_EQ(why("rule.level:>=12"),
            "a comparison has no ':' before it, as in rule.level>=VALUE at 11");
  EXPECT_EQ(why("rule.level:[12 TO 16]"),
            "a range is two comparisons, as in rule.level>=VALUE and rule.level<=VALUE at 11");
  // What a command line may hold.
  for (const char* text : {"a=b", "--file=x", "x!=y", "data.audit.command:[", "data.srcip:::1",
                           "data.audit.execve.cmdline:\">x\"", "data.audit.execve.cmdline:a=b"}) {
    EXPECT_EQ(why(text), "0") << text;
  }
  EXPECT_EQ(why("a = b"), "3");  // words
  EXPECT_EQ(why("data.audit.command:[ and full_log:\"MOVED TO DISK\""), "2");
}

/// Bytes that are no UTF-8 are shown so, and copied so.
TEST_F(QueryTest, WhatStandsForOtherBytesIsFound) {
  const std::string stored = R"({"data":{"audit":{"file":{"name":"/tmp/\ufffdlong"}}}})";
  rapidjson::Document document;
  document.Parse(stored.c_str());
  for (const char* text : {"data.audit.file.name:\"/tmp/\xEF\xBF\xBDlong\"", "\xEF\xBF\xBDlong",
                           "data.audit.file.name:\xEF\xBF\xBD*"}) {
    const Result<Query> query = Query::Parse(text, kNow);
    ASSERT_TRUE(query);
    EXPECT_TRUE(query->MayMatch(stored)) << text;
  }
  const Result<Query> query = Query::Parse("data.audit.file.name:\"/tmp/\xEF\xBF\xBDlong\"", kNow);
  EXPECT_TRUE(query->Matches(document, kNow));
}

TEST_F(QueryTest, WhatPeopleTypeIntoTheSearchBar) {
  for (const char* text : {
           "",
           "data.audit.command:nc",
           "audit.command: nc",
           "data.audit.command : \"nc\"",
           "DATA.AUDIT.COMMAND:nc or data.audit.command:nc",
           "rule.level:12",
           "rule.level >= 12",
           "rule.level>11 and rule.level<13",
           "rule.level<=12.5",
           "rule.id:100210",
           "data.audit.exe:*nc*",
           "data.audit.exe:/usr/*/nc.openbsd",
           "data.audit.exe:/usr*",
           "data.audit.exe:*openbsd",
           "data.audit.key:k2",
           "data.audit.key:(k9 or k1)",
           "data.audit.key:(k1 and k2)",
           "data.audit.key:(not k9)",
           "data.audit.command:*",
           "not data.audit.tty:*",
           "agent.name:\"web 1\"",
           "agent.name:web\\ 1",
           "SYSCALL",
           "syscall",
           "suspicious command",
           "\"suspicious command\"",
           "nc_group",
           "12",
           "true",
           "10.0.0.1",
           "rule.description:suspicious",
           "rule.description:\"CIOUS comm\"",
           "full_log:comm*nc",
           "data.audit.execve.cmdline:\"-E\"",
           "\"a \\\"b\\\"\"",
           "data.audit.cwd:/tmp/a\\(b\\)",
           "data.audit.cwd:\"/tmp/a(b)\"",
           "data:nc",
           "rule.mail:true",
           "(rule.level:3 or rule.level:12) and not (data.audit.command:ls or agent.name:x)",
           "NOT data.audit.command:ls AND rule.id:100210",
           "rule.id:1 or rule.id:2 or rule.id:100210",
           "data.srcip:10.0.0.*",
           "srcip:10.0.0.1",
           "timestamp >= now-1h",
           "timestamp < \"2023-11-15\"",
           "@timestamp>=2023-11-14T22:00:00Z",
           "timestamp:2023-11-14*",
           "and1 or nc",
           "notes or nc",
       }) {
    EXPECT_TRUE(Matches(text)) << text;
  }
  for (const char* text : {
           "data.audit.command:n",
           "data.audit.command:NC",
           "data.audit.exe:nc",
           "rule.level:1",
           "rule.level > 12",
           "rule.level<12",
           "data.audit.key:(k1 and k9)",
           "data.audit.tty:*",
           "data.audit.command:nc and rule.level:3",
           "not data.audit.command:nc",
           "nonsense",
           "data.audit.exe:*zz*",
           "data.audit.exe:nc*",
           "data.audit.exe:*bin",
           "agent.name:web",
           "rule.groups:nc",
           "data.audit.command>3",
           "timestamp > now",
           "timestamp < now-1h",
           "rule:(100210 and 100211)",
           "suspicious nonsense",

           "not (12)",
       }) {
    EXPECT_FALSE(Matches(text)) << text;
  }
}

TEST_F(QueryTest, AWrongQueryIsToldWithItsPlace) {
  const std::pair<const char*, std::pair<std::size_t, const char*>> table[] = {
      {"data.audit.command:", {19, "a value is missing here"}},
      {"a and", {5, "something is missing here"}},
      {"and a", {0, "'and' needs something before it"}},
      {"a or or b", {5, "'or' needs something before it"}},
      {"(a", {0, "this bracket is not closed"}},
      {"a)", {1, "a bracket closes that was not opened"}},
      {"x:(a or", {7, "a value is missing here"}},
      {"x:(a b)", {2, "this bracket is not closed"}},
      {"x:\"abc", {2, "this quote is not closed"}},
      {"rule.level >= red", {14, "this comparison needs a number"}},
      {"rule.level>*", {11, "this comparison needs a number"}},
      {"timestamp > soon", {12, "this is no time: write now-1h, today, or \"2026-01-31 14:00\""}},
      {"not", {3, "something is missing here"}},
      {"()", {1, "a value is missing here"}},
  };
  for (const auto& [text, expected] : table) {
    const Result<Query> query = Query::Parse(text, kNow);
    ASSERT_FALSE(query) << text;
    EXPECT_EQ(query.error().at, expected.first) << text;
    EXPECT_EQ(query.message(), expected.second) << text;
  }
  EXPECT_FALSE(Query::Parse(std::string(10'000, '('), kNow));
  std::string many = "a";
  for (int i = 0; i < 20'000; ++i) many += " or a";
  EXPECT_TRUE(Query::Parse(many, kNow));
  std::string nots;
  for (int i = 0; i < 20'000; ++i) nots += "not ";
  EXPECT_FALSE(Query::Parse(nots + "a", kNow));
}

TEST_F(QueryTest, AnyBytesAreReadOrRefused) {
  std::mt19937 random(7);
  const std::string letters = "ab:*()\"\\<>= \x01\xff.ndotr12";
  std::size_t good = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string text;
    for (std::size_t n = random() % 20; n > 0; --n) text += letters[random() % letters.size()];
    const Result<Query> query = Query::Parse(text, kNow);
    if (!query) {
      EXPECT_LE(query.error().at, text.size());
      continue;
    }
    ++good;
    EXPECT_TRUE(!query->Matches(document_, kNow) || query->MayMatch(kDocument)) << text;
  }
  EXPECT_GT(good, 10'000u);
}

TEST_F(QueryTest, MomentsAsPeopleWriteThem) {
  const std::pair<const char*, std::int64_t> table[] = {
      {"now", kNow},
      {"now-2h", kNow - 2 * kHour},
      {"15m ago", kNow - kHour / 4},
      {"2w ago", kNow - 14 * 24 * kHour},
      {"today", kNow - 22 * kHour - 13 * 60 * kSecond - 20 * kSecond},
      {"yesterday", kNow - 46 * kHour - 13 * 60 * kSecond - 20 * kSecond},
      {"2023-11-14", kNow - 22 * kHour - 13 * 60 * kSecond - 20 * kSecond},
      {"2023-11-14 22:13", kNow - 20 * kSecond},
      {"2023-11-14T22:13:20.5", kNow + kSecond / 2},
      {"2023-11-14T22:13:20Z", kNow},
      {"2023-11-15T00:13:20+02:00", kNow},
      {"2023-11-14T17:13:20.000-0500", kNow},
  };
  for (const auto& [text, expected] : table) EXPECT_EQ(ParseMoment(text, kNow), expected) << text;
  for (const char* bad : {"", "soon", "now-", "now-2", "2h", "ago", "0h ago", "2023-13-01",
                          "2023-11-14T25:00", "2023-11-14x", "2023-11-14T22:13:20.", "-1h ago",
                          "99999999999999999999h ago", "2023-11-14T22:13:20+99:00"}) {
    EXPECT_FALSE(ParseMoment(bad, kNow)) << bad;
  }
  EXPECT_EQ(ParseSpan("90s"), 90 * kSecond);
  for (const char* bad : {"", "h", "0h", "1", "1y", "-1h", "1000000w"})
    EXPECT_FALSE(ParseSpan(bad)) << bad;
}

}  // namespace
}  // namespace tld
