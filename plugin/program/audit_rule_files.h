// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

/// The auditctl(8) rules of this program in /etc/audit/rules.d, and how the kernel comes to have
/// them. For root.
namespace tld {

/// The texts of our two files; an empty one means no such file.
struct AuditRuleTexts {
  /// 20-tld-audisp.rules: what the plugin does is not recorded, and what is done to it is.
  std::string exception;
  std::string commands;  ///< 40-tld-audisp.rules: what users run
};

/// The system call tables that programs of this machine may use, as `-F arch=` names them; a rule
/// for another would not load.
std::vector<std::string> AuditAbis();

/// Leaves what the plugin does out of the log. By the program alone this would let anybody hide
/// behind it; so the user must be the plugin's, and there must be no login.
std::string ExceptionAuditRules(const std::string& program, uid_t plugin);

/// Records changes of these files and of what is in these directories (those that are there), and
/// who kills or halts a process; rules of tld-tamper.xml look for auditd and the plugin among the
/// latter.
std::string WatchAuditRules(const std::vector<std::string>& paths);

/// Lines of `text` that are neither empty nor comments, without the blanks around them. A carriage
/// return stays: for auditctl it is part of the last word.
std::vector<std::string> AuditRuleLines(const std::string& text);

/// `line` as the kernel takes it, so that two ways to write one rule are equal: `-k K` is
/// `-F key=K`, `exit,always` is `always,exit`, an unset login has one name, and system calls stand
/// once, sorted. The order of conditions is kept: for the kernel it makes another rule.
std::string CanonicalAuditRule(const std::string& line);

/// Whether augenrules(8) merges a file of this name: it does not see hidden ones, and takes one
/// with blanks for several.
bool IsMerged(std::string_view name);

/// What stands in /etc/audit/audit.rules (`merged`) and in no file of rules.d (`sources`, texts):
/// augenrules(8) would throw it away. Lines of ours with other users do not count.
std::vector<std::string> LinesOnlyMerged(const std::string& merged,
                                         const std::vector<std::string>& sources);

/// What became of a change, in sentences for the administrator.
struct AuditRuleChange {
  bool good = true;
  std::vector<std::string> said;
};

/// Writes our files, or takes them away, and has the kernel load what rules.d says then: by
/// augenrules(8), or, where that would throw lines of audit.rules away, by exchanging our rules
/// alone. Where the rules cannot be loaded now (no auditd, locked rules, a container), they stay on
/// disk for the next start of auditd and that is said. Rules that the kernel refuses are taken
/// back.
AuditRuleChange InstallAuditRules(AuditRuleTexts texts);

}  // namespace tld
