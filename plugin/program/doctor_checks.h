// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libaudit.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "detect/audit_rules.h"

/// What `tldctl doctor` makes of what it has read: pure functions, a finding for each thing that is
/// not as it should be, or one that says all is well.
namespace tld {

enum class State { kOk, kNotice, kBroken };

struct Finding {
  std::string_view check;
  State state = State::kOk;
  std::string text;
  std::string mend;  ///< a command; empty where none helps
};
using Findings = std::vector<Finding>;

/// `command_line` is /proc/cmdline.
Findings CheckKernel(const std::optional<audit_status>& status, std::string_view command_line);

/// The rules in force, in the order in which the kernel asks them. `abis` are those of this
/// machine; `meaning` is what the list audit-keys says of a key.
Findings CheckAuditRules(
    const std::vector<AuditRule>& rules, const std::vector<std::string>& abis,
    const std::function<std::optional<std::string>(const std::string& key)>& meaning);

/// auditd.conf(5).
Findings CheckAuditdConf(std::string_view text);

/// The plugin's own account of itself, a JSON object.
Findings CheckStatus(const std::string& json);

/// `synchronized`: what adjtimex(2) says of the clock.
Findings CheckClock(bool synchronized);

}  // namespace tld
