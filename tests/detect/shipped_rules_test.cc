// SPDX-License-Identifier: Apache-2.0
// Every shipped rule on the events in rules/detect/tests: those it must answer and those it must
// not.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <sstream>

#include "base/text.h"
#include "program/pipeline.h"
#include "tests/support.h"

namespace tld {
namespace {

using testing_support::Slurp;
using testing_support::TestPolicy;
using testing_support::Top;

struct Case {
  bool hit = false;
  std::string rule;
  std::string title;  ///< the line it begins with
  std::string records;
};

std::vector<Case> ReadCases(const std::string& path) {
  std::vector<Case> cases;
  std::istringstream text(Slurp(path));
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("== ")) {
      const auto words = SplitWords(line, " :");
      EXPECT_TRUE(words.size() >= 3 && (words[1] == "hit" || words[1] == "miss")) << line;
      if (words.size() < 3) continue;
      cases.push_back({words[1] == "hit", std::string(words[2]), line, {}});
    } else if (!cases.empty() && !line.empty()) {
      cases.back().records += line + '\n';
    }
  }
  return cases;
}

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  for (const auto& entry : std::filesystem::directory_iterator(Top() + "/rules/detect/tests")) {
    for (Case& one : ReadCases(entry.path())) cases.push_back(std::move(one));
  }
  return cases;
}

TEST(ShippedRules, AnswerTheirEventsAndNoOthers) {
  const auto policy = TestPolicy::Shipped();
  for (const Case& one : AllCases()) {
    const std::vector<std::string> answers = testing_support::Answers(policy, one.records);
    const std::string last = answers.empty() ? "-" : answers.back();
    if (one.hit) {
      EXPECT_EQ(last, one.rule) << one.title;
    } else {
      EXPECT_NE(last, one.rule) << one.title;
    }
  }
}

TEST(ShippedRules, EachHasAnEventThatFiresItAndANearMiss) {
  std::map<std::string, std::pair<int, int>> counts;
  for (const Case& one : AllCases()) {
    auto& [hits, misses] = counts[one.rule];
    ++(one.hit ? hits : misses);
  }
  const auto policy = TestPolicy::Shipped();
  for (const Rule& rule : policy->ruleset.rules) {
    EXPECT_GT(counts[rule.id].first, 0) << "no hit for rule " << rule.id;
    EXPECT_GT(counts[rule.id].second, 0) << "no miss for rule " << rule.id;
    counts.erase(rule.id);
  }
  for (const auto& [rule, count] : counts) ADD_FAILURE() << "there is no rule " << rule;
}

/// A match that costs the square of what it is given would hold all others up, or give up and hide
/// what it looks for.
TEST(ShippedRules, NoPatternGivesUpOnALongCommandLine) {
  Pipeline::Options options;
  options.location = "test";
  Pipeline pipeline(options, TestPolicy::Shipped(), [](const Pipeline::Outcome&) {});
  int serial = 0;
  for (const std::string word : {"mkfifo ",
                                 "nc ",
                                 "nc -e",
                                 "eval ",
                                 "eval $(",
                                 "xxd -d ",
                                 "base64 -d|",
                                 "| ",
                                 "|sudo -a -b ",
                                 "|/",
                                 "sh <(",
                                 "curl ",
                                 "socket exec ",
                                 "/dev/tcp/a",
                                 "HISTFILE=",
                                 "> _history",
                                 "tee ",
                                 "docker exec ",
                                 "kworker/",
                                 "[x",
                                 "/.a",
                                 " --argv0 ",
                                 "rm .bash_history",
                                 "of= ",
                                 "|",
                                 "| ",
                                 "|a/",
                                 "|sudo -x ",
                                 " \t"}) {
    // What opens the way to the patterns that look for a pipe into a shell.
    std::string text = "base64 -d; telnet h; curl h; mkfifo p; ";
    while (text.size() < 200'000) text += word;
    const std::string stamp = "msg=audit(1700000000.000:" + std::to_string(++serial) + "): ";
    pipeline.Feed("type=SYSCALL " + stamp +
                      "arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=2 auid=1000 uid=0 "
                      "tty=pts0 ses=3 comm=\"sh\" exe=\"/usr/bin/dash\" key=\"audit-wazuh-c\"\n",
                  0);
    pipeline.Feed("type=EXECVE " + stamp +
                      "argc=3 a0=\"sh\" a1=\"-c\" a2_len=" + std::to_string(text.size() * 2) +
                      " a2[0]=" + HexEncode(text.substr(0, 3500)) + '\n',
                  0);
    for (std::size_t i = 1; i * 3500 < text.size(); ++i) {
      pipeline.Feed("type=EXECVE " + stamp + "a2[" + std::to_string(i) +
                        "]=" + HexEncode(text.substr(i * 3500, 3500)) + '\n',
                    0);
    }
    pipeline.Feed("type=EOE " + stamp + '\n', 0);
    EXPECT_EQ(pipeline.limit_hits(), 0u) << word;
  }
  pipeline.Finish(0);
  EXPECT_EQ(pipeline.counters().judged, static_cast<std::uint64_t>(serial));
}

/// A pattern can be worn out all the same: whoever does so is told of.
TEST(ShippedRules, WhatAPatternGaveUpOnIsToldByName) {
  std::vector<std::string> answers;
  Pipeline::Options options;
  options.location = "test";
  Pipeline pipeline(options, TestPolicy::Shipped(), [&](const Pipeline::Outcome& outcome) {
    const std::string user(outcome.event.First("audit.auid"));
    answers.push_back((outcome.rule == nullptr ? "-" : outcome.rule->id) + ' ' + user);
  });
  const std::string stamp = "msg=audit(1700000000.000:1): ";
  std::string log = "type=SYSCALL " + stamp +
                    "arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=2 auid=1000 uid=0 "
                    "tty=pts0 ses=3 comm=\"python3\" exe=\"/usr/bin/python3\" "
                    "key=\"audit-wazuh-c\"\n";
  log += "type=EXECVE " + stamp + "argc=4 a0=\"python3\" a1=\"-c\" a2=\"socket\" a3_len=600000";
  for (int i = 0; i < 100; ++i) {
    log += (i == 0 ? " " : "type=EXECVE " + stamp) + "a3[" + std::to_string(i) + "]=\"" +
           std::string(6000, 's') + "\"\n";
  }
  pipeline.Feed(log + "type=EOE " + stamp + '\n', 0);
  pipeline.Finish(0);
  EXPECT_EQ(answers, (std::vector<std::string>{"80792 1000", "200115 1000"}));
}

}  // namespace
}  // namespace tld
