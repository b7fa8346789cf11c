// SPDX-License-Identifier: Apache-2.0
#include "alert/journal.h"

#include "alert/summary.h"
#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kValueLimit = 2048;

void AppendOwn(std::string& out, std::string_view name, std::string_view value) {
  if (!value.empty()) AppendJournalField(out, name, Shown(CutAtCharacter(value, kValueLimit)));
}

}  // namespace

void AppendJournalField(std::string& out, std::string_view name, std::string_view value) {
  (((out += name) += '=') += value) += '\n';
}

std::string JournalFields(const Alert& alert, const Sender& sender) {
  const Summary summary = Summarize(alert, sender);
  std::string out;
  AppendJournalField(out, "MESSAGE_ID", alert.is_report() ? kReportMessageId : kAlertMessageId);
  AppendOwn(out, "TLD_ID", sender.InstanceText() + '-' + std::to_string(summary.seq));
  AppendOwn(out, "TLD_RULE_ID", summary.rule);
  AppendOwn(out, "TLD_LEVEL", std::to_string(summary.level));
  AppendOwn(out, "TLD_DESCRIPTION", summary.description);
  for (const std::string& group : alert.rule->groups) AppendOwn(out, "TLD_GROUP", group);
  for (const std::string& technique : alert.rule->mitre.ids) AppendOwn(out, "TLD_MITRE", technique);
  if (!summary.about_event) return out;
  AppendOwn(out, "TLD_EVENT", summary.stamp);
  AppendOwn(out, "TLD_NODE", summary.node);
  AppendOwn(out, "TLD_AUID", summary.login.id);
  AppendOwn(out, "TLD_AUID_NAME", summary.login.name);
  AppendOwn(out, "TLD_UID", summary.user.id);
  AppendOwn(out, "TLD_UID_NAME", summary.user.name);
  AppendOwn(out, "TLD_COMM", summary.command);
  AppendOwn(out, "TLD_EXE", summary.exe);
  AppendOwn(out, "TLD_CMDLINE", summary.command_line);
  AppendOwn(out, "TLD_CWD", summary.directory);
  AppendOwn(out, "TLD_TTY", summary.terminal);
  AppendOwn(out, "TLD_KEY", summary.key);
  AppendOwn(out, "TLD_PID", summary.pid);
  return out;
}

}  // namespace tld
