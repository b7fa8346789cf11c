// SPDX-License-Identifier: Apache-2.0
// Random rules on random events: the engine against the naive evaluator, with and without the
// prefilter, and the pattern compilers against naive matchers.
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <random>

#include "detect/pattern.h"
#include "tests/detect/naive.h"
#include "tests/support.h"

namespace tld {
namespace {

using testing_support::TestPolicy;

constexpr std::size_t kRulesets = 600;
constexpr std::size_t kEventsEach = 60;

const std::vector<std::string> kFields = {
    "audit.op",   "audit.acct",      "audit.key",        "audit.type",
    "audit.exe",  "audit.command",   "audit.file.name",  "srcip",
    "audit.none", "audit.execve.a1", "audit.record_type"};
const std::vector<std::string> kWords = {"a",         "b",  "ab",   "SYSCALL",
                                         "USER_AUTH", "nc", "ncat", "/bin/nc",
                                         "k1",        "k2", "root", "10.0.0.1"};

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::string Rules() {
    std::string text;
    const int count = Below(14) + 2;
    for (int i = 0; i < count; ++i) {
      text += "<group name=\"" + Pick({"g,", "h,", "gh,x,"}) + "\">" + Rule(100 + i) + "</group>\n";
    }
    return text;
  }

  std::string Log() {
    std::string log;
    for (std::size_t i = 0; i < kEventsEach; ++i) log += Event(i);
    return log;
  }

 private:
  int Below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  bool OneIn(int n) { return Below(n) == 0; }
  std::string Pick(const std::vector<std::string>& of) { return of[random_() % of.size()]; }

  std::string Rule(int id) {
    const bool composite = id > 100 && OneIn(3);
    const int shown = id > 101 && OneIn(8) ? id - 1 : id;
    std::string attributes = " id=\"" + std::to_string(shown) + "\" level=\"" +
                             std::to_string(OneIn(4) ? 0 : Below(17)) + "\"";
    if (shown != id && OneIn(2)) attributes += " overwrite=\"yes\"";
    if (OneIn(gates_)) attributes += " noalert=\"1\"";
    if (OneIn(12)) attributes += " accuracy=\"0\"";
    if (OneIn(20)) attributes += " maxsize=\"" + std::to_string(Below(300)) + "\"";
    if (OneIn(6)) attributes += " ignore=\"" + std::to_string(Below(40)) + "\"";
    std::string options;
    if (id > 100 && OneIn(2)) options += Link(id);
    if (composite) {
      if (OneIn(2)) attributes += " frequency=\"" + std::to_string(2 + Below(4)) + "\"";
      if (OneIn(2)) attributes += " timeframe=\"" + std::to_string(Below(60)) + "\"";
      options += Composite(id);
    }
    if (id == 100 && OneIn(2))
      return "<rule id=\"100\" level=\"3\"><description>d</description></rule>";
    for (int i = Below(composite ? 2 : 3); i > 0; --i) options += Condition();
    if (OneIn(8)) options += "<group>" + Pick({"y,", "g,", "z"}) + "</group>";
    if (OneIn(15)) options += "<options>no_log</options>";
    return "<rule" + attributes + "><description>d</description>" + options + "</rule>";
  }

  std::string Earlier(int id) { return std::to_string(100 + Below(id - 100)); }

  std::string Link(int id) {
    switch (Below(6)) {
      case 0:
        return "<if_group>" + Pick({"g", "^g", "h", "x", "y", "g,|z"}) + "</if_group>";
      case 1:
        return "<if_level>" + std::to_string(1 + Below(12)) + "</if_level>";
      case 2:
        return "<if_sid>" + Earlier(id) + ", " + Earlier(id) + "</if_sid>";
      default:
        return "<if_sid>" + Earlier(id) + "</if_sid>";
    }
  }

  std::string Composite(int id) {
    std::string options;
    switch (Below(4)) {
      case 0:
        options = "<if_matched_group>" + Pick({"g", "^h", "x", "g,"}) + "</if_matched_group>";
        break;
      case 1:
        options = "<if_matched_regex>" + Pick({"op=a", "acct=\"\\w+\"", "comm", "key=\\p"}) +
                  "</if_matched_regex>";
        break;
      default:
        options = "<if_matched_sid>" + Earlier(id) + "</if_matched_sid>";
    }
    if (OneIn(3)) options += "<same_field>" + Pick(kFields) + "</same_field>";
    if (OneIn(5)) options += "<different_field>" + Pick(kFields) + "</different_field>";
    if (OneIn(8)) options += "<not_same_agent/>";
    if (OneIn(8)) options += "<same_location/>";
    if (OneIn(4)) options += "<global_frequency/>";
    return options;
  }

  std::string Pattern(std::string& attributes) {
    if (OneIn(5)) attributes += " negate=\"yes\"";
    const std::string word = Pick(kWords);
    switch (Below(4)) {
      case 0:
        attributes += " type=\"osmatch\"";
        return Pick({"", "!"}) + Pick({"", "^"}) + word + Pick({"", "$", "|b", "|^ab$"});
      case 1:
        attributes += " type=\"pcre2\"";
        return Pick({"(?i)", "^", ""}) + word + Pick({"", "$", "|b+", ".?"});
      case 2:
        attributes += " type=\"osregex\"";
        return Pick({"^\\w+", "\\S*" + word, "\\d", "\\.+" + word + "$", "(" + word + ")|^b$"});
      default:
        return Pick({"", "^"}) + word + Pick({"", "$"});
    }
  }

  std::string Condition() {
    std::string attributes;
    switch (Below(10)) {
      case 0: {
        const std::string pattern = Pattern(attributes);
        return "<match" + attributes + ">" + pattern + "</match>";
      }
      case 1:
        return "<srcip" + Pick({"", " negate=\"yes\""}) + ">" + Pick({"", "!"}) +
               Pick({"10.0.0.0/8", "10.0.0.2", "any"}) + "</srcip>";
      case 2:
        return "<hostname>" + Pick({"n1", "^n", "h"}) + "</hostname>";
      case 3:
        return "<time>" + Pick({"22:13 - 22:14", "!22:13 - 22:14", "6 pm - 6 am"}) + "</time>";
      case 4:
        return "<weekday>" + Pick({"tuesday", "!weekdays", "wed"}) + "</weekday>";
      case 5:
        return "<list field=\"" + Pick(kFields) + "\" lookup=\"" +
               Pick({"match_key", "not_match_key", "address_match_key", "not_address_match_key"}) +
               "\">" + Pick({"l", "etc/lists/m"}) + "</list>";
      case 6:
        return "<list field=\"" + Pick(kFields) + "\" lookup=\"" +
               Pick({"match_key_value", "address_match_key_value"}) + "\" check_value=\"" +
               Pick({"red", "^red$", "!red", "re|blue"}) + "\">l</list>";
      default: {
        const std::string pattern = Pattern(attributes);
        const std::string name = Pick(kFields);
        if (name == "srcip") return Condition();  // an option of its own
        return "<field name=\"" + name + "\"" + attributes + ">" + pattern + "</field>";
      }
    }
  }

  std::string Event(std::size_t i) {
    seconds_ += Below(12);
    // Now and then one that ends after others that began later.
    const int back = OneIn(10) ? Below(3) : 0;
    const std::string stamp = " msg=audit(" + std::to_string(1'700'000'000 + seconds_ - back) +
                              "." + Pick({"000", "000", "001", "999"}) + ":" +
                              std::to_string(i + 1) + "): ";
    const std::string node = Pick({"", "", "node=n1 ", "node=n2 "});
    if (OneIn(2)) {
      return node + "type=" + Pick({"USER_AUTH", "USER_CMD"}) + stamp +
             "pid=1 uid=0 msg='op=" + Pick({"a", "b"}) + " acct=\"" + Pick({"a", "root", "AB"}) +
             "\" addr=" + Pick({"10.0.0.1", "10.0.0.2", "?"}) + " res=failed'\n";
    }
    const std::string comm = Pick({"nc", "ncat", "ab"});
    std::string records = node + "type=SYSCALL" + stamp + "arch=c000003e syscall=59 success=yes " +
                          "exit=0 pid=1 auid=1000 uid=0 comm=\"" + comm + "\" exe=\"/bin/" + comm +
                          "\" key=" + Pick({"\"k1\"", "\"k2\"", "(null)", "6B31016B32"}) + "\n";
    if (OneIn(2)) {
      records +=
          node + "type=EXECVE" + stamp + "argc=2 a0=\"" + comm + "\" a1=\"" + Pick(kWords) + "\"\n";
    }
    for (int p = Below(3); p > 0; --p) {
      records += node + "type=PATH" + stamp + "item=" + std::to_string(p) + " name=\"/bin/" +
                 Pick({"nc", "ab"}) + "\" inode=1 dev=fe:00 mode=0100755 nametype=NORMAL\n";
    }
    return records + node + "type=EOE" + stamp + "\n";
  }

  std::mt19937 random_;
  int gates_ = OneIn(10) ? 2 : 12;  // now and then many, below each other
  int seconds_ = 0;
};

std::string How(TraceStep::Result result) {
  switch (result) {
    case TraceStep::Result::kHeld:
      return "held";
    case TraceStep::Result::kLogTooShort:
      return "too short";
    case TraceStep::Result::kCondition:
      return "condition";
    case TraceStep::Result::kTooFew:
      return "too few";
    case TraceStep::Result::kSilent:
      return "silent";
    case TraceStep::Result::kBarren:
      return "barren";
  }
  return "";
}

std::string Written(const std::vector<naive::Step>& steps) {
  std::string text;
  for (const naive::Step& step : steps) {
    text += std::string(2 * step.depth, ' ') + step.rule + ' ' + step.how + '\n';
  }
  return text;
}

TEST(Oracle, RandomRulesAnswerRandomEventsAsTheNaiveEvaluatorDoes) {
  setenv("TZ", "UTC", 1);
  tzset();
  const TestPolicy::Lists lists = {{"l", "nc:red\nncat:blue\na:infrared\n10.0.:red\nroot:RED\n"},
                                   {"m", "ab:x\nk1:\n10.0.0.2:\n"}};
  const naive::Evaluator::Lists parsed = {
      {"l",
       {{"nc", "red"}, {"ncat", "blue"}, {"a", "infrared"}, {"10.0.", "red"}, {"root", "RED"}}},
      {"m", {{"ab", "x"}, {"k1", ""}, {"10.0.0.2", ""}}}};
  std::size_t answers = 0;
  std::size_t counted = 0;
  for (unsigned seed = 0; seed < kRulesets; ++seed) {
    Generator generator(seed);
    const SourceText rules{"r.xml", generator.Rules()};
    const std::string log = generator.Log();
    const TestPolicy policy(rules.text, lists);
    ASSERT_FALSE(policy.diagnostics().HasErrors()) << rules.text;
    naive::Evaluator oracle(rules, parsed, policy.policy()->host, "in");
    Pipeline::Options options;
    options.location = "in";
    options.trace = true;
    options.prefilter = false;
    std::vector<std::string> alerts;
    Pipeline pipeline(options, policy.policy(), [&](const Pipeline::Outcome& outcome) {
      const naive::Result expected = oracle.Evaluate(outcome.event);
      std::vector<naive::Step> steps;
      for (const TraceStep& step : outcome.trace.steps) {
        steps.push_back(
            {policy.policy()->ruleset.rules[step.rule].id, step.depth, How(step.result)});
      }
      ASSERT_EQ(Written(steps), Written(expected.steps)) << seed << rules.text;
      ASSERT_EQ(outcome.rule == nullptr ? "-" : outcome.rule->id, expected.rule)
          << seed << rules.text << Written(steps);
      if (outcome.rule == nullptr) return;
      ++answers;
      counted += outcome.rule->composite ? 1 : 0;
      ASSERT_EQ(outcome.answer->fired_times, expected.fired_times) << seed << rules.text;
      ASSERT_EQ(outcome.answer->previous, expected.previous) << seed << rules.text;
      if (outcome.IsAlert()) alerts.push_back(outcome.event.id().Stamp() + ' ' + outcome.rule->id);
    });
    pipeline.Feed(log, 0);
    pipeline.Finish(0);
    if (testing::Test::HasFatalFailure()) return;
    options.prefilter = true;
    std::vector<std::string> filtered;
    Pipeline fast(options, policy.policy(), [&](const Pipeline::Outcome& outcome) {
      if (outcome.IsAlert())
        filtered.push_back(outcome.event.id().Stamp() + ' ' + outcome.rule->id);
    });
    fast.Feed(log, 0);
    fast.Finish(0);
    ASSERT_EQ(filtered, alerts) << seed << rules.text;
  }
  // The generator must reach what it is for.
  EXPECT_GT(answers, kRulesets * kEventsEach / 2);
  EXPECT_GT(counted, kRulesets * 9 / 10);
}

/// Texts of few letters, so that patterns and subjects meet.
std::string Random(std::mt19937& random, std::string_view letters, std::size_t most) {
  std::string text;
  for (std::size_t n = random() % (most + 1); n > 0; --n)
    text += letters[random() % letters.size()];
  return text;
}

TEST(Oracle, OsRegexMatchesAsItsDefinitionSays) {
  std::mt19937 random(1);
  MatchScratch scratch;
  std::size_t good = 0;
  std::size_t held = 0;
  for (int i = 0; i < 200'000; ++i) {
    const std::string pattern = Random(random, "aB1 \\\\\\wdsSp.+*^$|()-", 8);
    const std::string subject = Random(random, "aAb1 -.\t\x1d\xe9", 8);
    const auto expected = naive::MatchesOsRegex(pattern, subject);
    const Result<Pattern> compiled = Pattern::Compile(PatternKind::kOsRegex, pattern);
    ASSERT_EQ(static_cast<bool>(compiled), expected.has_value()) << '\'' << pattern << '\'';
    if (!expected) continue;
    ++good;
    held += *expected ? 1 : 0;
    ASSERT_EQ(compiled->Matches(subject, scratch), *expected)
        << '\'' << pattern << "' on '" << subject << '\'';
  }
  EXPECT_GT(good, 50'000u);
  EXPECT_GT(held, 10'000u);
}

TEST(Oracle, OsMatchMatchesAsItsDefinitionSays) {
  std::mt19937 random(2);
  for (int i = 0; i < 200'000; ++i) {
    const std::string pattern = Random(random, "aB|^$!\xe9", 6);
    const std::string subject = Random(random, "abAB^$\xe9", 6);
    ASSERT_EQ(OsMatch(pattern).Matches(subject), naive::MatchesOsMatch(pattern, subject))
        << '\'' << pattern << "' on '" << subject << '\'';
  }
}

/// Of a few parts and of many, on subjects that are looked at in blocks. Some bytes of these differ
/// by no more than upper and lower case do.
TEST(Oracle, OsMatchFindsPartsInLongSubjects) {
  std::mt19937 random(3);
  std::size_t held = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string pattern;
    for (auto parts = random() % 6; parts > 0; --parts) {
      pattern += "xX" + Random(random, "aBc@`_", 8) + '|';
    }
    pattern += 'b' + Random(random, "aBc@`_", 8) + 'C';
    std::string subject(random() % 600, '.');
    for (char& c : subject) {
      if (random() % 4 > 0) c = "xAbC@`\x7F"[random() % 7];
    }
    const bool expected = naive::MatchesOsMatch(pattern, subject);
    held += expected ? 1 : 0;
    ASSERT_EQ(OsMatch(pattern).Matches(subject), expected)
        << '\'' << pattern << "' on '" << subject << '\'';
  }
  EXPECT_GT(held, 20'000u);
  EXPECT_LT(held, 80'000u);
}

}  // namespace
}  // namespace tld
