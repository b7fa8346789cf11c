// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "detect/definition.h"
#include "detect/list.h"
#include "detect/ruleset.h"

/// What is allowed and probably not meant. All findings have the severity `lint`; nothing here
/// changes what is loaded. Slower than loading, so only `tldctl check` does it.
namespace tld {

/// All that audit.command can hold: TASK_COMM_LEN - 1, include/linux/sched.h.
inline constexpr std::size_t kCommBytes = 15;

/// The rules in force, with what they were made of, by the same indexes.
struct LintedRules {
  const Ruleset& ruleset;
  const std::vector<RuleDefinition>& definitions;
};

/// Rules that never fire since a rule before them takes all their events, and rules below others
/// whose group was perhaps not meant.
void LintTree(const LintedRules& rules, Diagnostics& diagnostics);

/// Conditions that hold on no audit event, patterns that hold on more than they seem to, and ids
/// that are not the administrator's. Rules of files below `shipped` may have other ids.
void LintConditions(const LintedRules& rules, const std::string& shipped, Diagnostics& diagnostics);

/// Values that a look-up meets unintended or never, entries that no look-up finds, and lists that
/// no rule uses.
void LintLists(const LintedRules& rules, const ListDirectories& where, Diagnostics& diagnostics);

/// Whether a rule looks up the list in a way that finds an entry of this value.
bool IsAskedFor(const LintedRules& rules, std::string_view list, std::string_view value);

/// Keys that rules wait for and no audit rule gives, and exec events that audit rules give to other
/// keys. `files` are auditctl rule files, in the order of loading; those that cannot be read are
/// left out.
void LintAuditRules(const LintedRules& rules, const std::string& shipped,
                    const std::vector<std::string>& files, Diagnostics& diagnostics);

}  // namespace tld
