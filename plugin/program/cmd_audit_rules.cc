// SPDX-License-Identifier: Apache-2.0
// tldctl audit-rules
#include <pwd.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/text.h"
#include "program/command.h"

namespace tld {
namespace {

constexpr std::string_view kKey = "audit-wazuh-c";

/// Conditions for a comma-separated list of names and numbers, each once; `all` is every login
/// user.
Result<std::vector<std::string>> UserConditions(const std::string& users) {
  constexpr std::uint64_t kUnset = 4'294'967'295;  // no login user has it
  std::vector<std::string> conditions;
  for (const std::string_view word : SplitWords(users, ", ")) {
    const std::string name(word);
    const auto number = ParseNumber(word);
    const passwd* entry = number || word == "all" ? nullptr : getpwnam(name.c_str());
    if (number && *number >= kUnset) return Error{"'" + name + "' is no user id"};
    if (!number && entry == nullptr && word != "all") {
      return Error{"there is no user '" + name + "'"};
    }
    const std::string condition = word == "all" ? "auid>=1000"
                                  : number      ? "auid=" + std::to_string(*number)
                                                : "auid=" + std::to_string(entry->pw_uid);
    if (std::find(conditions.begin(), conditions.end(), condition) == conditions.end()) {
      conditions.push_back(condition);
    }
  }
  if (conditions.empty()) return Error{"no user is named"};
  return conditions;
}

/// The ABIs that programs of this machine may use; a rule for another would not load.
std::vector<std::string> Abis() {
  utsname name{};
  uname(&name);
  const std::string_view machine = name.machine;
  if (machine == "x86_64" || machine == "ppc64" || machine == "s390x") return {"b64", "b32"};
  const bool wide = machine == "aarch64" || machine == "ppc64le" || machine == "riscv64";
  return {wide ? "b64" : "b32"};
}

int PrintRules(const std::string& users) {
  const auto conditions = UserConditions(users);
  if (!conditions) return Complain(conditions.message(), kMisuse);
  std::puts(users == "all" ? "## Every program that a login user runs, also under sudo or as root."
                           : "## Every program that these users run, also under sudo or as root.");
  std::puts("## execveat as well: without it a program that has no name runs unseen.");
  for (const std::string& abi : Abis()) {
    for (const std::string& condition : *conditions) {
      std::printf("-a always,exit -F arch=%s -S execve,execveat -F %s -F auid!=unset -F key=%s\n",
                  abi.c_str(), condition.c_str(), std::string(kKey).c_str());
    }
  }
  return kGood;
}

}  // namespace

void AddAuditRules(CLI::App& app, CommonOptions& common, Action& action) {
  CLI::App* command =
      AddCommand(app, common, "audit-rules", "print the auditctl rules that record commands");
  auto users = std::make_shared<std::string>("all");
  command->add_option("--users", *users, "names or numbers, separated by commas, or 'all'")
      ->option_text("USERS");
  command->callback([&action, users] { action = [users] { return PrintRules(*users); }; });
}

}  // namespace tld
