// SPDX-License-Identifier: Apache-2.0
// The whole way from bytes to answers, over recorded and constructed logs.
#include "program/pipeline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>
#include <sstream>

#include "alert/format.h"
#include "base/text.h"
#include "tests/support.h"

namespace tld {
namespace {

using testing_support::DataPath;
using testing_support::ExecRecords;
using testing_support::RuleText;
using testing_support::Slurp;
using testing_support::TestPolicy;
using Strings = std::vector<std::string>;

/// One line an event: stamp, rule, and all fields that decide.
Strings Decisions(const std::shared_ptr<const Policy>& policy, std::string_view log,
                  Grouper::Mode mode = Grouper::Mode::kOffline,
                  std::size_t piece = std::string_view::npos) {
  Strings lines;
  Pipeline::Options options;
  options.mode = mode;
  options.prefilter = false;
  Pipeline pipeline(options, policy, [&](const Pipeline::Outcome& outcome) {
    std::string line = outcome.event.id().node + ' ' + outcome.event.id().Stamp() + ' ';
    line += outcome.answer ? policy->ruleset.rules[outcome.answer->rule].id : "-";
    for (const Field& field : outcome.event.fields()) {
      if (field.name.ends_with("_name") && field.name != "audit.syscall_name") continue;
      (line += '\n').append(field.name).append("=").append(field.value);
    }
    for (const Argument& argument : outcome.event.arguments()) {
      line += "\na" + std::to_string(argument.index) + '=' + std::string(argument.value);
    }
    lines.push_back(std::move(line));
  });
  for (; !log.empty(); log.remove_prefix(std::min(piece, log.size()))) {
    pipeline.Feed(log.substr(0, piece), 0);
  }
  pipeline.Finish(0);
  return lines;
}

/// The log with each line changed; a line for which `change` is false is left out.
template <class Change>
std::string ChangeLines(std::string_view log, Change&& change) {
  std::string out;
  std::istringstream lines{std::string(log)};
  for (std::string line; std::getline(lines, line);) {
    if (change(line)) out += line + '\n';
  }
  return out;
}

TEST(RecordedLog, WithoutEnrichmentDecidesTheSame) {
  const std::string log = Slurp(DataPath("exec_enriched.log.gz"));
  const std::string raw = ChangeLines(log, [](std::string& line) {
    line.resize(std::min(line.find('\x1d'), line.size()));
    return true;
  });
  ASSERT_LT(raw.size(), log.size());
  const auto policy = TestPolicy::Shipped();
  EXPECT_EQ(Decisions(policy, log), Decisions(policy, raw));
}

TEST(RecordedLog, WithoutEoeDecidesTheSame) {
  const std::string log = Slurp(DataPath("exec_enriched.log.gz"));
  const std::string without = ChangeLines(
      log, [](std::string& line) { return line.find("type=EOE ") == std::string::npos; });
  ASSERT_LT(without.size(), log.size());
  const auto policy = TestPolicy::Shipped();
  EXPECT_EQ(Decisions(policy, log), Decisions(policy, without));
}

/// Events stand whole in what is read, or do not.
TEST(RecordedLog, InPiecesDecidesTheSame) {
  const auto policy = TestPolicy::Shipped();
  for (const char* name : {"exec_enriched.log.gz", "mixed_enriched.log.gz"}) {
    const std::string log = Slurp(DataPath(name));
    for (const Grouper::Mode mode : {Grouper::Mode::kLive, Grouper::Mode::kOffline}) {
      const Strings whole = Decisions(policy, log, mode);
      EXPECT_EQ(Decisions(policy, log, mode, 200), whole) << name;
      EXPECT_EQ(Decisions(policy, log, mode, 5000), whole) << name;
    }
  }
}

TEST(RecordedLog, NeighboursInterleavedDecideTheSame) {
  const std::string log = Slurp(DataPath("exec_enriched.log.gz"));
  // Swaps neighbouring lines of different events, keeping the order within each.
  std::vector<std::string> lines;
  ChangeLines(log, [&](std::string& line) {
    lines.push_back(line);
    return false;
  });
  const auto stamp = [](const std::string& line) { return std::string(ParseHeader(line)->stamp); };
  std::mt19937 random(5);
  for (int round = 0; round < 6; ++round) {
    for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
      if (random() % 2 == 0 && stamp(lines[i]) != stamp(lines[i + 1]))
        std::swap(lines[i], lines[i + 1]);
    }
  }
  std::string mixed;
  for (const std::string& line : lines) mixed += line + '\n';
  const auto policy = TestPolicy::Shipped();
  Strings one = Decisions(policy, log);
  Strings other = Decisions(policy, mixed);
  std::sort(one.begin(), one.end());  // first records may have changed places
  std::sort(other.begin(), other.end());
  EXPECT_EQ(one, other);
}

/// A second, slow decoder of EXECVE records that shares no code with the first.
std::map<std::string, std::map<int, std::string>> NaiveArguments(const std::string& log) {
  std::map<std::string, std::map<int, std::string>> events;
  ChangeLines(log, [&](std::string& line) {
    const std::size_t body = line.find("): ");
    if (line.rfind("type=EXECVE ", 0) != 0) return false;
    const std::string stamp = line.substr(line.find('(') + 1, body - line.find('(') - 1);
    std::istringstream words(line.substr(body + 3));
    for (std::string word; words >> word;) {
      int index = 0;
      int consumed = 0;
      if (std::sscanf(word.c_str(), "a%d%n", &index, &consumed) != 1) continue;
      const char next = word[static_cast<std::size_t>(consumed)];
      if (next != '=' && next != '[') continue;
      const std::string value = word.substr(word.find('=') + 1);
      std::string& into = events[stamp][index];
      if (value[0] == '"') {
        into += value.substr(1, value.size() - 2);
      } else {
        for (std::size_t i = 0; i + 1 < value.size(); i += 2) {
          into += static_cast<char>(std::stoi(value.substr(i, 2), nullptr, 16));
        }
      }
    }
    return false;
  });
  return events;
}

TEST(RecordedLog, EveryArgumentComesOutByteExact) {
  const std::string log = Slurp(DataPath("exec_enriched.log.gz"));
  const auto expected = NaiveArguments(log);
  ASSERT_GT(expected.size(), 3000u);
  std::size_t compared = 0;
  for (const Event& event : testing_support::ParseEvents(log)) {
    const auto found = expected.find(event.id().Stamp());
    if (found == expected.end()) {
      EXPECT_TRUE(event.arguments().empty());
      continue;
    }
    ASSERT_EQ(event.arguments().size(), found->second.size()) << event.id().Stamp();
    for (const Argument& argument : event.arguments()) {
      ASSERT_EQ(argument.value, found->second.at(static_cast<int>(argument.index)));
      ++compared;
    }
    EXPECT_EQ(std::to_string(event.arguments().size()), event.First("audit.execve.argc"));
    EXPECT_TRUE(event.Find("audit.truncated").empty());
  }
  EXPECT_GT(compared, 10'000u);
}

TEST(RecordedLog, AReplayTwiceIsTheSame) {
  const std::string log = Slurp(DataPath("mixed_enriched.log.gz"));
  const auto policy = TestPolicy::Shipped();
  EXPECT_EQ(Decisions(policy, log), Decisions(policy, log));
}

/// Each tests/data/events/NAME.log gives the data and rules of NAME.json. WRITE_GOLDEN=1 writes
/// them.
TEST(Goldens, RecordsGiveTheExpectedDataAndRules) {
  const auto policy = TestPolicy::Shipped();
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(DataPath("events"))) {
    if (entry.path().extension() != ".log") continue;
    ++files;
    std::string shown;
    Pipeline::Options options;
    options.prefilter = false;
    Pipeline pipeline(options, policy, [&](const Pipeline::Outcome& outcome) {
      Event bare(outcome.event.raw());
      for (const Field& field : outcome.event.fields()) {
        if (!field.name.ends_with("_name") || field.name == "audit.syscall_name") {
          bare.AddNamed(field.name, field.value);
        }
      }
      bare.argument_list().arguments = outcome.event.arguments();
      shown += outcome.event.id().node + ' ' + outcome.event.id().Stamp() + ' ';
      shown += outcome.answer ? policy->ruleset.rules[outcome.answer->rule].id : "-";
      shown += '\n';
      AppendData(shown, bare, {});
      shown += '\n';
    });
    pipeline.Feed(Slurp(entry.path()), 0);
    pipeline.Finish(0);
    std::filesystem::path expected = entry.path();
    expected.replace_extension(".json");
    if (std::getenv("WRITE_GOLDEN") != nullptr) {
      ASSERT_TRUE(WriteFileAtomically(expected, shown, 0644, false));
    }
    EXPECT_EQ(shown, Slurp(expected)) << entry.path();
  }
  EXPECT_GE(files, 15u);
}

TEST(Pipeline, StartsInMidEventAndEndsWithoutNewline) {
  std::string log = ExecRecords("nc", "/usr/bin/nc");
  log = log.substr(20);  // the SYSCALL record has lost its start
  log += ExecRecords("nc", "/usr/bin/nc", 8);
  log.erase(log.rfind("type=EOE"));
  log.pop_back();
  EXPECT_EQ(testing_support::Answers(TestPolicy::Shipped(), log), (Strings{"200000", "100210"}));
}

TEST(Pipeline, ARecordOfTheKernelBesideTakesNoEventFromItsRule) {
  const std::string rename =
      "type=CONFIG_CHANGE msg=audit(1.000:1): auid=1000 ses=1 op=updated_rules "
      "path=\"/etc/passwd\" "
      "key=\"audit-wazuh-w\" list=4 res=1\n"
      "type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=82 success=yes comm=\"mv\" "
      "exe=\"/bin/mv\" key=\"audit-wazuh-w\"\n"
      "type=PATH msg=audit(1.000:1): item=0 name=\"/etc/passwd\" nametype=CREATE\n";
  const std::string avc = "type=AVC msg=audit(1700000000.123:7): apparmor=\"AUDIT\" comm=\"nc\"\n" +
                          ExecRecords("nc", "/usr/bin/nc");
  const std::string selinux =
      "type=SELINUX_ERR msg=audit(1700000000.123:7): op=security_bounded_transition "
      "seresult=denied\n" +
      ExecRecords("nc", "/usr/bin/nc");
  const auto policy = TestPolicy::Shipped();
  EXPECT_EQ(testing_support::Answers(policy, rename), Strings{"80790"});
  EXPECT_EQ(testing_support::Answers(policy, avc), Strings{"100210"});
  EXPECT_EQ(testing_support::Answers(policy, selinux), Strings{"100210"});
}

TEST(Pipeline, AJoinedEventIsCompleteAtItsNewline) {
  std::string joined = ExecRecords("nc", "/usr/bin/nc");
  std::replace(joined.begin(), joined.end(), '\n', ' ');
  joined = "node=web1 " + joined + '\n';
  Strings nodes;
  const auto policy = TestPolicy::Shipped();
  Pipeline pipeline({}, policy, [&](const Pipeline::Outcome& outcome) {
    nodes.push_back(outcome.event.id().node + ' ' +
                    std::to_string(outcome.event.raw().records.size()));
  });
  pipeline.Feed(joined + joined, 0);
  pipeline.Finish(0);
  EXPECT_EQ(nodes, (Strings{"web1 6", "web1 6"}));
}

TEST(Pipeline, ATwoMebibyteArgumentListStillNamesWhoAndWhat) {
  std::string log = ExecRecords("nc", "/usr/bin/nc.openbsd");
  log.erase(log.find("type=EXECVE"), log.find("type=CWD") - log.find("type=EXECVE"));
  const std::size_t syscall_end = log.find('\n') + 1;
  std::string execve;
  int index = 1;
  while (execve.size() < (2u << 20)) {
    execve += "type=EXECVE msg=audit(1700000000.123:7):" +
              std::string(index == 1 ? " argc=99999 a0=\"nc\"" : "");
    for (int i = 0; i < 7; ++i)
      execve += " a" + std::to_string(index++) + "=\"" + std::string(1000, 'v') + '"';
    execve += '\n';
  }
  log.insert(syscall_end, execve);
  std::size_t alerts = 0;
  const auto policy = TestPolicy::Shipped();
  Pipeline::Options live;
  live.mode = Grouper::Mode::kLive;
  Pipeline pipeline(live, policy, [&](const Pipeline::Outcome& outcome) {
    ASSERT_TRUE(outcome.answer);
    EXPECT_EQ(policy->ruleset.rules[outcome.answer->rule].id, "100210");
    EXPECT_EQ(outcome.event.First("audit.exe"), "/usr/bin/nc.openbsd");
    EXPECT_EQ(outcome.event.First("audit.truncated"), "yes");
    ++alerts;
  });
  pipeline.Feed(log, 0);
  EXPECT_EQ(alerts, 1u);
}

TEST(Pipeline, OwnEventsAreThoseOfTheProcessUserAndNoLogin) {
  const auto judged = [](const std::string& pid, const std::string& uid, const std::string& auid) {
    std::string log = ExecRecords("nc", "/usr/bin/nc");
    const auto replace = [&](const std::string& from, const std::string& to) {
      log.replace(log.find(from), from.size(), to);
    };
    replace(" pid=11", " pid=" + pid);
    replace(" auid=1000", " auid=" + auid);
    replace(" uid=0", " uid=" + uid);
    Pipeline::Options options;
    options.own_uid = 77;
    options.own_pids = {500};
    std::size_t count = 0;
    Pipeline pipeline(options, TestPolicy::Shipped(), [&](const Pipeline::Outcome&) { ++count; });
    pipeline.Feed(log, 0);
    pipeline.Finish(0);
    return count;
  };
  EXPECT_EQ(judged("500", "77", "4294967295"), 0u);
  EXPECT_EQ(judged("501", "77", "4294967295"), 1u);
  EXPECT_EQ(judged("500", "0", "4294967295"), 1u);
  EXPECT_EQ(judged("500", "77", "1000"), 1u);
}

TEST(Pipeline, ANewPolicyCountsFromTheNextEventAndKeepsCounts) {
  const TestPolicy one(
      "<group name=\"g,\"><rule id=\"1\" level=\"1\"><description>d</description></rule></group>");
  const TestPolicy two(
      "<group name=\"g,\"><rule id=\"2\" "
      "level=\"2\"><match>zz</match><description>d</description></rule>"
      "<rule id=\"1\" level=\"1\"><description>d</description></rule></group>");
  std::vector<std::uint64_t> fired;
  Pipeline pipeline({}, one.policy(), [&](const Pipeline::Outcome& outcome) {
    fired.push_back(outcome.answer->fired_times);
  });
  pipeline.Feed("type=USER_AUTH msg=audit(1.000:1): pid=1\n", 0);
  pipeline.SetPolicy(two.policy());
  pipeline.Feed("type=USER_AUTH msg=audit(1.000:2): pid=1\n", 0);
  EXPECT_EQ(fired, (std::vector<std::uint64_t>{1, 2}));
}

TEST(Pipeline, CostlyEventsOfAUserShareALimitWhereTimeCounts) {
  const TestPolicy rules(RuleText("id=\"1\" level=\"5\"",
                                  R"(<field name="audit.acct" type="pcre2">[a-z]+?[0-9]</field>)"));
  const auto matched = [&](Grouper::Mode mode) {
    std::vector<std::string> answers;
    Pipeline::Options options;
    options.mode = mode;
    Pipeline pipeline(options, rules.policy(), [&](const Pipeline::Outcome& outcome) {
      if (outcome.event.is_own()) return;
      answers.push_back(outcome.rule != nullptr ? outcome.rule->id : "-");
    });
    int serial = 0;
    const auto feed = [&](const std::string& account, std::int64_t now_ms) {
      pipeline.Feed("type=USER_AUTH msg=audit(1.000:" + std::to_string(++serial) +
                        "): pid=1 acct=\"" + account + "\"\n",
                    now_ms);
    };
    const std::string costly = std::string(1'000, 'a') + "!b2";
    for (int i = 0; i < 5; ++i) feed(std::string(7'000, 'a'), 1000);
    feed(costly, 1000);
    feed(costly, 3000);
    pipeline.Finish(3000);
    return answers;
  };
  EXPECT_EQ(matched(Grouper::Mode::kLive), (Strings{"-", "-", "-", "-", "-", "-", "1"}));
  EXPECT_EQ(matched(Grouper::Mode::kOffline), (Strings{"-", "-", "-", "-", "-", "1", "1"}));
}

TEST(Pipeline, RandomBytesDoNoHarm) {
  const std::string log =
      Slurp(DataPath("events/split-argument.log")) + ExecRecords("nc", "/bin/nc");
  std::mt19937 random(17);
  const auto policy = TestPolicy::Shipped();
  for (int round = 0; round < 300; ++round) {
    std::string broken = log;
    for (int i = 0; i < 20; ++i)
      broken[random() % broken.size()] = static_cast<char>(random() % 256);
    if (round % 3 == 0) broken.resize(random() % broken.size());
    Pipeline::Options options;
    options.mode = round % 2 == 0 ? Grouper::Mode::kLive : Grouper::Mode::kOffline;
    Pipeline pipeline(options, policy, [](const Pipeline::Outcome& outcome) {
      std::string data;
      AppendData(data, outcome.event, {});
      EXPECT_TRUE(IsUtf8(data));
    });
    pipeline.Feed(broken, 0);
    pipeline.Finish(0);
  }
}

}  // namespace
}  // namespace tld
