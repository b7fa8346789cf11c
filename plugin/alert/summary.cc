// SPDX-License-Identifier: Apache-2.0
#include "alert/summary.h"

namespace tld {

Summary Summarize(const Alert& alert, const Sender& sender) {
  Summary summary;
  summary.rule = alert.rule->id;
  summary.level = alert.rule->level;
  summary.description = alert.description;
  summary.host = sender.host;
  summary.node = sender.host;
  summary.seq = alert.seq;
  summary.time_us = alert.time_us;
  summary.about_event = alert.about_event();
  if (!alert.about_event()) return summary;
  const Event& event = *alert.event;
  if (!event.id().node.empty()) summary.node = event.id().node;
  summary.stamp = event.id().Stamp();
  summary.login = {event.First("audit.auid"), event.First("audit.auid_name")};
  summary.user = {event.First("audit.uid"), event.First("audit.uid_name")};
  summary.command = event.First("audit.command");
  summary.exe = event.First("audit.exe");
  summary.command_line = event.First("audit.execve.cmdline");
  summary.directory = event.First("audit.cwd");
  summary.terminal = event.First("audit.tty");
  summary.key = event.First("audit.key");
  summary.pid = event.First("audit.pid");
  summary.success = event.First("audit.success");
  return summary;
}

}  // namespace tld
