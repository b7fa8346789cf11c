// SPDX-License-Identifier: Apache-2.0
#include "detect/prefilter.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support.h"

namespace tld {
namespace {

using testing_support::DataPath;
using testing_support::Slurp;
using testing_support::TestPolicy;

/// What is alerted about, as `SERIAL:RULE`.
std::vector<std::string> Alerts(std::shared_ptr<const Policy> policy, std::string_view log,
                                bool prefilter, std::uint64_t* filtered = nullptr) {
  std::vector<std::string> alerts;
  Pipeline::Options options;
  options.prefilter = prefilter;
  Pipeline pipeline(options, policy, [&](const Pipeline::Outcome& outcome) {
    if (!outcome.answer || !outcome.answer->IsAlert(policy->ruleset)) return;
    alerts.push_back(outcome.event.id().Stamp() + ' ' +
                     policy->ruleset.rules[outcome.answer->rule].id);
  });
  pipeline.Feed(log, 0);
  pipeline.Finish(0);
  if (filtered != nullptr) *filtered = pipeline.counters().filtered;
  return alerts;
}

TEST(Prefilter, ChangesNoAlertOfTheRecordedLogs) {
  const auto policy = TestPolicy::Shipped();
  for (const char* name : {"exec_enriched.log.gz", "mixed_enriched.log.gz"}) {
    const std::string log = Slurp(DataPath(name));
    std::uint64_t filtered = 0;
    const auto with = Alerts(policy, log, true, &filtered);
    EXPECT_EQ(with, Alerts(policy, log, false)) << name;
    EXPECT_FALSE(with.empty());
    EXPECT_GT(filtered, 0u) << name;
  }
}

TEST(Prefilter, LetsThroughWhatARuleBelowASilentOneMayAnswer) {
  const TestPolicy policy(
      "<group name=\"g,\"><rule id=\"1\" level=\"0\"><description>d</description></rule>"
      "<rule id=\"2\" level=\"3\"><if_sid>1</if_sid><field name=\"audit.key\">^k$</field>"
      "<field name=\"audit.command\">nc</field><description>d</description></rule></group>");
  Prefilter prefilter(policy.policy()->ruleset);
  MatchScratch scratch;
  const auto event = [](const std::string& key) {
    RawEvent raw;
    Grouper grouper(Grouper::Mode::kLive, [&](RawEvent&& e) { raw = std::move(e); });
    const std::string line = "type=SYSCALL msg=audit(1.000:1): comm=\"x\" key=" + key;
    grouper.Add(*ParseHeader(line), line, 0);
    grouper.Flush();
    return raw;
  };
  EXPECT_TRUE(prefilter.For(event("\"k\""), scratch).may_answer);
  EXPECT_TRUE(prefilter.For(event("6F74686572016B"), scratch).may_answer);  // other, k
  EXPECT_FALSE(prefilter.For(event("\"other\""), scratch).may_answer);
  EXPECT_FALSE(prefilter.For(event("(null)"), scratch).may_answer);
}

TEST(Prefilter, AnEventInALineOfAnEventThatIsSkippedIsSeen) {
  const TestPolicy policy(
      testing_support::RuleText("id=\"1\" level=\"3\"", "<field name=\"audit.key\">^k$</field>"));
  const auto event = [](int serial, const std::string& joined) {
    const std::string stamp = "msg=audit(1.000:" + std::to_string(serial) + "):";
    return "type=SYSCALL " + stamp + " comm=\"x\" key=\"files\"\ntype=EOE " + stamp + joined + '\n';
  };
  for (const char* blank : {" ", ""}) {
    const std::string log =
        event(1, " ") + event(2, " ") +
        event(3, std::string(blank) + "x type=SYSCALL msg=audit(1.000:3): comm=\"x\" key=\"k\"");
    std::uint64_t filtered = 0;
    EXPECT_EQ(Alerts(policy.policy(), log, true, &filtered), Alerts(policy.policy(), log, false));
    EXPECT_EQ(Alerts(policy.policy(), log, true).size(), 1u);
    EXPECT_GE(filtered, 2u);
  }
}

/// Many siblings are found by what the event has, few are tried one after the other: the first that
/// holds answers all the same, and a gate without an answer lets the next ones have their turn.
TEST(Prefilter, OfManySiblingsTheFirstThatHoldsAnswers) {
  std::string rules = testing_support::RuleText("id=\"1\" level=\"0\"");
  for (std::size_t i = 0; i < 3 * Siblings::kFew; ++i) {
    const std::string n = std::to_string(i % 100);
    const char* level = i % 7 == 0 ? "5\" noalert=\"1" : i % 5 == 0 ? "4" : "3";
    rules += testing_support::RuleText(
        "id=\"" + std::to_string(100'000 + i) + "\" level=\"" + level + '"',
        "<if_sid>1</if_sid>" + (i % 3 == 0 ? "<field name=\"audit.command\">^c" + n + "$</field>"
                                : i % 3 == 1
                                    ? "<field name=\"audit.execve.cmdline\">--x" + n + "y</field>"
                                    : "<match>odd" + n + "</match>"));
  }
  const TestPolicy policy(rules);
  std::string log;
  for (int i = 0; i < 300; ++i) {
    const std::string n = std::to_string(i % 110);
    log += testing_support::ExecRecords(i % 2 == 0 ? "c" + n : "d",
                                        "/bin/odd" + n + "--x" + n + "y", 1000 + i);
  }
  const auto with = Alerts(policy.policy(), log, true);
  EXPECT_EQ(with, Alerts(policy.policy(), log, false));
  std::set<std::string> answers;
  for (const std::string& alert : with) answers.insert(alert.substr(alert.find(' ')));
  EXPECT_GT(answers.size(), 50u);
  // Kinds of events may be many, and come from outside: what a kind does not leave out it does not
  // hold a copy of.
  Prefilter prefilter(policy.policy()->ruleset);
  MatchScratch scratch;
  Grouper grouper(Grouper::Mode::kOffline, [&](RawEvent&& event) {
    EXPECT_TRUE(prefilter.For(event, scratch).children.empty());
  });
  const std::string line = "type=SYSCALL msg=audit(1.000:1): comm=\"c\"";
  grouper.Add(*ParseHeader(line), line, 0);
  grouper.Flush();
  EXPECT_EQ(grouper.counters().events, 1u);
}

TEST(Prefilter, RulesThatCannotApplyAreNotTried) {
  std::string rules = testing_support::RuleText("id=\"1\" level=\"0\"");
  for (int i = 0; i < 10'000; ++i) {
    const std::string n = std::to_string(i);
    rules += testing_support::RuleText(
        "id=\"" + std::to_string(100'000 + i) + "\" level=\"3\"",
        "<if_sid>1</if_sid>" +
            std::string(i % 2 == 0 ? "<field name=\"audit.key\">^k" + n + "$</field>"
                                   : "<field name=\"audit.type\">^AVC$</field>") +
            "<field name=\"audit.command\">c</field>");
  }
  const TestPolicy policy(rules);
  Prefilter prefilter(policy.policy()->ruleset);
  MatchScratch scratch;
  RawEvent raw;
  Grouper grouper(Grouper::Mode::kLive, [&](RawEvent&& e) { raw = std::move(e); });
  const std::string line = "type=SYSCALL msg=audit(1.000:1): comm=\"c\" key=\"k8\"";
  grouper.Add(*ParseHeader(line), line, 0);
  grouper.Flush();
  const Candidates& candidates = prefilter.For(raw, scratch);
  ASSERT_EQ(candidates.roots.rules.size(), 1u);
  const auto& children = candidates.children.at(candidates.roots.rules[0]).rules;
  ASSERT_EQ(children.size(), 1u);
  EXPECT_EQ(policy.policy()->ruleset.rules[children[0]].id, "100008");
}

TEST(Prefilter, RemembersABoundedNumberOfKeys) {
  const auto policy = TestPolicy::Shipped();
  Prefilter prefilter(policy->ruleset);
  MatchScratch scratch;
  const auto lines = [](int i) {
    const std::string stamp = "msg=audit(1.000:" + std::to_string(i) + "): ";
    return "type=SYSCALL " + stamp + "comm=\"x\" key=\"k" + std::to_string(i) + "\"\ntype=EOE " +
           stamp + "\n";
  };
  constexpr int kKeys = 2'000;
  for (int i = 0; i < kKeys; ++i) {
    RawEvent raw;
    Grouper grouper(Grouper::Mode::kLive, [&](RawEvent&& e) { raw = std::move(e); });
    const std::string text = lines(i);
    const std::string line = text.substr(0, text.find('\n'));
    grouper.Add(*ParseHeader(line), line, 0);
    grouper.Flush();
    EXPECT_FALSE(prefilter.For(raw, scratch).may_answer);
  }
  int known = 0;
  for (int i = 0; i < kKeys; ++i) {
    const std::string text = lines(i);
    WholeEvent whole;
    ASSERT_TRUE(ReadWholeEvent(text, whole));
    known += prefilter.IsKnownSilent(whole) ? 1 : 0;
  }
  EXPECT_GT(known, 0);
  EXPECT_LE(known, 256);
}

}  // namespace
}  // namespace tld
