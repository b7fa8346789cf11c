// SPDX-License-Identifier: Apache-2.0
#include "program/notice.h"

#include <array>
#include <cstddef>

namespace tld {
namespace {

constexpr std::array<int, 15> kLevels = {5, 5, 10, 3, 8, 12, 12, 7, 7, 7, 7, 5, 7, 5, 12};
constexpr std::size_t kFirstId = 200900;

std::array<Rule, kLevels.size()> MakeRules() {
  std::array<Rule, kLevels.size()> rules;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    rules[i].id = std::to_string(kFirstId + i);
    rules[i].level = kLevels[i];
    rules[i].groups = {"tld_audisp"};
    rules[i].mail = kLevels[i] >= 12;
  }
  return rules;
}

}  // namespace

const Rule& NoticeRule(Notice notice) {
  static const std::array<Rule, kLevels.size()> kRules = MakeRules();
  return kRules[static_cast<std::size_t>(notice)];
}

}  // namespace tld
