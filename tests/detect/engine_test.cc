// SPDX-License-Identifier: Apache-2.0
#include "detect/engine.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "audit/parser.h"
#include "tests/support.h"

namespace tld {
namespace {

using testing_support::Answers;
using testing_support::ExecRecords;
using testing_support::RuleText;
using testing_support::TestPolicy;
using Strings = std::vector<std::string>;

const std::string kNc = ExecRecords("nc", "/usr/bin/nc.openbsd");

std::string Answer(const std::string& rules, const std::string& log = kNc,
                   const TestPolicy::Lists& lists = {}) {
  const TestPolicy policy(rules, lists);
  EXPECT_FALSE(policy.diagnostics().HasErrors());
  return Answers(policy.policy(), log).at(0);
}

TEST(Engine, NoRuleNoAnswer) {
  EXPECT_EQ(Answer(RuleText("id=\"1\" level=\"1\"", "<match>zzz</match>")), "-");
}

TEST(Engine, TheDeepestRuleOfTheFirstBranchAnswers) {
  const std::string rules =
      RuleText("id=\"1\" level=\"3\"") +
      RuleText("id=\"2\" level=\"9\"", "<if_sid>1</if_sid><match>zzz</match>") +
      RuleText("id=\"3\" level=\"5\"", "<if_sid>1</if_sid>") +
      RuleText("id=\"4\" level=\"1\"", "<if_sid>3</if_sid>");
  EXPECT_EQ(Answer(rules), "4");
}

TEST(Engine, ThereIsNoLookForABetterSibling) {
  // 1 (level 9) takes the event although only 2 has a child that holds.
  EXPECT_EQ(Answer(RuleText("id=\"1\" level=\"9\"") + RuleText("id=\"2\" level=\"5\"") +
                   RuleText("id=\"3\" level=\"16\"", "<if_sid>2</if_sid>")),
            "1");
}

TEST(Engine, LevelZeroTakesTheEventSilently) {
  EXPECT_EQ(Answer(RuleText("id=\"1\" level=\"12\"") + RuleText("id=\"2\" level=\"0\"")), "2");
}

TEST(Engine, AGateAloneIsNoAnswerAndTheSearchGoesOn) {
  const std::string gate = RuleText("id=\"1\" level=\"9\" noalert=\"1\"");
  EXPECT_EQ(Answer(gate), "-");
  EXPECT_EQ(Answer(gate + RuleText("id=\"2\" level=\"3\"")), "2");
  EXPECT_EQ(Answer(gate + RuleText("id=\"2\" level=\"3\"") +
                   RuleText("id=\"3\" level=\"1\"", "<if_sid>1</if_sid>")),
            "3");
}

TEST(Engine, FieldConditions) {
  const auto field = [](const std::string& attributes, const std::string& pattern) {
    return Answer(
        RuleText("id=\"1\" level=\"1\"", "<field " + attributes + ">" + pattern + "</field>"));
  };
  EXPECT_EQ(field("name=\"audit.command\"", "^nc$"), "1");
  EXPECT_EQ(field("name=\"AUDIT.Command\"", "^NC$"), "1");
  EXPECT_EQ(field("name=\"audit.command\" negate=\"yes\"", "^nc$"), "-");
  EXPECT_EQ(field("name=\"audit.command\" type=\"pcre2\"", "^NC$"), "-");
  EXPECT_EQ(field("name=\"audit.command\" type=\"osmatch\"", "^nc$|^x$"), "1");
  EXPECT_EQ(field("name=\"audit.execve.a1\"", "^-v$"), "1");
  // Several values: one is enough, and negated none may hold.
  EXPECT_EQ(field("name=\"audit.file.name\"", "ld-linux"), "1");
  EXPECT_EQ(field("name=\"audit.file.name\" negate=\"yes\"", "ld-linux"), "-");
  EXPECT_EQ(field("name=\"audit.file.name\" negate=\"yes\"", "zzz"), "1");
  // A missing field is false either way.
  EXPECT_EQ(field("name=\"audit.none\"", "\\.*"), "-");
  EXPECT_EQ(field("name=\"audit.none\" negate=\"yes\"", "x"), "-");
}

TEST(Engine, MatchSeesTheWholeLogWithoutEoe) {
  const auto match = [](const std::string& pattern) {
    return Answer(RuleText("id=\"1\" level=\"1\"", "<match>" + pattern + "</match>"));
  };
  EXPECT_EQ(match("^type=SYSCALL"), "1");
  EXPECT_EQ(match(" type=EXECVE msg=audit(1700000000.123:7): argc=2"), "1");
  EXPECT_EQ(match("type=EOE"), "-");
  EXPECT_EQ(match("proctitle=\"nc\"$"), "1");
  EXPECT_EQ(Answer(RuleText("id=\"1\" level=\"1\"", "<match>type=SYS</match><match>CALL</match>")),
            "1");
}

TEST(Engine, OptionsThatNoAuditEventSetsNeverHold) {
  for (const char* option : {"program_name", "user", "url", "dstip", "srcport", "action", "id"}) {
    const std::string condition = std::string("<") + option + ">x</" + option + ">";
    EXPECT_EQ(Answer(RuleText("id=\"1\" level=\"1\"", condition)), "-") << option;
    const std::string negated = std::string("<") + option + " negate=\"yes\">x</" + option + ">";
    EXPECT_EQ(Answer(RuleText("id=\"1\" level=\"1\"", negated)), "-") << option;
  }
}

TEST(Engine, SourceAddressTimeAndWeekday) {
  const std::string from =
      "type=USER_AUTH msg=audit(1700000000.000:1): pid=1 uid=0 msg='op=x addr=10.1.2.3 "
      "res=failed'\n";
  const auto source = [&](const std::string& options, const std::string& log) {
    return Answer(RuleText("id=\"1\" level=\"1\"", options), log);
  };
  EXPECT_EQ(source("<srcip>10.0.0.0/8</srcip>", from), "1");
  EXPECT_EQ(source("<srcip>192.168.0.0/16</srcip>", from), "-");
  EXPECT_EQ(source("<srcip>192.168.0.0/16</srcip><srcip>10.1.2.3</srcip>", from), "1");
  EXPECT_EQ(source("<srcip negate=\"yes\">10.0.0.0/8</srcip>", from), "-");
  EXPECT_EQ(source("<srcip>!192.168.0.0/16</srcip>", from), "1");
  EXPECT_EQ(source("<srcip negate=\"yes\">10.0.0.0/8</srcip>", kNc), "-");  // no address at all
  setenv("TZ", "UTC", 1);
  tzset();  // the event is of Tuesday 2023-11-14 22:13:20
  EXPECT_EQ(source("<time>22:00-23:00</time><weekday>tuesday</weekday>", from), "1");
  EXPECT_EQ(source("<time>22:00-22:12</time>", from), "-");
  EXPECT_EQ(source("<weekday>weekends</weekday>", from), "-");
}

TEST(Engine, MaxsizeIsALeastLength) {
  EXPECT_EQ(Answer(RuleText("id=\"1\" level=\"1\" maxsize=\"100\"")), "1");
  EXPECT_EQ(Answer(RuleText("id=\"1\" level=\"1\" maxsize=\"9999\"")), "-");
}

TEST(Engine, ListLookups) {
  const TestPolicy::Lists lists = {{"l", "nc:red\n10.:net\nother:infrared\n"}};
  const auto list = [&](const std::string& attributes, const std::string& log = kNc) {
    return Answer(RuleText("id=\"1\" level=\"1\"", "<list " + attributes + ">etc/lists/l</list>"),
                  log, lists);
  };
  EXPECT_EQ(list("field=\"audit.command\""), "1");
  EXPECT_EQ(list("field=\"audit.exe\""), "-");
  EXPECT_EQ(list("field=\"audit.command\" lookup=\"not_match_key\""), "-");
  EXPECT_EQ(list("field=\"audit.exe\" lookup=\"not_match_key\""), "1");
  EXPECT_EQ(list("field=\"audit.none\" lookup=\"not_match_key\""), "-");
  EXPECT_EQ(list("field=\"audit.command\" lookup=\"match_key_value\" check_value=\"red\""), "1");
  EXPECT_EQ(list("field=\"audit.command\" lookup=\"match_key_value\" check_value=\"^re$\""), "-");
  // With several values not_match_key holds when none is a key.
  EXPECT_EQ(list("field=\"audit.program\" lookup=\"not_match_key\""), "-");
  const std::string from =
      "type=USER_AUTH msg=audit(1.000:1): pid=1 uid=0 msg='op=x addr=10.1.2.3 res=failed'\n";
  EXPECT_EQ(list("field=\"srcip\" lookup=\"address_match_key\"", from), "1");
  EXPECT_EQ(list("field=\"srcip\" lookup=\"not_address_match_key\"", from), "-");
  EXPECT_EQ(list("field=\"srcip\" lookup=\"address_match_key_value\" check_value=\"net\"", from),
            "1");
  EXPECT_EQ(list("field=\"srcip\" lookup=\"match_key\"", from), "-");
}

TEST(Engine, FiredTimesStartAgainEachHourOfTheEvents) {
  const TestPolicy policy(RuleText("id=\"1\" level=\"1\""));
  std::vector<std::uint64_t> times;
  Pipeline pipeline({}, policy.policy(), [&](const Pipeline::Outcome& outcome) {
    times.push_back(outcome.answer->fired_times);
  });
  for (const char* second : {"3000", "3001", "3599", "3600", "7200"}) {
    pipeline.Feed(std::string("type=USER_AUTH msg=audit(") + second + ".000:1): pid=1\n", 0);
  }
  pipeline.Finish(0);
  EXPECT_EQ(times, (std::vector<std::uint64_t>{1, 2, 3, 1, 1}));
}

TEST(Engine, DescriptionsShowFieldsSafelyAndBounded) {
  const auto describe = [](const std::string& description, const std::string& exe) {
    const TestPolicy policy("<group name=\"g,\"><rule id=\"1\" level=\"1\"><description>" +
                            description + "</description></rule></group>");
    const Event event = testing_support::ParseEvent(ExecRecords("nc", exe));
    return Describe(policy.policy()->ruleset.rules.at(0), event);
  };
  EXPECT_EQ(describe("run: $(audit.exe)!", "/bin/nc"), "run: /bin/nc!");
  EXPECT_EQ(describe("$(AUDIT.EXE)|$(none)|", "/bin/nc"), "/bin/nc||");
  EXPECT_EQ(describe("a\n\tb", "/bin/nc"), "a  b");
  EXPECT_EQ(describe("$(audit.exe)", "/x\x1b[2J\u202E"), "/x\\x1b[2J\\u202e");
  const std::string lengthy = describe("$(audit.exe)", "/" + std::string(3000, 'x'));
  EXPECT_LE(lengthy.size(), 1024u);
  EXPECT_TRUE(lengthy.ends_with("…"));
  EXPECT_EQ(describe("$(audit.command)$(", "/bin/nc"), "nc$(");
}

TEST(Engine, GatesBelowGatesAreSearchedOnceEach) {
  // Each is a child of all before it: two to the power of forty places.
  std::string rules;
  for (int i = 1; i <= 40; ++i) {
    rules += RuleText("id=\"" + std::to_string(i) + "\" level=\"3\" noalert=\"1\"",
                      i == 1 ? "" : "<if_group>g</if_group>");
  }
  const std::string last = "<if_group>g</if_group>";
  EXPECT_EQ(Answers(TestPolicy(rules).policy(), kNc), std::vector<std::string>{"-"});
  EXPECT_EQ(Answers(TestPolicy(rules + RuleText("id=\"99\" level=\"1\"", last)).policy(), kNc),
            std::vector<std::string>{"99"});
  EXPECT_EQ(
      Answers(TestPolicy(rules + RuleText("id=\"98\" level=\"1\"", last + "<match>zzz</match>") +
                         RuleText("id=\"99\" level=\"1\""))
                  .policy(),
              kNc),
      std::vector<std::string>{"99"});
}

TEST(Engine, TheTraceNamesWhatFailed) {
  const TestPolicy policy(RuleText("id=\"1\" level=\"9\"", "<match>zzz</match>") +
                          RuleText("id=\"2\" level=\"3\""));
  Pipeline::Options options;
  options.trace = true;
  Trace trace;
  Pipeline pipeline(options, policy.policy(),
                    [&](const Pipeline::Outcome& outcome) { trace = outcome.trace; });
  pipeline.Feed(kNc, 0);
  pipeline.Finish(0);
  ASSERT_EQ(trace.steps.size(), 2u);
  EXPECT_EQ(trace.steps[0].result, TraceStep::Result::kCondition);
  EXPECT_EQ(ConditionName(policy.policy()->ruleset.rules[0].conditions[trace.steps[0].condition],
                          policy.policy()->ruleset),
            "the full log 'zzz'");
  EXPECT_EQ(trace.steps[1].result, TraceStep::Result::kHeld);
}

}  // namespace
}  // namespace tld
