// SPDX-License-Identifier: Apache-2.0
#include "alert/stored.h"

#include <rapidjson/document.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "base/text.h"

namespace tld {
namespace {

using Json = rapidjson::Value;
using Allocator = rapidjson::Document::AllocatorType;

constexpr std::size_t kParameterBytes = 200;  // of structured data

/// Its text, or the first of its texts.
std::string_view TextAt(Json& document, std::string_view path) {
  const Json* value = MemberAt(document, path);
  if (value != nullptr && value->IsArray() && !value->Empty()) value = &(*value)[0];
  return value != nullptr && value->IsString() ? ViewOf(*value) : std::string_view();
}

/// Leaves the fields of the event at the top level; what says who alerted and why goes to `tld`.
std::string EventPayload(rapidjson::Document& document, std::size_t limit) {
  for (const char* name : {"previous_output", "full_log", "decoder", "manager", "location"}) {
    document.RemoveMember(name);
  }
  static_cast<void>(ShortenDocument(document, limit));
  Allocator& allocator = document.GetAllocator();
  rapidjson::Document event(rapidjson::kObjectType, &allocator);
  if (Json* data = FindMember(document, "data"); data != nullptr && data->IsObject()) {
    for (auto& member : data->GetObject()) event.AddMember(member.name, member.value, allocator);
    document.RemoveMember("data");
  }
  Json about(rapidjson::kObjectType);
  Json* tld = FindMember(document, "tld");
  if (tld != nullptr && tld->IsObject()) about = tld->Move();
  document.RemoveMember("tld");
  for (auto& member : document.GetObject()) about.AddMember(member.name, member.value, allocator);
  event.AddMember("tld", about, allocator);
  return RewriteDocument(event);
}

/// `SECONDS.MMM:SERIAL`.
std::string StampOf(const StoredAlert& alert, std::string_view serial) {
  const std::string ms = std::to_string(1000 + alert.time_us / 1000 % 1000).substr(1);
  return std::to_string(alert.time_us / 1'000'000) + '.' + ms + ':' + std::string(serial);
}

/// Refers to both.
Summary Summarize(rapidjson::Document& document, const StoredAlert& alert) {
  Summary summary;
  const auto user = [&](const std::string& which) {
    return Summary::User{TextAt(document, "data.audit." + which),
                         TextAt(document, "data.audit." + which + "_name")};
  };
  summary.rule = alert.rule;
  summary.level = alert.level;
  summary.description = TextAt(document, "rule.description");
  summary.host = TextAt(document, "agent.name");
  summary.node = alert.host;
  summary.seq = alert.seq;
  summary.time_us = alert.time_us;
  summary.about_event = MemberAt(document, "data.audit") != nullptr;
  if (!summary.about_event) return summary;
  summary.stamp = StampOf(alert, TextAt(document, "data.audit.id"));
  summary.login = user("auid");
  summary.user = user("uid");
  summary.command = TextAt(document, "data.audit.command");
  summary.exe = TextAt(document, "data.audit.exe");
  summary.command_line = TextAt(document, "data.audit.execve.cmdline");
  summary.directory = TextAt(document, "data.audit.cwd");
  summary.terminal = TextAt(document, "data.audit.tty");
  summary.key = TextAt(document, "data.audit.key");
  summary.pid = TextAt(document, "data.audit.pid");
  summary.success = TextAt(document, "data.audit.success");
  return summary;
}

/// A header field has no blank and no byte that is not printable (RFC 5424 section 6).
std::string HeaderName(std::string_view host) {
  std::string name(CutAtCharacter(host, 255));
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c <= ' ' || c > '~'; }, '_');
  return name.empty() ? "-" : name;
}

std::string Priority(const StoredAlert& alert, int facility) {
  return '<' + std::to_string(facility * 8 + SyslogSeverity(alert.level)) + '>';
}

/// At most kParameterBytes of a value, so that with its header a payload of 6 KiB stays below the
/// 8 KiB that receivers take by default.
void AppendParameter(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  std::string escaped;
  for (const char c : Shown(CutAtCharacter(value, kParameterBytes))) {
    if (c == '"' || c == '\\' || c == ']') escaped += '\\';
    escaped += c;
    if (escaped.size() >= kParameterBytes && IsUtf8(escaped)) break;
  }
  (out += ' ').append(name) += "=\"" + escaped + '"';
}

}  // namespace

std::optional<std::string> FormatStored(Payload payload, const StoredAlert& alert,
                                        std::size_t limit) {
  rapidjson::Document document;
  if (!ParseDocument(document, alert.document)) return {};
  // As we have written it, unless somebody has changed the file.
  const bool as_it_is = payload == Payload::kJson && alert.document.size() <= limit &&
                        Shown(alert.document) == alert.document;
  if (as_it_is) return alert.document;
  switch (payload) {
    case Payload::kJson:
      return ShortenDocument(document, limit);
    case Payload::kEvent:
      return EventPayload(document, limit);
    case Payload::kText:
      return FormatText(Summarize(document, alert), limit);
    case Payload::kCef:
      return FormatCef(Summarize(document, alert), limit);
  }
  return {};
}

std::optional<bool> InGroups(std::string_view text, const std::vector<std::string>& groups) {
  rapidjson::Document document;
  if (!ParseDocument(document, text)) return {};
  const Json* own = MemberAt(document, "rule.groups");
  if (own == nullptr || !own->IsArray()) return false;
  return std::any_of(own->Begin(), own->End(), [&](const Json& name) {
    return name.IsString() && std::find(groups.begin(), groups.end(), ViewOf(name)) != groups.end();
  });
}

std::string FrameRfc5424(const StoredAlert& alert, int facility, std::string_view payload) {
  const std::time_t seconds = alert.time_us / 1'000'000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 32> date{};
  std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::string out = Priority(alert, facility) + "1 " + date.data() + '.' +
                    std::to_string(1'000'000 + alert.time_us % 1'000'000).substr(1) + "Z " +
                    HeaderName(alert.host) + " tld-audisp - alert [tld@32473";
  AppendParameter(out, "instance", alert.instance);
  AppendParameter(out, "seq", std::to_string(alert.seq));
  AppendParameter(out, "rule", alert.rule);
  AppendParameter(out, "level", std::to_string(alert.level));
  rapidjson::Document document;
  if (ParseDocument(document, alert.document)) {
    for (const char* name : {"auid", "uid", "command", "exe"}) {
      AppendParameter(out, name, TextAt(document, std::string("data.audit.") + name));
    }
  }
  return (out += "] ").append(payload);
}

std::string FrameRfc3164(const StoredAlert& alert, int facility, std::string_view payload) {
  const std::time_t seconds = alert.time_us / 1'000'000;
  std::tm local{};
  localtime_r(&seconds, &local);
  std::array<char, 32> date{};
  // LC_TIME is never set, so %b is the English name that RFC 3164 wants.
  std::strftime(date.data(), date.size(), "%b %e %H:%M:%S", &local);
  return Priority(alert, facility) + date.data() + ' ' + HeaderName(alert.host) +
         " tld-audisp: " + std::string(payload);
}

}  // namespace tld
