// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "detect/ruleset.h"

namespace tld {

/// What the plugin reports about itself, as alerts of the ids 200900 and up.
enum class Notice {
  kStarted,        ///< 200900, level 5
  kStopped,        ///< 200901, level 5
  kDegraded,       ///< 200902, level 10: runs, but not as configured
  kReloaded,       ///< 200903, level 3
  kReloadRefused,  ///< 200904, level 8: the old policy stays
  kInputDropped,   ///< 200905, level 12: the front's queue was full
  kSensorLost,     ///< 200906, level 12: the sensor died with input in hand
  kInputCut,       ///< 200907, level 7: lines or records over a cap
  kOutputDropped,  ///< 200908, level 7: syslog lines not written
  kMatchLimit,     ///< 200909, level 7: patterns gave up
  kMemoryFull,     ///< 200910, level 7: composite rules forgot events too early
  kStoreBack,      ///< 200911, level 5: the alert store is written again
  kRemoteDown,     ///< 200912, level 7: a remote takes no alerts; the store keeps them
  kRemoteBack,     ///< 200913, level 5
  kUndelivered,    ///< 200914, level 12: a remote will never get some alerts
};

/// A notice with what there is to say.
struct News {
  Notice notice;
  std::string text;
};

/// The rule that a notice is alerted under. Its description is the notice's text.
const Rule& NoticeRule(Notice notice);

}  // namespace tld
