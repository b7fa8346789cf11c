// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "detect/ruleset.h"

namespace tld {

/// What the plugin reports about itself. Each is an event of the type TLD_HEALTH (own_event.h) that
/// the shipped rules 200900 and up answer, so that rules of an administrator may raise, lower or
/// silence it.
enum class Notice {
  kStarted,        ///< 200900
  kStopped,        ///< 200901
  kDegraded,       ///< 200902: runs, but not as configured, or a sink takes nothing
  kReloaded,       ///< 200903
  kReloadRefused,  ///< 200904: the old policy stays
  kInputDropped,   ///< 200905: the front's queue was full
  kSensorLost,     ///< 200906: the sensor died with input or alerts in hand
  kInputCut,       ///< 200907: lines or events over a cap
  kOutputDropped,  ///< 200908: not written to syslog, the file or the store
  kMatchLimit,     ///< 200909: patterns gave up
  kMemoryFull,     ///< 200910: composite rules forgot events too early
  kStoreBack,      ///< 200911: the alert store is written again
  kRemoteDown,     ///< 200912: a remote takes no alerts; the store keeps them
  kRemoteBack,     ///< 200913
  kUndelivered,    ///< 200914: a remote will never get some alerts
  kRoleDied,       ///< 200915: a role ended by itself and was started again
  kKernelLost,     ///< 200916: the kernel dropped events
  kBacklogHigh,    ///< 200917: the kernel's queue is nearly full
  kAuditOff,       ///< 200918: the kernel audits nothing, or auditd is gone
  kKernelUnseen,   ///< 200919: the kernel cannot be asked what it lost
  kUnwitnessed,    ///< 200920: the content of programs was not looked at
  kHeartbeat,      ///< 200921: all is well, with counters
  kRepeated,       ///< 200922: alerts that were not written to syslog one by one
  kStoreFull,      ///< 200923: severe alerts went out of the store before their time
  kSyslogBack,     ///< 200924: syslog takes lines again
};

/// A notice with what there is to say.
struct News {
  Notice notice;
  std::string text;
};

/// `audit.health.what`.
std::string_view NoticeWord(Notice notice);

/// What a notice is alerted under when the policy has no rules for such events, as when none could
/// be loaded. Its description is the notice's text.
const Rule& NoticeRule(Notice notice);

}  // namespace tld
