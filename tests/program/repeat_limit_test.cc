// SPDX-License-Identifier: Apache-2.0
#include "program/repeat_limit.h"

#include <gtest/gtest.h>

#include "audit/own_event.h"
#include "audit/parser.h"
#include "tests/support.h"

namespace tld {
namespace {

using testing_support::ExecRecords;
using testing_support::ParseEvent;

class RepeatLimitTest : public testing::Test {
 protected:
  RepeatLimitTest() : alice_(ParseEvent(ExecRecords("nc", "/usr/bin/nc"))) {
    red_.id = "100210";
    red_.level = 12;
    other_.id = "100211";
    other_.level = 8;
    std::string log = ExecRecords("nc", "/usr/bin/nc");
    for (std::size_t at; (at = log.find("auid=1000")) != log.npos;) log.replace(at, 9, "auid=1001");
    bob_ = ParseEvent(log);
  }
  bool Admits(const Rule& rule, const Event& event, std::int64_t now_ms) {
    Alert alert;
    alert.rule = &rule;
    alert.event = &event;
    alert.description = "nc was run at " + std::to_string(now_ms);
    return limit_.Admits(alert, now_ms);
  }

  Rule red_, other_;
  Event alice_;
  Event bob_ = ParseEvent(ExecRecords("nc", "/usr/bin/nc"));
  RepeatLimit limit_{{3, 10}};
};

TEST_F(RepeatLimitTest, TheFirstOfAnIntervalAreWrittenAndTheOthersTold) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Admits(red_, alice_, i));
  for (int i = 3; i < 10; ++i) EXPECT_FALSE(Admits(red_, alice_, i));
  EXPECT_TRUE(limit_.Tell(9'999).empty());
  const std::vector<News> news = limit_.Tell(10'000);
  ASSERT_EQ(news.size(), 1u);
  EXPECT_EQ(news[0].notice, Notice::kRepeated);
  EXPECT_EQ(news[0].text,
            "7 more alerts of rule 100210, level 12, login user 1000, in 10 s are not in syslog "
            "(repeat_burst); the last: nc was run at 9");
  EXPECT_TRUE(Admits(red_, alice_, 10'001));
  EXPECT_EQ(limit_.held_back(), 7u);
}

TEST_F(RepeatLimitTest, AnotherRuleAndAnotherUserAreNotHidden) {
  for (int i = 0; i < 100; ++i) Admits(red_, alice_, i);
  EXPECT_TRUE(Admits(other_, alice_, 100));
  EXPECT_TRUE(Admits(red_, bob_, 100));
  EXPECT_TRUE(Admits(red_, ParseEvent(ExecRecords("socat", "/usr/bin/socat")), 100));
}

TEST_F(RepeatLimitTest, NewLimitsChangeNothingOfWhatWasHeldBack) {
  for (int i = 0; i < 10; ++i) Admits(red_, alice_, 0);
  limit_.Configure({100, 10});
  Admits(red_, alice_, 0);
  const std::vector<News> news = limit_.Tell(10'000);
  ASSERT_EQ(news.size(), 1u);
  EXPECT_TRUE(news[0].text.starts_with("7 more alerts ")) << news[0].text;
}

TEST_F(RepeatLimitTest, FewAreNoNewsAndTheEndOfARunTellsAll) {
  for (int i = 0; i < 3; ++i) Admits(red_, alice_, 0);
  EXPECT_TRUE(limit_.Tell(10'000).empty());
  for (int i = 0; i < 5; ++i) Admits(red_, alice_, 11'000);
  EXPECT_EQ(limit_.Tell(11'500, true).size(), 1u);
  EXPECT_TRUE(limit_.Tell(60'000, true).empty());
}

TEST_F(RepeatLimitTest, WithoutALimitAndAboutItselfEachLineIsWritten) {
  Alert own;
  own.rule = &red_;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(limit_.Admits(own, 0));
  limit_.Configure({0, 10});
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(Admits(red_, alice_, 0));
}

TEST_F(RepeatLimitTest, LongPathsOfProgramsAreTheSameKindWhenTheyBeginAlike) {
  const std::string place = "/srv/" + std::string(300, 'a') + '/';
  std::size_t admitted = 0;
  for (int i = 0; i < 10; ++i) {
    const Event event = ParseEvent(ExecRecords("x", place + std::to_string(i)));
    admitted += Admits(red_, event, 0) ? 1 : 0;
  }
  EXPECT_EQ(admitted, 3u);
}

TEST_F(RepeatLimitTest, ProgramsByTheThousandHideNeitherOtherUsersNorOtherRules) {
  for (int i = 0; i < 5000; ++i) {
    Admits(red_, ParseEvent(ExecRecords("x", "/tmp/" + std::to_string(i))), 0);
  }
  EXPECT_FALSE(Admits(red_, ParseEvent(ExecRecords("x", "/tmp/another")), 1));
  EXPECT_TRUE(Admits(red_, bob_, 1));
  EXPECT_TRUE(Admits(other_, ParseEvent(ExecRecords("x", "/tmp/another")), 1));
  const std::vector<News> news = limit_.Tell(10'000);
  ASSERT_EQ(news.size(), 1u);
  EXPECT_TRUE(news[0].text.starts_with(
      "3974 more alerts of rule 100210, level 12, login user 1000, in 10 s are not in syslog"))
      << news[0].text;
}

TEST_F(RepeatLimitTest, AReportThatARuleAnswersIsWrittenEachTime) {
  RawEvent raw = MakeHealthEvent("input-dropped", "lines were lost", 0, 1);
  Event report;
  Parser().Parse(raw, report);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(Admits(red_, report, 0));
}

TEST_F(RepeatLimitTest, AMillionKindsCostABoundedMemoryAndAreTold) {
  std::size_t admitted = 0;
  for (int i = 0; i < 100'000; ++i) {
    red_.id = std::to_string(i);
    admitted += Admits(red_, alice_, 0) ? 1 : 0;
  }
  EXPECT_EQ(admitted, RepeatLimit::kMostKinds + 3);
  const std::vector<News> news = limit_.Tell(20'000);
  ASSERT_EQ(news.size(), 1u);
  EXPECT_TRUE(news[0].text.starts_with("97949 more alerts, in 20 s are not in syslog"))
      << news[0].text;
}

}  // namespace
}  // namespace tld
