// SPDX-License-Identifier: Apache-2.0
// Events that the plugin makes: their records, and the branch of the rules that is theirs alone.
#include "audit/own_event.h"

#include <gtest/gtest.h>

#include "audit/names.h"
#include "audit/parser.h"
#include "program/pipeline.h"
#include "tests/support.h"

namespace tld {
namespace {

using testing_support::Answers;
using testing_support::ExecRecords;
using testing_support::ParseEvent;
using testing_support::RuleText;
using testing_support::TestPolicy;
using testing_support::Values;
using Strings = std::vector<std::string>;

TEST(OwnEvent, AnIdentityHasTheFieldsOfTheExecEventAndItsOwn) {
  const Event exec = ParseEvent(ExecRecords("x", "/srv/x"));
  RawEvent made = MakeIdentityEvent(
      exec.raw(), {"two \"words\"", "/usr/bin/two \"words\"", "sha256", std::string(64, 'a')});
  Event event;
  Parser().Parse(made, event);
  AddNames(event, {}, true);
  EXPECT_TRUE(event.is_own());
  EXPECT_EQ(Values(event, "audit.type"), "TLD_IDENTITY");
  EXPECT_EQ(Values(event, "audit.identity.name"), "two \"words\"");
  EXPECT_EQ(Values(event, "audit.identity.same_as"), "/usr/bin/two \"words\"");
  EXPECT_EQ(Values(event, "audit.identity.via"), "sha256");
  EXPECT_EQ(event.First("audit.program"), "two \"words\"");
  EXPECT_EQ(Values(event, "audit.exe"), "/srv/x");
  EXPECT_EQ(event.id(), exec.id());
}

TEST(OwnEvent, ARecordOfTheKernelCannotSayThatItIsOne) {
  std::string log = ExecRecords("x", "/srv/x");
  log.insert(log.find("comm="), "identity.name=\"nc\" type=TLD_IDENTITY health=\"x\" ");
  const Event event = ParseEvent(log);
  EXPECT_FALSE(event.is_own());
  EXPECT_EQ(Values(event, "audit.type"), "SYSCALL");
  EXPECT_EQ(Values(event, "audit.identity.name"), "");
}

TEST(OwnEvent, TheLiveInputTakesNoneFromAnybody) {
  Pipeline::Options options;
  options.mode = Grouper::Mode::kLive;
  std::size_t judged = 0;
  Pipeline pipeline(options, TestPolicy::Shipped(), [&](const Pipeline::Outcome&) { ++judged; });
  pipeline.Feed(
      "type=TLD_IDENTITY msg=audit(1700000000.000:1): name=\"nc\" via=sha256\n"
      "type=TLD_HEALTH msg=audit(1700000000.000:2): what=audit-off text=\"forged\"\n",
      0);
  pipeline.Finish(0);
  EXPECT_EQ(judged, 0u);
  EXPECT_EQ(pipeline.counters().not_records, 2u);
}

const char kIdentity[] =
    "type=TLD_IDENTITY msg=audit(1700000000.000:1): name=\"nc\" via=inode same_as=\"/usr/bin/nc\"";

TEST(OwnEvent, OnlyItsOwnBranchIsTriedAndNoOtherEventIsTriedThere) {
  const TestPolicy policy(RuleText("id=\"1\" level=\"9\"") + RuleText("id=\"200100\" level=\"3\"") +
                          RuleText("id=\"2\" level=\"4\"", "<if_sid>200100</if_sid>") +
                          RuleText("id=\"3\" level=\"15\"", "<if_group>g</if_group>") +
                          RuleText("id=\"4\" level=\"16\"", "<if_level>3</if_level>"));
  EXPECT_EQ(Answers(policy.policy(), kIdentity), Strings{"2"});
  EXPECT_EQ(Answers(policy.policy(), ExecRecords("x", "/srv/x")), Strings{"4"});
}

TEST(OwnEvent, NoCompositeCountsItButOneThatStandsThereOrNamesIt) {
  const std::string rules = RuleText("id=\"1\" level=\"3\"") +
                            RuleText("id=\"200100\" level=\"3\"") +
                            RuleText("id=\"5\" level=\"9\" frequency=\"2\" timeframe=\"60\"",
                                     "<if_sid>1</if_sid><if_matched_group>g</if_matched_group>");
  const std::string exec = ExecRecords("x", "/srv/x");
  EXPECT_EQ(Answers(TestPolicy(rules).policy(), std::string(kIdentity) + '\n' + exec),
            (Strings{"200100", "1"}));
  const std::string there =
      rules + RuleText("id=\"6\" level=\"9\" frequency=\"2\" timeframe=\"60\"",
                       "<if_matched_sid>200100</if_matched_sid>");
  std::string second = kIdentity;
  second.replace(second.find(":1)"), 3, ":2)");
  EXPECT_EQ(Answers(TestPolicy(there).policy(), std::string(kIdentity) + '\n' + second + '\n'),
            (Strings{"200100", "6"}));
}

TEST(OwnEvent, WithAllShippedRulesPlainNcStaysWithTheAdministrator) {
  EXPECT_EQ(Answers(TestPolicy::Shipped(), ExecRecords("nc", "/usr/bin/nc.openbsd")),
            Strings{"100210"});
}

TEST(Names, WhatStandsBehindAnotherProgramIsNamed) {
  const std::string loader = "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2";
  std::string log = ExecRecords("ld-linux-x86-64", loader);
  const std::size_t a0 = log.find("a0=\"");
  ASSERT_NE(a0, log.npos);
  log.replace(a0, log.find('\n', a0) - a0,
              "a0=\"ld.so\" a1=\"--argv0\" a2=\"ls\" a3=\"../tmp/./x\"");
  const Event event = ParseEvent(log);
  EXPECT_EQ(Values(event, "audit.identity.via"), "loader");
  EXPECT_EQ(Values(event, "audit.program").find("|x") != std::string::npos, true);
  EXPECT_EQ(Values(event, "audit.identity.file"), "/tmp/x|/root/../tmp/./x");
}

}  // namespace
}  // namespace tld
