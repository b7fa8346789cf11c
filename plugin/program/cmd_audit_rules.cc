// SPDX-License-Identifier: Apache-2.0
// tldctl audit-rules
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "program/audit_rule_files.h"
#include "program/command.h"
#include "program/sandbox.h"

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

/// The rules that record what these users run.
std::string CommandRules(const std::string& users, const std::vector<std::string>& conditions) {
  std::string text = users == "all"
                         ? "## Every program that a login user runs, also under sudo or as root.\n"
                         : "## Every program that these users run, also under sudo or as root.\n";
  text += "## execveat as well: without it a program that has no name runs unseen.\n";
  for (const std::string& abi : AuditAbis()) {
    for (const std::string& condition : conditions) {
      text += "-a always,exit -F arch=" + abi + " -S execve,execveat -F " + condition +
              " -F auid!=unset -F key=" + std::string(kKey) + '\n';
    }
  }
  return text;
}

// augenrules puts files together as they are: a file before ours may lack the newline at its end.
constexpr char kHeader[] =
    "\n# Managed by 'dpkg-reconfigure tld-audisp-plugin' and 'tldctl audit-rules --install', "
    "which\n"
    "# replace this file. Rules of your own belong into a file beside it, such as "
    "50-local.rules.\n";

int Change(AuditRuleTexts texts) {
  if (geteuid() != 0) return Complain("only root can change the audit rules", kMisuse);
  const AuditRuleChange change = InstallAuditRules(std::move(texts));
  for (const std::string& text : change.said) {
    std::fprintf(stderr, "tldctl: %s\n", text.c_str());
  }
  return change.good ? kGood : kFindings;
}

}  // namespace

int RunAuditRules(const CommonOptions& common, const AuditRulesOptions& options) {
  if (options.remove) return Change({});
  const auto conditions = UserConditions(options.users);
  if (!conditions) return Complain(conditions.message(), kMisuse);
  const std::string rules = CommandRules(options.users, *conditions);
  if (!options.install) {
    std::fputs(rules.c_str(), stdout);
    return kGood;
  }
  const Config config = common.Settings();
  const Result<Identity> plugin = FindUser(config.user);
  return Change({plugin ? kHeader + ExceptionAuditRules(TLD_SBINDIR "/tld-audisp", plugin->uid) +
                              WatchAuditRules({"/etc/audit", TLD_SYSCONFDIR "/tld-audisp",
                                               TLD_DATADIR "/tld-audisp", TLD_SBINDIR "/tld-audisp",
                                               TLD_LIBDIR, config.compiled_lists})
                        : std::string(),
                 kHeader + rules});
}

}  // namespace tld
