// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alert/format.h"
#include "alert/json_document.h"

/// Alerts that were written down and go on from there: the document is all that is left of them.
/// Pure functions; each result is one line, escaped for its format.
namespace tld {

/// One row of the store.
struct StoredAlert {
  std::int64_t id = 0;  ///< ascends in the order of the commits
  std::string instance;
  std::uint64_t seq = 0;
  std::int64_t time_us = 0;
  std::string rule;
  int level = 0;
  std::string host;  ///< where the event is from
  std::string document;
};

/// What goes out of a stored alert.
enum class Payload {
  kJson,   ///< the document
  kEvent,  ///< the fields of `data` at the top level, all else under `tld`
  kText,
  kCef,
};

/// The payload in at most `limit` bytes. A document is shortened in the order of
/// tld-audisp.conf(5), and `tld.truncated` names what was cut. Nothing when it is no document.
std::optional<std::string> FormatStored(Payload payload, const StoredAlert& alert,
                                        std::size_t limit);

/// True when the document's rule is in one of the groups; nothing when it is no document.
std::optional<bool> InGroups(std::string_view document, const std::vector<std::string>& groups);

/// `<PRI>1 TIME HOST tld-audisp - alert [tld@32473 …] PAYLOAD` (RFC 5424). The structured data has
/// instance, seq, rule and level, and of an event auid, uid, command and exe; 32473 is the number
/// that IANA keeps for examples (RFC 5612).
std::string FrameRfc5424(const StoredAlert& alert, int facility, std::string_view payload);

/// `<PRI>Mmm dd hh:mm:ss HOST tld-audisp: PAYLOAD` (RFC 3164), in local time.
std::string FrameRfc3164(const StoredAlert& alert, int facility, std::string_view payload);

}  // namespace tld
