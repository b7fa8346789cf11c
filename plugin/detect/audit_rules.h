// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"

namespace tld {

/// What one line of an auditctl(8) rule file means for the events that rules get.
struct AuditRule {
  Offset at;                      ///< of the line
  std::vector<std::string> keys;  ///< `-k K`, `-F key=K`
  bool records = false;           ///< makes records at all: `always`, or a watch
  bool takes_exec = false;        ///< execve(2) or execveat(2) are among what it takes
  bool execve = false;            ///< one by one
  bool execveat = false;
  std::string abi;              ///< `-F arch=`, empty for all
  bool narrow = false;          ///< asks for more than ABI and key
  bool silences_tasks = false;  ///< `never,task`: no process has a context to be recorded in
  bool excludes_exec = false;   ///< `always,exclude` of a record type that a command needs

  /// Makes records of a call (`execve` or `execveat`) of programs of an ABI (`b64`, `b32`).
  bool TakesCall(std::string_view call, std::string_view of_abi) const {
    return records && (abi.empty() || abi == of_abi) && (call == "execve" ? execve : execveat);
  }
};

/// The rules of a file, in order. Lines that are no rules, such as `-b 8192`, are left out. What
/// auditctl would refuse is no matter here.
std::vector<AuditRule> ReadAuditRules(const SourceText& source);

}  // namespace tld
