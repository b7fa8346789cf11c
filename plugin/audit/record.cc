// SPDX-License-Identifier: Apache-2.0
#include "audit/record.h"

#include <libaudit.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <functional>

#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kTypeNameLimit = 64;
constexpr char kEnrichmentSeparator = AUDIT_INTERP_SEPARATOR;
constexpr char kKeySeparator = AUDIT_KEY_SEPARATOR;

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

/// The types of nearly all records; libaudit's table is searched for the others.
struct KnownType {
  std::string_view name;
  int type;
};
constexpr KnownType kFrequent[] = {
    {"PATH", record_type::kPath},
    {"SYSCALL", record_type::kSyscall},
    {"PROCTITLE", record_type::kProctitle},
    {"EOE", record_type::kEoe},
    {"CWD", record_type::kCwd},
    {"EXECVE", record_type::kExecve},
    {"SOCKADDR", record_type::kSockaddr},
    {"BPRM_FCAPS", record_type::kBprmFcaps},
};

/// `S.mmm:N`
bool ParseStamp(RecordHeader& header) {
  const std::size_t dot = header.stamp.find('.');
  const std::size_t colon = header.stamp.find(':');
  if (dot == header.stamp.npos || colon == header.stamp.npos || colon < dot) return false;
  const auto seconds = ParseNumber(header.stamp.substr(0, dot));
  const auto milliseconds = ParseNumber(header.stamp.substr(dot + 1, colon - dot - 1));
  const auto serial = ParseNumber(header.stamp.substr(colon + 1));
  constexpr std::uint64_t kLastSecond = 253'402'300'799;  // the end of the year 9999
  if (!seconds || !milliseconds || !serial) return false;
  if (*seconds > kLastSecond || *milliseconds > 999) return false;
  header.seconds = static_cast<std::int64_t>(*seconds);
  header.milliseconds = static_cast<std::uint32_t>(*milliseconds);
  header.serial = *serial;
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
  const std::size_t node = std::hash<std::string>()(id.node);
  return node ^ std::hash<std::uint64_t>()(id.serial * 0x9E3779B97F4A7C15u + time);
}

int FrequentType(std::string_view name) {
  for (const KnownType& frequent : kFrequent) {
    if (frequent.name == name) return frequent.type;
  }
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

std::optional<RecordHeader> ParseHeader(std::string_view line) { return HeaderReader().Read(line); }

std::optional<RecordHeader> HeaderReader::Read(std::string_view line) {
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
  if (!Consume(rest, "msg=audit(")) return {};
  const std::size_t close = rest.find("):");
  if (close == rest.npos) return {};
  header.stamp = rest.substr(0, close);
  if (header.stamp == stamp_ && close > 0) {
    header.seconds = seconds_;
    header.milliseconds = milliseconds_;
    header.serial = serial_;
  } else {
    if (!ParseStamp(header)) return {};
    stamp_ = header.stamp;
    seconds_ = header.seconds;
    milliseconds_ = header.milliseconds;
    serial_ = header.serial;
  }
  rest.remove_prefix(close + 2);
  Consume(rest, " ");
  header.body_begin = place();
  return header;
}

std::size_t EnrichmentBegin(std::string_view line, int type) {
  const bool of_kernel = type >= AUDIT_FIRST_EVENT && type < AUDIT_FIRST_ANOM_MSG;
  if (of_kernel) return std::min(line.find(kEnrichmentSeparator), line.size());
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
    const std::string_view value = rest.substr(0, rest.find(' '));
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

std::vector<std::string> KeyValues(std::string_view body) {
  const std::string_view value = KeyText(body);
  std::vector<std::string> keys;
  if (value.empty() || value == "(null)") return keys;
  const std::string decoded = DecodeUntrusted(value);
  for (const std::string_view key : SplitWords(decoded, {&kKeySeparator, 1}))
    keys.emplace_back(key);
  return keys;
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
