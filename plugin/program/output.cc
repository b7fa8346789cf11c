// SPDX-License-Identifier: Apache-2.0
#include "program/output.h"

#include <utility>

#include "alert/journal.h"

namespace tld {
namespace {

Store::Options StoreOptions(const Config& config) {
  Store::Options options = config.store;
  if (!config.store_enabled) options.path.clear();
  return options;
}

}  // namespace

Output::Output(Sender sender, const Config& config)
    : sender_(std::move(sender)),
      syslog_(config.syslog),
      repeats_(config.repeats),
      file_(config.file_path),
      store_(StoreOptions(config)) {
  Configure(config, sender_.host);
}

void Output::Configure(const Config& config, const std::string& host) {
  sender_.agent_id = config.agent_id;
  sender_.host = host;
  syslog_level_ = config.syslog_level;
  syslog_format_ = config.syslog_format;
  file_level_ = config.file_level;
  syslog_.Configure(config.syslog);
  repeats_.Configure(config.repeats);
  file_.Configure(config.file_path);
  store_level_ = config.store_level;
  store_.Configure(StoreOptions(config));
}

void Output::Send(Alert& alert, std::int64_t now_ms) {
  const int level = alert.rule->level;
  const bool to_syslog = level >= syslog_level_;
  const bool to_file = file_.enabled() && level >= file_level_;
  const bool to_store = store_.enabled() && level >= store_level_;
  if (!to_syslog && !to_file && !to_store) return;
  alert.seq = ++last_seq_;
  if (to_syslog && repeats_.Admits(alert, now_ms)) {
    // Reports of the plugin about itself are few, and about losses: no flood may hide them.
    const auto rate = alert.is_report() ? Syslog::Rate::kUrgent : Syslog::Rate::kLimited;
    syslog_.Send(SyslogSeverity(level), FormatAlert(syslog_format_, alert, sender_, kSyslogLimit),
                 now_ms, rate, syslog_.to_journal() ? JournalFields(alert, sender_) : "");
  }
  if (!to_file && !to_store) return;
  const std::string document = FormatJson(alert, sender_, kFileLimit);
  if (to_file) file_.Write(document);
  if (to_store) store_.Add(alert, sender_, document, now_ms);
}

}  // namespace tld
