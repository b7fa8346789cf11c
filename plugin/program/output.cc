// SPDX-License-Identifier: Apache-2.0
#include "program/output.h"

#include <utility>

namespace tld {

Output::Output(Sender sender, const Config& config) : sender_(std::move(sender)) {
  Configure(config);
}

void Output::Configure(const Config& config) {
  sender_.agent_id = config.agent_id;
  if (!config.host.empty()) sender_.host = config.host;
  syslog_level_ = config.syslog_level;
  syslog_format_ = config.syslog_format;
  file_level_ = config.file_level;
  if (!syslog_ || syslog_->options() != config.syslog) {
    syslog_ = std::make_unique<Syslog>(config.syslog);
  }
  if (!file_ || file_->path() != config.file_path) {
    file_ = std::make_unique<JsonFile>(config.file_path);
  }
}

void Output::Send(Alert& alert, std::int64_t now_ms) {
  const int level = alert.rule->level;
  const bool to_syslog = level >= syslog_level_;
  const bool to_file = file_->enabled() && level >= file_level_;
  if (!to_syslog && !to_file) return;
  alert.seq = ++last_seq_;
  if (to_syslog) {
    syslog_->Send(SyslogSeverity(level), FormatAlert(syslog_format_, alert, sender_, kSyslogLimit),
                  now_ms);
  }
  if (to_file) file_->Write(FormatJson(alert, sender_, kFileLimit));
}

}  // namespace tld
