// SPDX-License-Identifier: Apache-2.0
// Composite rules and `ignore`: what evaluation remembers from event to event.
#include "detect/window.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support.h"

namespace tld {
namespace {

using testing_support::Answers;
using testing_support::Codes;
using testing_support::RuleText;
using testing_support::TestPolicy;
using Strings = std::vector<std::string>;

/// An event at a second, as one line. `op` and `acct` are what rules tell events apart by.
std::string At(double second, const std::string& op = "a", const std::string& acct = "x",
               const std::string& node = "") {
  static int serial = 0;
  char stamp[64];
  std::snprintf(stamp, sizeof stamp, "%.3f:%d", 1'700'000'000 + second, ++serial);
  return (node.empty() ? "" : "node=" + node + ' ') + "type=USER_AUTH msg=audit(" + stamp +
         "): pid=1 uid=0 msg='op=" + op + " acct=\"" + acct + "\" addr=10.0.0.1 res=failed'\n";
}

std::string OpRule(const std::string& id, const std::string& op, const std::string& level = "3") {
  return RuleText("id=\"" + id + "\" level=\"" + level + "\"",
                  "<field name=\"audit.op\">^" + op + "$</field><group>g" + id + ",</group>");
}

/// 1 answers op=a, 2 answers op=b; 9 counts as told.
std::string Rules(const std::string& attributes, const std::string& options) {
  return OpRule("1", "a") + OpRule("2", "b") +
         RuleText("id=\"9\" level=\"10\" " + attributes, options);
}

Strings Judge(const std::string& rules, const std::string& log) {
  const TestPolicy policy(rules);
  EXPECT_EQ(Codes(policy.diagnostics()), Strings{});
  return Answers(policy.policy(), log);
}

const std::string kSid = "<if_matched_sid>1</if_matched_sid>";

TEST(Composite, FiresOnTheNthEventAndThenNeedsNFreshOnes) {
  std::string log;
  for (int i = 0; i < 9; ++i) log += At(i);
  EXPECT_EQ(Judge(Rules("frequency=\"3\" timeframe=\"60\"", kSid), log),
            (Strings{"1", "1", "9", "1", "1", "9", "1", "1", "9"}));
  EXPECT_EQ(Judge(Rules("frequency=\"2\" timeframe=\"60\"", kSid), log),
            (Strings{"1", "9", "1", "9", "1", "9", "1", "9", "1"}));
  EXPECT_EQ(Judge(Rules("", kSid), log),
            (Strings{"1", "9", "1", "9", "1", "9", "1", "9", "1"}));  // 2 is the default
}

TEST(Composite, TheTimeframeIsOfTheEventsOwnTimeAndCountsItsLastMoment) {
  const std::string rules = Rules("frequency=\"2\" timeframe=\"10\"", kSid);
  EXPECT_EQ(Judge(rules, At(0) + At(10)), (Strings{"1", "9"}));
  EXPECT_EQ(Judge(rules, At(0) + At(10.001)), (Strings{"1", "1"}));
  EXPECT_EQ(Judge(rules, At(100) + At(95)), (Strings{"1", "9"}));  // ended out of order
  EXPECT_EQ(Judge(rules, At(100) + At(80)), (Strings{"1", "1"}));
  // 360 s without a timeframe.
  EXPECT_EQ(Judge(Rules("", kSid), At(0) + At(360)), (Strings{"1", "9"}));
  EXPECT_EQ(Judge(Rules("", kSid), At(0) + At(361)), (Strings{"1", "1"}));
}

TEST(Composite, TheEventAtHandMustMeetTheConditionsTheOthersOnlyBeAnsweredByTheRule) {
  const std::string rules =
      Rules("frequency=\"3\"", kSid + "<field name=\"audit.acct\">^root$</field>");
  EXPECT_EQ(Judge(rules, At(0) + At(1) + At(2) + At(3, "a", "root") + At(4, "a", "root")),
            (Strings{"1", "1", "1", "9", "1"}));
}

TEST(Composite, CountsByTheRuleThatAnsweredAtLast) {
  // 3 is below 1 and takes some of its events: those do not count for 1.
  const std::string rules =
      OpRule("1", "a") +
      RuleText("id=\"3\" level=\"3\"",
               "<if_sid>1</if_sid><field name=\"audit.acct\">^root$</field>") +
      RuleText("id=\"9\" level=\"2\" frequency=\"3\"", kSid);
  EXPECT_EQ(Judge(rules, At(0) + At(1, "a", "root") + At(2) + At(3)),
            (Strings{"1", "3", "1", "9"}));
  // What level 0 takes counts for nothing.
  EXPECT_EQ(Judge(OpRule("1", "a", "0") + RuleText("id=\"9\" level=\"10\"", kSid), At(0) + At(1)),
            (Strings{"1", "1"}));
}

TEST(Composite, OneOfLevelZeroNeverHolds) {
  EXPECT_EQ(Judge(OpRule("1", "a") + RuleText("id=\"9\" level=\"0\"", kSid), At(0) + At(1)),
            (Strings{"1", "1"}));
}

TEST(Composite, AGroupCountsAllItsRulesAlsoLaterOnes) {
  const std::string group = "<if_matched_group>^g,</if_matched_group><if_sid>1,2</if_sid>";
  EXPECT_EQ(Judge(Rules("frequency=\"3\"", group), At(0, "a") + At(1, "b") + At(2, "a")),
            (Strings{"1", "2", "9"}));
  const std::string later = OpRule("1", "a") +
                            RuleText("id=\"9\" level=\"10\"",
                                     "<if_sid>1</if_sid><if_matched_group>g2,</if_matched_group>") +
                            OpRule("2", "b");
  EXPECT_EQ(Judge(later, At(0, "b") + At(1, "a")), (Strings{"2", "9"}));
  // Without other links it is below the rules of the group that are loaded before it.
  EXPECT_EQ(Judge(Rules("frequency=\"2\"", "<if_matched_group>g2,</if_matched_group>"),
                  At(0, "b") + At(1, "a") + At(2, "b")),
            (Strings{"2", "1", "9"}));
}

TEST(Composite, ARegexCountsTheLogsOfWhateverRule) {
  const std::string rules =
      Rules("frequency=\"3\"", "<if_sid>1</if_sid><if_matched_regex>acct=\"eve</if_matched_regex>");
  EXPECT_EQ(Judge(rules, At(0, "b", "eve") + At(1, "b", "bob") + At(2, "a", "eve2") + At(3, "a")),
            (Strings{"2", "2", "1", "9"}));
}

TEST(Composite, EveryOneHasItsOwnMemory) {
  // 8 fires on each pair, 9 on each four; what one has used up counts for the other.
  const std::string rules = OpRule("1", "a") +
                            RuleText("id=\"9\" level=\"12\" frequency=\"4\"",
                                     "<if_sid>1</if_sid><if_matched_group>^g,</if_matched_group>") +
                            RuleText("id=\"8\" level=\"5\" frequency=\"2\"", kSid);
  std::string log;
  for (int i = 0; i < 8; ++i) log += At(i);
  // The third event is still fresh for 8 when the fifth comes, as 9 answered the fourth.
  EXPECT_EQ(Judge(rules, log), (Strings{"1", "8", "1", "9", "8", "1", "8", "9"}));
}

TEST(Composite, OneCanCountAnother) {
  const std::string rules =
      Rules("frequency=\"2\"", kSid) +
      RuleText("id=\"10\" level=\"12\" frequency=\"2\"", "<if_matched_sid>9</if_matched_sid>");
  std::string log;
  for (int i = 0; i < 8; ++i) log += At(i);
  EXPECT_EQ(Judge(rules, log), (Strings{"1", "9", "1", "10", "1", "9", "1", "10"}));
}

TEST(Composite, ComparisonsPairEachEventWithTheOneAtHand) {
  const auto run = [](const std::string& modifier, const std::string& log) {
    return Judge(Rules("frequency=\"3\"", kSid + modifier), log);
  };
  const std::string same = "<same_field>audit.acct</same_field>";
  EXPECT_EQ(run(same, At(0, "a", "x") + At(1, "a", "y") + At(2, "a", "x") + At(3, "a", "x") +
                          At(4, "a", "y") + At(5, "a", "y")),
            (Strings{"1", "1", "1", "9", "1", "9"}));
  const std::string different = "<different_field>audit.acct</different_field>";
  EXPECT_EQ(run(different, At(0, "a", "x") + At(1, "a", "x") + At(2, "a", "x") + At(3, "a", "y")),
            (Strings{"1", "1", "1", "9"}));
  EXPECT_EQ(run("<not_same_field>AUDIT.ACCT</not_same_field>",
                At(0, "a", "x") + At(1, "a", "x") + At(2, "a", "y")),
            (Strings{"1", "1", "9"}));
  // A field that is missing is equal to none, and differs from all.
  EXPECT_EQ(run("<same_field>audit.none</same_field>", At(0) + At(1) + At(2)),
            (Strings{"1", "1", "1"}));
  EXPECT_EQ(run("<different_field>audit.none</different_field>", At(0) + At(1) + At(2)),
            (Strings{"1", "1", "9"}));
  EXPECT_EQ(run("<same_srcip/><same_location/>", At(0) + At(1) + At(2)), (Strings{"1", "1", "9"}));
  EXPECT_EQ(run("<same_source_ip/><different_srcip/>", At(0) + At(1) + At(2)),
            (Strings{"1", "1", "1"}));
  EXPECT_EQ(run("<same_user/>", At(0) + At(1) + At(2)), (Strings{"1", "1", "1"}));
  EXPECT_EQ(run("<not_same_user/>", At(0) + At(1) + At(2)), (Strings{"1", "1", "9"}));
}

TEST(Composite, OneValueOfSeveralIsEnoughToBeTheSame) {
  const std::string both = "x\" acct=\"y";
  const std::string same = Rules("", kSid + "<same_field>audit.acct</same_field>");
  EXPECT_EQ(Judge(same, At(0, "a", both) + At(1, "a", "y")), (Strings{"1", "9"}));
  EXPECT_EQ(Judge(same, At(0, "a", "x") + At(1, "a", both)), (Strings{"1", "9"}));
  EXPECT_EQ(Judge(same, At(0, "a", both) + At(1, "a", "z")), (Strings{"1", "1"}));
  const std::string different = Rules("", kSid + "<different_field>audit.acct</different_field>");
  EXPECT_EQ(Judge(different, At(0, "a", both) + At(1, "a", "y")), (Strings{"1", "1"}));
  EXPECT_EQ(Judge(different, At(0, "a", both) + At(1, "a", "z")), (Strings{"1", "9"}));
}

TEST(Composite, AllOfManyComparisonsMustHold) {
  const auto rules = [](const std::string& last) {
    return Rules("", kSid + "<same_field>audit.op</same_field><same_field>audit.res</same_field>" +
                         last + "<same_field>audit.uid</same_field>");
  };
  const std::string log = At(0, "a", "x") + At(1, "a", "y") + At(2, "a", "y");
  EXPECT_EQ(Judge(rules("<same_field>audit.acct</same_field>"), log), (Strings{"1", "1", "9"}));
  EXPECT_EQ(Judge(rules("<different_field>audit.acct</different_field>"), log),
            (Strings{"1", "9", "1"}));
}

TEST(Composite, AReloadMayOrderComparisonsAnew) {
  const std::string op = "<same_field>audit.op</same_field>";
  const std::string acct = "<different_field>audit.acct</different_field>";
  const TestPolicy before(Rules("frequency=\"3\"", kSid + op + acct));
  const TestPolicy after(Rules("frequency=\"3\"", kSid + acct + op));
  Strings ids;
  Pipeline pipeline({}, before.policy(),
                    [&](const Pipeline::Outcome& outcome) { ids.push_back(outcome.rule->id); });
  pipeline.Feed(At(0, "a", "x") + At(1, "a", "y"), 0);
  pipeline.SetPolicy(after.policy());
  pipeline.Feed(At(2, "a", "y") + At(3, "a", "z"), 0);
  pipeline.Finish(0);
  EXPECT_EQ(ids, (Strings{"1", "1", "1", "9"}));
}

TEST(Composite, ValuesAreComparedWholeHoweverLong) {
  const std::string rules = Rules("", kSid + "<same_field>audit.acct</same_field>");
  const std::string lengthy(3000, 'v');
  EXPECT_EQ(Judge(rules, At(0, "a", lengthy + "1") + At(1, "a", lengthy + "2") +
                             At(2, "a", lengthy + "1")),
            (Strings{"1", "1", "9"}));
}

TEST(Composite, CountsOneNodeAlone) {
  const std::string log = At(0, "a", "x", "n1") + At(1, "a", "x", "n2") + At(2, "a", "x", "n1");
  EXPECT_EQ(Judge(Rules("", kSid), log), (Strings{"1", "1", "9"}));
  EXPECT_EQ(Judge(Rules("frequency=\"3\"", kSid + "<global_frequency/>"), log),
            (Strings{"1", "1", "9"}));
  EXPECT_EQ(Judge(Rules("frequency=\"2\"", kSid + "<global_frequency/><not_same_agent/>"), log),
            (Strings{"1", "9", "1"}));
}

TEST(Composite, ARuleBelowItAnswersAndUsesUpAsWell) {
  const std::string rules =
      Rules("frequency=\"2\"", kSid) + RuleText("id=\"10\" level=\"14\"", "<if_sid>9</if_sid>");
  EXPECT_EQ(Judge(rules, At(0) + At(1) + At(2) + At(3)), (Strings{"1", "10", "1", "10"}));
}

TEST(Composite, PreviousLogsAreTheNewestTenThatCounted) {
  const TestPolicy policy(Rules("frequency=\"13\"", kSid));
  std::vector<std::size_t> counts;
  std::vector<std::string> last;
  Pipeline pipeline({}, policy.policy(), [&](const Pipeline::Outcome& outcome) {
    counts.push_back(outcome.answer->previous.size());
    last = outcome.answer->previous;
  });
  for (int i = 0; i < 13; ++i) pipeline.Feed(At(i, "a", "u" + std::to_string(i)), 0);
  pipeline.Finish(0);
  ASSERT_EQ(counts.size(), 13u);
  EXPECT_EQ(counts.front(), 0u);
  ASSERT_EQ(counts.back(), 10u);
  EXPECT_NE(last[0].find("acct=\"u11\""), std::string::npos);
  EXPECT_NE(last[9].find("acct=\"u2\""), std::string::npos);
}

TEST(Composite, AMillionKeysAreRememberedInBoundsAndWhatIsForgottenIsCounted) {
  const TestPolicy policy(
      Rules("frequency=\"2\" timeframe=\"99999\"", kSid + "<same_field>audit.acct</same_field>"));
  const Ruleset& ruleset = policy.policy()->ruleset;
  Windows windows(ruleset);
  MatchScratch scratch;
  const Event event = testing_support::ParseEvent(At(0));
  for (int i = 0; i < 1'000'000; ++i) {
    if (i % 1000 == 0 && i < 20'000) {
      const Event key = testing_support::ParseEvent(At(1, "a", "key" + std::to_string(i)));
      windows.Remember(0, key, {}, {}, scratch);
    } else {
      windows.Remember(0, event, {}, {}, scratch);
    }
  }
  EXPECT_GT(windows.remembered(), 4000u);
  EXPECT_LE(windows.remembered(), Windows::kMostBytes / 100);
  EXPECT_EQ(windows.evictions(), 1'000'000 - windows.remembered());
}

TEST(Composite, WhatNoRuleMayCountAnyMoreIsForgottenAndThatIsNoLoss) {
  const TestPolicy policy(Rules("frequency=\"9\" timeframe=\"60\"", kSid));
  Windows windows(policy.policy()->ruleset);
  MatchScratch scratch;
  for (int i = 0; i < 5000; ++i) {
    windows.Remember(0, testing_support::ParseEvent(At(i)), {}, {}, scratch);
  }
  // Of the last two minutes: the window, and as much again for events out of order.
  EXPECT_EQ(windows.remembered(), 121u);
  EXPECT_EQ(windows.evictions(), 0u);
}

TEST(Composite, LargeEventsStayAndTheirLogsAreBounded) {
  const TestPolicy policy(Rules("frequency=\"3000\" timeframe=\"99999\"", kSid));
  Windows windows(policy.policy()->ruleset);
  MatchScratch scratch;
  const Event large = testing_support::ParseEvent(At(0, "a", std::string(100'000, 'v')));
  for (int i = 0; i < 3000; ++i) windows.Remember(0, large, {}, {}, scratch);
  EXPECT_EQ(windows.remembered(), 3000u);
  EXPECT_EQ(windows.evictions(), 0u);
  const std::size_t rule = policy.policy()->ruleset.composites.at(0);
  Windows::Counted counted = windows.Count(rule, large, {});
  EXPECT_EQ(counted.size(), 3000u);
  EXPECT_EQ(windows.Logs(counted).size(), 10u);
  EXPECT_EQ(windows.Logs(counted).at(0).size(), Windows::kMostOfLog);
  // The newest have their logs, and no more of them than there is room for.
  std::size_t bytes = 0;
  for (std::size_t at = 0; at < counted.size(); at += 10) {
    const auto last = static_cast<std::ptrdiff_t>(std::min(at + 10, counted.size()));
    for (const std::string& log : windows.Logs(
             {counted.begin() + static_cast<std::ptrdiff_t>(at), counted.begin() + last})) {
      bytes += log.size();
    }
  }
  EXPECT_LE(bytes, Windows::kMostLogBytes);
  EXPECT_GT(bytes, Windows::kMostLogBytes - 2 * Windows::kMostOfLog);
}

TEST(Composite, AReloadKeepsWhatBothRulesetsHave) {
  const TestPolicy before(Rules("frequency=\"3\"", kSid + "<same_field>audit.acct</same_field>"));
  // Other numbers for rules, composites and compared fields.
  const TestPolicy after(
      OpRule("50", "c") + OpRule("1", "a") +
      RuleText("id=\"51\" level=\"1\"", kSid + "<same_field>audit.op</same_field>") +
      RuleText("id=\"9\" level=\"10\" frequency=\"3\"",
               kSid + "<same_field>audit.res</same_field><same_field>audit.acct</same_field>") +
      RuleText("id=\"52\" level=\"1\"", "<if_sid>9</if_sid>"));
  const TestPolicy other(OpRule("7", "a"));
  Strings ids;
  std::shared_ptr<const Policy> policy = before.policy();
  Pipeline pipeline({}, policy, [&](const Pipeline::Outcome& outcome) {
    ids.push_back(outcome.rule == nullptr ? "-" : outcome.rule->id);
  });
  pipeline.Feed(At(0) + At(1), 0);
  pipeline.SetPolicy(before.policy());
  pipeline.Feed(At(2), 0);
  pipeline.Feed(At(3) + At(4), 0);
  pipeline.SetPolicy(after.policy());
  // audit.res of the events before was not remembered, so 9 has to begin anew.
  pipeline.Feed(At(5) + At(6), 0);
  pipeline.SetPolicy(other.policy());
  pipeline.Feed(At(7), 0);
  pipeline.Finish(0);
  EXPECT_EQ(ids, (Strings{"1", "1", "9", "1", "1", "1", "51", "7"}));
}

TEST(Composite, AReplayDoneTwiceGivesTheSame) {
  std::string log;
  for (int i = 0; i < 300; ++i) {
    log +=
        At(i * 0.7, i % 3 == 0 ? "b" : "a", "u" + std::to_string(i % 7), i % 5 == 0 ? "n1" : "n2");
  }
  const std::string rules = Rules("frequency=\"4\" timeframe=\"30\" ignore=\"5\"",
                                  "<if_sid>1,2</if_sid><if_matched_group>^g,</if_matched_group>"
                                  "<same_field>audit.acct</same_field>");
  const Strings once = Judge(rules, log);
  EXPECT_EQ(once, Judge(rules, log));
  EXPECT_NE(std::count(once.begin(), once.end(), "9"), 0);
}

TEST(Ignore, GivesFurtherAnswersToTheParent) {
  const std::string rules =
      OpRule("1", "a") + RuleText("id=\"2\" level=\"5\" ignore=\"10\"", "<if_sid>1</if_sid>");
  EXPECT_EQ(Judge(rules, At(0) + At(9.999) + At(10) + At(11) + At(20)),
            (Strings{"2", "1", "2", "1", "2"}));
}

TEST(Ignore, LeavesNothingUnderASilentParentAGateOrNone) {
  const std::string child = RuleText("id=\"2\" level=\"5\" ignore=\"10\"", "<if_sid>1</if_sid>");
  EXPECT_EQ(Judge(OpRule("1", "a", "0") + child, At(0) + At(1)), (Strings{"2", "-"}));
  EXPECT_EQ(Judge(RuleText("id=\"1\" level=\"3\" noalert=\"1\"") + child, At(0) + At(1)),
            (Strings{"2", "-"}));
  EXPECT_EQ(Judge(RuleText("id=\"1\" level=\"3\" ignore=\"10\""), At(0) + At(1)),
            (Strings{"1", "-"}));
}

TEST(Ignore, AnIgnoredCompositeUsesUpAndItsEventsCountForTheParent) {
  std::string log;
  for (int i = 0; i < 8; ++i) log += At(i);
  EXPECT_EQ(Judge(Rules("frequency=\"2\" ignore=\"3\"", kSid), log),
            (Strings{"1", "9", "1", "1", "1", "9", "1", "1"}));
}

TEST(Composite, FaultsAreTold) {
  const auto found = [](const std::string& attributes, const std::string& options) {
    return Codes(
        TestPolicy(OpRule("1", "a") + RuleText("id=\"9\" level=\"3\" " + attributes, options))
            .diagnostics());
  };
  EXPECT_EQ(found("frequency=\"3\"", ""), Strings{"no-if-matched error 2:41"});
  EXPECT_EQ(found("", "<same_srcip/>"), Strings{"no-if-matched error 2:70"});
  EXPECT_EQ(found("", "<global_frequency/>"), Strings{"no-if-matched error 2:70"});
  EXPECT_EQ(found("frequency=\"1\"", kSid), Strings{"bad-number error 2:52"});
  EXPECT_EQ(found("frequency=\"10000\"", kSid), Strings{"bad-number error 2:52"});
  EXPECT_EQ(found("timeframe=\"100000\"", kSid), Strings{"bad-number error 2:52"});
  EXPECT_EQ(found("ignore=\"1000000\"", kSid), Strings{"bad-number error 2:49"});
  EXPECT_EQ(found("", "<if_matched_sid>1,2</if_matched_sid>"), Strings{"bad-id error 2:86"});
  EXPECT_EQ(found("", "<if_matched_sid> 01 </if_matched_sid>"), Strings{});
  EXPECT_EQ(found("", "<if_matched_regex>(</if_matched_regex>"), Strings{"bad-pattern error 2:88"});
  EXPECT_EQ(found("", kSid + "<same_field/>"), Strings{"missing-field-name error 2:104"});
  EXPECT_EQ(found("", kSid + "<same_thing/>"), Strings{"unknown-element error 2:104"});
  EXPECT_EQ(found("", "<if_sid>1</if_sid><if_matched_sid>7</if_matched_sid>"),
            Strings{"missing-parent warning 2:104"});
  EXPECT_EQ(found("", "<if_sid>1</if_sid><if_matched_group> </if_matched_group>"),
            Strings{"empty-link warning 2:106"});
}

}  // namespace
}  // namespace tld
