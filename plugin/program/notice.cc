// SPDX-License-Identifier: Apache-2.0
#include "program/notice.h"

#include <array>
#include <cstddef>

namespace tld {
namespace {

struct Known {
  std::string_view word;
  int level;
};

/// In the order of Notice; tld-health.xml says the same.
constexpr Known kKnown[] = {
    {"started", 5},        {"stopped", 5},        {"degraded", 10},    {"reloaded", 3},
    {"reload-refused", 8}, {"input-dropped", 12}, {"sensor-lost", 12}, {"input-cut", 7},
    {"output-dropped", 7}, {"match-limit", 7},    {"memory-full", 7},  {"store-back", 5},
    {"remote-down", 7},    {"remote-back", 5},    {"undelivered", 12}, {"role-died", 8},
    {"kernel-lost", 12},   {"backlog-high", 7},   {"audit-off", 12},   {"kernel-unseen", 5},
    {"unwitnessed", 7},    {"heartbeat", 5},      {"repeated", 7},     {"store-full", 10},
    {"syslog-back", 5},
};
constexpr std::size_t kFirstId = 200900;
static_assert(std::size(kKnown) == static_cast<std::size_t>(Notice::kSyslogBack) + 1);

std::array<Rule, std::size(kKnown)> MakeRules() {
  std::array<Rule, std::size(kKnown)> rules;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    rules[i].id = std::to_string(kFirstId + i);
    rules[i].level = kKnown[i].level;
    rules[i].groups = {"tld_audisp"};
    rules[i].mail = kKnown[i].level >= 12;
  }
  return rules;
}

}  // namespace

std::string_view NoticeWord(Notice notice) { return kKnown[static_cast<std::size_t>(notice)].word; }

const Rule& NoticeRule(Notice notice) {
  static const std::array<Rule, std::size(kKnown)> kRules = MakeRules();
  return kRules[static_cast<std::size_t>(notice)];
}

}  // namespace tld
