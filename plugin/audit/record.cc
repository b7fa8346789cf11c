// SPDX-License-Identifier: Apache-2.0
#include "audit/record.h"

#include <libaudit.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <functional>
#include <utility>

#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kTypeNameLimit = 64;
constexpr char kEnrichmentSeparator = AUDIT_INTERP_SEPARATOR;
static_assert(kKeySeparator == AUDIT_KEY_SEPARATOR);

/// The word up to the next blank; nothing where it is empty or no blank follows.
std::optional<std::string_view> ConsumeWord(std::string_view& text) {
  const std::size_t blank = text.find(' ');
  if (blank == text.npos || blank == 0) return {};
  const std::string_view word = text.substr(0, blank);
  text.remove_prefix(blank + 1);
  return word;
}

bool IsTypeName(std::string_view name) {
  return name.size() <= kTypeNameLimit && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '[' ||
                  c == ']';
         });
}

/// `S.mmm:N`
bool ConsumeStamp(std::string_view& text, RecordHeader& header) {
  const std::string_view stamp = text;
  const auto seconds = ConsumeNumber(text);
  if (!seconds || !Consume(text, ".")) return false;
  const auto milliseconds = ConsumeNumber(text);
  if (!milliseconds || !Consume(text, ":")) return false;
  const auto serial = ConsumeNumber(text);
  constexpr std::uint64_t kLastSecond = 253'402'300'799;  // the end of the year 9999
  if (!serial || *seconds > kLastSecond || *milliseconds > 999) return false;
  header.seconds = static_cast<std::int64_t>(*seconds);
  header.milliseconds = static_cast<std::uint32_t>(*milliseconds);
  header.serial = *serial;
  header.stamp = stamp.substr(0, stamp.size() - text.size());
  return true;
}

/// `NAME=VALUE NAME="VALUE" NAME={ … }` up to the end, names in upper case.
bool IsEnrichment(std::string_view text) {
  if (text.empty()) return false;
  while (!text.empty()) {
    const std::size_t name =
        std::min(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"), text.size());
    if (name == 0 || name == text.size() || text[name] != '=') return false;
    text.remove_prefix(name + 1);
    const char open = text.empty() ? ' ' : text[0];
    const char close = open == '"' ? '"' : open == '{' ? '}' : ' ';
    // A value that auditd had no room to end is taken up to the end of the line.
    const std::size_t end = text.find(close, close == ' ' ? 0 : 1);
    if (end == text.npos) return true;
    text.remove_prefix(end + (close == ' ' ? 0 : 1));
    while (!text.empty() && text[0] == ' ') text.remove_prefix(1);
  }
  return true;
}

}  // namespace

std::string EventId::Time() const {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%lld.%03u", static_cast<long long>(seconds),
                milliseconds);
  return text.data();
}

std::string EventId::Stamp() const { return Time() + ':' + std::to_string(serial); }

std::size_t EventIdHash::operator()(const EventId& id) const {
  const auto time = static_cast<std::uint64_t>(id.TimeMs());
  const std::size_t node = id.node.empty() ? 0 : std::hash<std::string>()(id.node);
  return node ^ std::hash<std::uint64_t>()(id.serial * 0x9E3779B97F4A7C15u + time);
}

int FrequentType(std::string_view name) {
  // One by one, so that each comparison is one of numbers.
  if (name == "PATH") return record_type::kPath;
  if (name == "SYSCALL") return record_type::kSyscall;
  if (name == "PROCTITLE") return record_type::kProctitle;
  if (name == "EOE") return record_type::kEoe;
  if (name == "CWD") return record_type::kCwd;
  if (name == "EXECVE") return record_type::kExecve;
  if (name == "SOCKADDR") return record_type::kSockaddr;
  if (name == "BPRM_FCAPS") return record_type::kBprmFcaps;
  return 0;
}

int RecordType(std::string_view name) {
  if (const int frequent = FrequentType(name); frequent != 0) return frequent;
  if (name.starts_with("UNKNOWN[") && name.back() == ']') {
    const auto number = ParseNumber(name.substr(8, name.size() - 9));
    return number && *number < 100'000 ? static_cast<int>(*number) : 0;
  }
  std::array<char, 64> buffer{};
  if (name.size() >= buffer.size()) return 0;
  name.copy(buffer.data(), name.size());
  if (name == kIdentityType || name == kHealthType) return record_type::kOwn;
  return std::max(audit_name_to_msg_type(buffer.data()), 0);
}

std::optional<RecordHeader> ParseHeader(std::string_view line) {
  RecordHeader header;
  std::string_view rest = line;
  const auto place = [&] { return line.size() - rest.size(); };
  if (Consume(rest, "node=")) {
    const auto node = ConsumeWord(rest);
    if (!node) return {};
    header.node = *node;
  }
  header.type_begin = place();
  if (!Consume(rest, "type=")) return {};
  const auto type = ConsumeWord(rest);
  if (!type) return {};
  header.type_name = *type;
  header.type = FrequentType(*type);
  if (header.type == 0) {
    if (!IsTypeName(*type)) return {};
    header.type = RecordType(*type);
  }
  if (!Consume(rest, "msg=audit(") || !ConsumeStamp(rest, header) || !Consume(rest, "):"))
    return {};
  Consume(rest, " ");
  header.body_begin = place();
  return header;
}

namespace {

/// Numbers, and texts that the kernel quotes or encodes (audit_log_untrustedstring()), are all that
/// stands in it; in others the name of a device or of a table stands as it is.
bool HoldsNoSeparator(int type) {
  switch (type) {
    case record_type::kSyscall:
    case record_type::kPath:
    case record_type::kProctitle:
    case record_type::kEoe:
    case record_type::kCwd:
    case record_type::kExecve:
    case record_type::kSockaddr:
    case record_type::kBprmFcaps:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::size_t EnrichmentBegin(std::string_view line, int type) {
  if (HoldsNoSeparator(type)) return std::min(line.find(kEnrichmentSeparator), line.size());
  const std::size_t last = line.rfind(kEnrichmentSeparator);
  return last != line.npos && IsEnrichment(line.substr(last + 1)) ? last : line.size();
}

bool IsSingleRecord(int type) {
  return (type >= AUDIT_FIRST_USER_MSG && type < AUDIT_FIRST_EVENT) ||
         (type >= AUDIT_FIRST_ANOM_MSG && type <= AUDIT_LAST_USER_MSG2);
}

bool NextRawField(std::string_view& body, RawField& field) {
  // By hand: names are so short that a call to find one byte costs more than the bytes before it.
  const char* at = body.data();
  const char* const end = at + body.size();
  while (at != end) {
    if (*at == ' ') {
      ++at;
      continue;
    }
    const char* const name = at;
    while (at != end && *at != '=' && *at != ' ') ++at;
    if (at == end || *at == ' ') continue;
    const std::string_view rest(at + 1, static_cast<std::size_t>(end - at - 1));
    const std::string_view value = rest.substr(0, FindNear(rest, ' '));
    field = {{name, static_cast<std::size_t>(at - name)}, value};
    at = value.data() + value.size();
    if (field.name.empty()) continue;
    body = {at, static_cast<std::size_t>(end - at)};
    return true;
  }
  body = {};
  return false;
}

std::string_view KeyText(std::string_view body) {
  // Quoted and encoded values hold no blank, so a word that begins with `key=` is the field. It is
  // the last of a SYSCALL record.
  while (!body.empty()) {
    const std::size_t begin = body.rfind(' ') + 1;  // 0 where there is none
    std::string_view word = body.substr(begin);
    if (Consume(word, "key=")) return word;
    body = body.substr(0, begin == 0 ? 0 : begin - 1);
  }
  return {};
}

std::string_view JoinedKeys(std::string_view body, std::string& decoded) {
  const std::string_view value = KeyText(body);
  if (value == "(null)") return {};
  if (value.starts_with('"')) return Unquote(value);
  AppendUntrusted(decoded, value);
  return decoded;
}

void AppendUntrusted(std::string& out, std::string_view value) {
  if (value.starts_with('"')) {
    out += Unquote(value);
  } else if (value.empty() || !AppendHexDecoded(out, value)) {
    const bool cut = value.size() > 2 && value.size() % 2 == 1;  // in the middle of a byte
    if (!cut || !AppendHexDecoded(out, value.substr(0, value.size() - 1))) out += value;
  }
}

std::string DecodeUntrusted(std::string_view value) {
  std::string bytes;
  AppendUntrusted(bytes, value);
  return bytes;
}

std::string_view Unquote(std::string_view value) {
  if (!value.starts_with('"')) return value;
  value.remove_prefix(1);
  if (value.ends_with('"')) value.remove_suffix(1);
  return value;
}

}  // namespace tld
