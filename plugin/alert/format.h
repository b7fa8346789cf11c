// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "alert/alert.h"
#include "alert/summary.h"
#include "audit/event.h"

/// Alerts as text. Pure functions; each result is one line without newline, at most `limit` bytes,
/// escaped for its format, whatever the records held.
namespace tld {

enum class Format { kText, kJson, kCef };

/// Limits of a whole line.
inline constexpr std::size_t kFileLimit = 32 * 1024;
inline constexpr std::size_t kSyslogLimit = 6 * 1024;

/// `ID level=N "DESCRIPTION" auid=… … seq=N`; see tld-audisp(8).
std::string FormatText(const Summary& alert, std::size_t limit);

/// ArcSight Common Event Format, version 0.
std::string FormatCef(const Summary& alert, std::size_t limit);

/// The alert document, with the shape of the manager's alerts.json.
std::string FormatJson(const Alert& alert, const Sender& sender, std::size_t limit);

std::string FormatAlert(Format format, const Alert& alert, const Sender& sender, std::size_t limit);

/// `YYYY-MM-DDTHH:MM:SS.mmm+hhmm` in local time.
std::string Timestamp(std::int64_t us);

/// Appends the object `rule` of a document, by the manager's names.
void AppendRule(std::string& out, const Rule& rule, std::string_view description,
                std::uint64_t fired_times);

/// What of an event's `data` is left out or cut to keep a document in its limit.
struct DataLimits {
  std::size_t arguments = SIZE_MAX;     ///< of `audit.execve.aN`, the first so many
  std::size_t command_line = SIZE_MAX;  ///< bytes of `audit.execve.cmdline`
  std::size_t value = SIZE_MAX;         ///< bytes of every other value, but who and what
  std::size_t values = SIZE_MAX;        ///< of one field, the first so many
  std::size_t identity = SIZE_MAX;      ///< bytes of a value that says who and what
  bool identity_only = false;           ///< all else is left out
  bool raw_hex = true;           ///< exact bytes of what is no UTF-8, as `audit.raw_hex.NAME`
  bool command_line_hex = true;  ///< those of the command line, too
};

/// True for fields that say who ran what and why it was recorded: the last ones to be cut.
bool IsIdentityField(std::string_view name);

/// Appends the event's fields as one JSON object, nested by the dots of their names: all values are
/// strings, several values an array, empty ones left out.
void AppendData(std::string& out, const Event& event, const DataLimits& limits);

}  // namespace tld
