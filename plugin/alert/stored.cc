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

/// A name with dots nests by each, and a record has 8,970 bytes.
constexpr std::size_t kMostDepth = 10'000;
constexpr std::size_t kParameterBytes = 200;  // of structured data

/// How deep brackets are nested, outside of texts.
std::size_t Depth(std::string_view text) {
  std::size_t depth = 0;
  std::size_t most = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      most = std::max(most, ++depth);
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return most;
}

std::string_view View(const Json& text) {
  return {text.GetString(), static_cast<std::size_t>(text.GetStringLength())};
}

Json* Find(Json& object, std::string_view name) {
  if (!object.IsObject()) return nullptr;
  const auto found =
      object.FindMember(Json(name.data(), static_cast<rapidjson::SizeType>(name.size())));
  return found == object.MemberEnd() ? nullptr : &found->value;
}

/// A member by its path, such as `data.audit.exe`.
Json* At(Json& document, std::string_view path) {
  Json* at = &document;
  for (const std::string_view part : SplitWords(path, ".")) {
    if (at != nullptr) at = Find(*at, part);
  }
  return at;
}

/// Its text, or the first of its texts.
std::string_view TextAt(Json& document, std::string_view path) {
  const Json* value = At(document, path);
  if (value != nullptr && value->IsArray() && !value->Empty()) value = &(*value)[0];
  return value != nullptr && value->IsString() ? View(*value) : std::string_view();
}

void Append(std::string& out, const Json& value) {
  switch (value.GetType()) {
    case rapidjson::kObjectType:
      out += '{';
      for (const auto& member : value.GetObject()) {
        if (out.back() != '{') out += ',';
        AppendJsonString(out, View(member.name));
        out += ':';
        Append(out, member.value);
      }
      out += '}';
      return;
    case rapidjson::kArrayType:
      out += '[';
      for (const Json& item : value.GetArray()) {
        if (out.back() != '[') out += ',';
        Append(out, item);
      }
      out += ']';
      return;
    case rapidjson::kStringType:
      AppendJsonString(out, View(value));
      return;
    case rapidjson::kNumberType:
      out += value.IsUint64()  ? std::to_string(value.GetUint64())
             : value.IsInt64() ? std::to_string(value.GetInt64())
                               : std::to_string(value.GetDouble());
      return;
    default:
      out += value.IsTrue() ? "true" : value.IsFalse() ? "false" : "null";
  }
}

/// Cuts a document that is parsed, one thing after the other, until it fits.
class Shortener {
 public:
  Shortener(rapidjson::Document& document, std::size_t limit)
      : document_(document), limit_(limit) {}

  std::string Run() {
    std::string out = Written();
    for (step_ = 0; out.size() > limit_ && step_ < kSteps;) {
      const std::size_t excess = out.size() - limit_;
      if (!Step(excess)) ++step_;
      out = Written();
    }
    return out;
  }

 private:
  static constexpr int kSteps = 9;

  std::string Written() const {
    std::string out;
    Append(out, document_);
    return out;
  }

  /// True when the same may be tried once more.
  bool Step(std::size_t excess) {
    switch (step_) {
      case 0:
        return CutText(document_, "previous_output", "previous_output", excess);
      case 1:
        return CutText(document_, "full_log", "full_log", excess);
      case 2:
        return CutArguments(excess);
      case 3:
        if (Json* execve = At(document_, "data.audit.execve")) {
          return CutText(*execve, "cmdline", "audit.execve.cmdline", excess);
        }
        return false;
      case 4:
        return CutValues(1024);
      case 5:
        return CutValues(128);
      case 6:
        if (Json* audit = At(document_, "data.audit")) audit->RemoveMember("raw_hex");
        return false;
      case 7:
        return KeepIdentity();
      default:
        return CutRule();
    }
  }

  void Name(std::string_view name) {
    Json* tld = Find(document_, "tld");
    if (tld == nullptr || !tld->IsObject()) return;
    if (Find(*tld, "truncated") == nullptr) {
      tld->AddMember("truncated", Json(rapidjson::kArrayType), allocator());
    }
    Json& names = *Find(*tld, "truncated");
    if (!names.IsArray()) return;
    for (const Json& known : names.GetArray()) {
      if (known.IsString() && View(known) == name) return;
    }
    names.PushBack(Text(name), allocator());
  }

  /// Takes the excess off a text's end; one that is used up is removed.
  bool CutText(Json& of, const char* member, std::string_view name, std::size_t excess) {
    Json* text = Find(of, member);
    if (text == nullptr || !text->IsString()) return false;
    Name(name);
    // The name that was just noted takes room as well.
    const std::size_t cut = excess + name.size() + 20;
    if (text->GetStringLength() <= cut) {
      of.RemoveMember(member);
      return false;
    }
    *text = Text(CutAtCharacter(View(*text), text->GetStringLength() - cut));
    return true;
  }

  /// From the last argument on, as many as hold the excess.
  bool CutArguments(std::size_t excess) {
    Json* execve = At(document_, "data.audit.execve");
    if (execve == nullptr || !execve->IsObject()) return false;
    std::size_t gained = 0;
    while (gained < excess && execve->MemberCount() > 0) {
      auto last = execve->MemberEnd();
      for (auto member = execve->MemberBegin(); member != execve->MemberEnd(); ++member) {
        const auto number = ArgumentNumber(View(member->name));
        if (number && (last == execve->MemberEnd() || *number > *ArgumentNumber(View(last->name))))
          last = member;
      }
      if (last == execve->MemberEnd()) return false;
      gained += last->name.GetStringLength() +
                (last->value.IsString() ? last->value.GetStringLength() : 0) + 6;
      execve->EraseMember(last);
      Name("audit.execve.aN");
    }
    return true;
  }

  static std::optional<std::uint64_t> ArgumentNumber(std::string_view name) {
    if (!name.starts_with('a')) return {};
    return ParseNumber(name.substr(1));
  }

  bool CutValues(std::size_t bytes) {
    if (Json* data = Find(document_, "data")) CutBelow(*data, "", bytes);
    return false;
  }

  void CutBelow(Json& value, const std::string& name, std::size_t bytes) {
    if (value.IsObject()) {
      for (auto& member : value.GetObject()) {
        CutBelow(member.value, (name.empty() ? "" : name + '.') + std::string(View(member.name)),
                 bytes);
      }
    } else if (value.IsArray()) {
      for (Json& item : value.GetArray()) CutBelow(item, name, bytes);
    } else if (value.IsString() && value.GetStringLength() > bytes && !IsIdentityField(name)) {
      value = Text(CutAtCharacter(View(value), bytes));
      Name(name);
    }
  }

  bool KeepIdentity() {
    Json* audit = At(document_, "data.audit");
    if (audit == nullptr || !audit->IsObject()) return false;
    for (auto member = audit->MemberBegin(); member != audit->MemberEnd();) {
      const bool kept = IsIdentityField("audit." + std::string(View(member->name)));
      member = kept ? member + 1 : audit->EraseMember(member);
    }
    for (auto& member : audit->GetObject()) {
      if (member.value.IsString()) {
        member.value = Text(CutAtCharacter(View(member.value), 256));
      } else {
        while (member.value.IsArray() && member.value.Size() > 4) member.value.PopBack();
      }
    }
    Name("data");
    return false;
  }

  bool CutRule() {
    Json* rule = Find(document_, "rule");
    if (rule == nullptr || !rule->IsObject()) return false;
    for (auto member = rule->MemberBegin(); member != rule->MemberEnd();) {
      const std::string_view name = View(member->name);
      const bool kept = name == "id" || name == "level" || name == "description";
      member = kept ? member + 1 : rule->EraseMember(member);
    }
    Name("rule");
    return false;
  }

  Json Text(std::string_view text) {
    return Json(text.data(), static_cast<rapidjson::SizeType>(text.size()), allocator());
  }
  Allocator& allocator() { return document_.GetAllocator(); }

  rapidjson::Document& document_;
  std::size_t limit_;
  int step_ = 0;
};

/// Leaves the fields of the event at the top level; what says who alerted and why goes to `tld`.
std::string EventPayload(rapidjson::Document& document, std::size_t limit) {
  for (const char* name : {"previous_output", "full_log", "decoder", "manager", "location"}) {
    document.RemoveMember(name);
  }
  static_cast<void>(Shortener(document, limit).Run());
  Allocator& allocator = document.GetAllocator();
  rapidjson::Document event(rapidjson::kObjectType, &allocator);
  if (Json* data = Find(document, "data"); data != nullptr && data->IsObject()) {
    for (auto& member : data->GetObject()) event.AddMember(member.name, member.value, allocator);
    document.RemoveMember("data");
  }
  Json about(rapidjson::kObjectType);
  Json* tld = Find(document, "tld");
  if (tld != nullptr && tld->IsObject()) about = tld->Move();
  document.RemoveMember("tld");
  for (auto& member : document.GetObject()) about.AddMember(member.name, member.value, allocator);
  event.AddMember("tld", about, allocator);
  std::string out;
  Append(out, event);
  return out;
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
  summary.about_event = At(document, "data.audit") != nullptr;
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

bool ParseDocument(rapidjson::Document& document, std::string_view text) {
  if (Depth(text) > kMostDepth) return false;
  document.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
  return !document.HasParseError() && document.IsObject();
}

std::string RewriteDocument(const Json& document) {
  std::string out;
  Append(out, document);
  return out;
}

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
      return Shortener(document, limit).Run();
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
  const Json* own = At(document, "rule.groups");
  if (own == nullptr || !own->IsArray()) return false;
  return std::any_of(own->Begin(), own->End(), [&](const Json& name) {
    return name.IsString() && std::find(groups.begin(), groups.end(), View(name)) != groups.end();
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
