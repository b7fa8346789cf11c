// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// One line of auditd's string format: `[node=N ]type=T msg=audit(S.mmm:N): FIELDS[0x1D NAMES]`
/// (audit.rules(7), auditd-plugins(5)). Views point into the caller's line.
namespace tld {

/// The numbers of include/uapi/linux/audit.h and libaudit.h that have a meaning of their own here.
namespace record_type {
inline constexpr int kSyscall = 1300;
inline constexpr int kPath = 1302;
inline constexpr int kConfigChange = 1305;
inline constexpr int kSockaddr = 1306;
inline constexpr int kCwd = 1307;
inline constexpr int kExecve = 1309;
inline constexpr int kEoe = 1320;
inline constexpr int kBprmFcaps = 1321;
inline constexpr int kProctitle = 1327;
/// This plugin's own, kIdentityType and kHealthType; outside the numbers of the kernel and of
/// auditd.
inline constexpr int kOwn = 1 << 20;
}  // namespace record_type

/// What this plugin writes itself (own_event.h).
inline constexpr std::string_view kIdentityType = "TLD_IDENTITY";
inline constexpr std::string_view kHealthType = "TLD_HEALTH";

/// What makes records belong together: serials are unique for a node and a boot only.
struct EventId {
  std::uint64_t serial = 0;  ///< first: it tells most apart
  std::int64_t seconds = 0;
  std::uint32_t milliseconds = 0;
  std::string node;  ///< empty where the line has no node=

  bool operator==(const EventId&) const = default;
  std::int64_t TimeMs() const { return seconds * 1000 + milliseconds; }
  /// `SECONDS.mmm`
  std::string Time() const;
  /// `SECONDS.mmm:SERIAL`, as ausearch and the records write it.
  std::string Stamp() const;
};

struct EventIdHash {
  std::size_t operator()(const EventId& id) const;
};

/// A record where it stands, header included. Offsets count from the start of the line.
struct RecordLine {
  std::string_view line;
  std::string_view type_name;
  int type = 0;
  std::size_t type_begin = 0;
  std::size_t body_begin = 0;
};

/// The start of a record. Offsets count from the start of the line.
struct RecordHeader {
  std::string_view node;
  std::string_view type_name;
  int type = 0;  ///< 0 where libaudit does not know the name
  std::int64_t seconds = 0;
  std::uint32_t milliseconds = 0;
  std::uint64_t serial = 0;
  std::string_view stamp;      ///< the text between `audit(` and `)`
  std::size_t type_begin = 0;  ///< where `type=` stands, after the node
  std::size_t body_begin = 0;  ///< the first byte after `): `

  RecordLine At(std::string_view line) const {
    return {line, type_name, type, type_begin, body_begin};
  }
};

/// The number of a type that nearly all records have, each of the kernel; 0 for all others.
int FrequentType(std::string_view name);

/// The number of a record type, also one written as `UNKNOWN[N]`; 0 for names that nobody knows.
int RecordType(std::string_view name);

/// Nothing when the line is no audit record, as with a number of 20 digits: the kernel's serials
/// have 32 bits.
std::optional<RecordHeader> ParseHeader(std::string_view line);

/// Where auditd's enrichment begins; the line's size when there is none. The records of system
/// calls hold no 0x1D of their own, so there it is the first one. Whoever names a device may put
/// one into another record of the kernel, programs into one of user space; there it is the last one
/// that is followed by nothing but `NAME=VALUE` pairs in upper case, so that none in a value hides
/// the fields after it.
std::size_t EnrichmentBegin(std::string_view line, int type);

/// True for types that are complete events by themselves: messages of user space (1100-1199),
/// of auditd (1200-1299), and anomalies and the like from user space (2100-2999).
bool IsSingleRecord(int type);

/// The value of `key=` as it stands in a record, the last one's if there are several; empty where
/// there is none. `body` as of ForEachKey.
std::string_view KeyText(std::string_view body);

/// Between the keys of one rule (AUDIT_KEY_SEPARATOR of libaudit.h).
inline constexpr char kKeySeparator = 1;

/// The keys in KeyText(body), decoded, with kKeySeparator between them; nothing for `(null)`. A
/// view into `body`, or into `decoded`.
std::string_view JoinedKeys(std::string_view body, std::string& decoded);

/// Calls `take(key)` for each key of a SYSCALL or CONFIG_CHANGE record: for none with `(null)`, for
/// several where the kernel joined those of a rule (audit_log_key in kernel/audit.c). `body` is the
/// record's text after the header, without enrichment. False when there is none.
template <class Take>
bool ForEachKey(std::string_view body, Take&& take) {
  std::string decoded;
  bool any = false;
  for (std::string_view keys = JoinedKeys(body, decoded); !keys.empty();) {
    const std::string_view key = keys.substr(0, keys.find(kKeySeparator));
    keys.remove_prefix(std::min(key.size() + 1, keys.size()));
    if (key.empty()) continue;
    take(key);
    any = true;
  }
  return any;
}

/// The bytes of an untrusted string as the kernel logs it (audit_log_untrustedstring): quoted as it
/// is, else hexadecimal. What is neither, such as `(null)`, is returned as it stands; a value cut
/// at the record's end loses no more than its last half byte.
std::string DecodeUntrusted(std::string_view value);
/// The same behind what `out` has.
void AppendUntrusted(std::string& out, std::string_view value);

/// `value` without double quotes around it; a missing closing quote (a cut line) is accepted.
std::string_view Unquote(std::string_view value);

/// A record split at blanks into `name=value`, in order; words without `=` are left out.
struct RawField {
  std::string_view name;
  std::string_view value;
};
/// Takes the next pair off `body`; false at the end.
bool NextRawField(std::string_view& body, RawField& field);

}  // namespace tld
