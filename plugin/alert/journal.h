// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "alert/alert.h"

/// Alerts as fields of the journal, in its native protocol (systemd's JOURNAL_NATIVE_PROTOCOL):
/// `NAME=VALUE` lines. Pure functions.
namespace tld {

/// What conf/tld-audisp.catalog explains: an alert about an event, and a report of the plugin about
/// itself. MESSAGE_ID, by which `journalctl MESSAGE_ID=…` finds them.
inline constexpr std::string_view kAlertMessageId = "5f0b8c1e2d3a4f6b9c7d1e8a0b2c4d6e";
inline constexpr std::string_view kReportMessageId = "8a1d3c5e7f904b2da6c8e0f1a3b5d7c9";

/// REQUIRES: the value is one line.
void AppendJournalField(std::string& out, std::string_view name, std::string_view value);

/// MESSAGE_ID and all fields named TLD_…, which tld-audisp(8) lists; each value at most 2 KiB, and
/// safe to show: `journalctl -x` puts them on the terminal as they are.
std::string JournalFields(const Alert& alert, const Sender& sender);

}  // namespace tld
