// SPDX-License-Identifier: Apache-2.0
#include "program/output.h"

#include <utility>

namespace tld {

Output::Output(Sender sender, const Config& config)
    : sender_(std::move(sender)), syslog_(config.syslog), file_(config.file_path) {
  Configure(config);
}

void Output::Configure(const Config& config) {
  sender_.agent_id = config.agent_id;
  if (!config.host.empty()) sender_.host = config.host;
  syslog_level_ = config.syslog_level;
  syslog_format_ = config.syslog_format;
  file_level_ = config.file_level;
  syslog_.Configure(config.syslog);
  file_.Configure(config.file_path);
}

void Output::Send(Alert& alert, std::int64_t now_ms) {
  const int level = alert.rule->level;
  const bool to_syslog = level >= syslog_level_;
  const bool to_file = file_.enabled() && level >= file_level_;
  if (!to_syslog && !to_file) return;
  alert.seq = ++last_seq_;
  if (to_syslog) {
    // Reports of the plugin about itself are few, and about losses: no flood may hide them.
    const auto rate = alert.about_event() ? Syslog::Rate::kLimited : Syslog::Rate::kUrgent;
    syslog_.Send(SyslogSeverity(level), FormatAlert(syslog_format_, alert, sender_, kSyslogLimit),
                 now_ms, rate);
  }
  if (to_file) file_.Write(FormatJson(alert, sender_, kFileLimit));
}

}  // namespace tld
