// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/diagnostics.h"

namespace tld {

/// What one line of an auditctl(8) rule file means for the events that rules get.
struct AuditRule {
  Offset at;                      ///< of the line
  std::vector<std::string> keys;  ///< `-k K`, `-F key=K`
  bool records = false;           ///< makes records at all: `always`, or a watch
  bool takes_exec = false;        ///< execve(2) or execveat(2) are among what it takes
};

/// The rules of a file, in order. Lines that are no rules, such as `-b 8192`, are left out. What
/// auditctl would refuse is no matter here.
std::vector<AuditRule> ReadAuditRules(const SourceText& source);

}  // namespace tld
