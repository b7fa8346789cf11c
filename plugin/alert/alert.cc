// SPDX-License-Identifier: Apache-2.0
#include "alert/alert.h"

#include <syslog.h>

#include <array>
#include <cinttypes>
#include <cstdio>

namespace tld {

std::string Sender::InstanceText() const {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "%016" PRIx64, instance);
  return text.data();
}

int SyslogSeverity(int level) {
  if (level >= 15) return LOG_ALERT;
  if (level >= 12) return LOG_CRIT;
  if (level >= 10) return LOG_ERR;
  if (level >= 7) return LOG_WARNING;
  if (level >= 3) return LOG_NOTICE;
  return LOG_INFO;
}

}  // namespace tld
