// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "audit/event.h"
#include "detect/ruleset.h"

namespace tld {

/// Who sends: the same for all alerts of a run.
struct Sender {
  std::string host;              ///< name of this machine
  std::string agent_id = "000";  ///< as the manager numbers its agents
  std::uint64_t instance =
      0;  ///< random, new at each start: tells one run's numbers from another's

  /// 16 hexadecimal digits.
  std::string InstanceText() const;
};

/// What is alerted, whatever it came from: a rule that answered an event, or the plugin's own
/// report about itself, which has an event where a rule answered it and none where none did. Refers
/// to rule, event and previous logs: valid while they are. Formatters turn it into text at once.
struct Alert {
  const Rule* rule = nullptr;
  const Event* event = nullptr;
  std::string description;  ///< safe to show, at most 1,024 bytes
  std::uint64_t fired_times = 0;
  /// Logs of events that a composite rule counted, newest first; null when there are none.
  const std::vector<std::string>* previous = nullptr;
  std::uint64_t seq = 0;         ///< from 1, without gaps within an instance
  std::uint64_t policy = 0;      ///< generation of the policy that decided
  std::int64_t time_us = 0;      ///< of the event, since 1970
  std::int64_t ingested_us = 0;  ///< when its first record was read
  std::int64_t latency_us = 0;   ///< from the event's time to this alert; 0 when offline
  std::string location;          ///< name of the input

  bool about_event() const { return event != nullptr; }
  /// A report about the plugin itself: no flood may hide one.
  bool is_report() const { return event == nullptr || event->raw().IsReport(); }
};

/// Syslog severity (RFC 5424 section 6.2.1) of a rule level; never emerg, which is written to every
/// terminal.
int SyslogSeverity(int level);

}  // namespace tld
