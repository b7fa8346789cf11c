// SPDX-License-Identifier: Apache-2.0
#include "alert/json_document.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "alert/format.h"
#include "base/text.h"

namespace tld {
namespace {

using Json = rapidjson::Value;
using Allocator = rapidjson::Document::AllocatorType;

/// A name with dots nests by each, and a record has 8,970 bytes.
constexpr std::size_t kMostDepth = 10'000;

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

}  // namespace

std::string_view ViewOf(const Json& text) {
  return {text.GetString(), static_cast<std::size_t>(text.GetStringLength())};
}

Json* FindMember(Json& object, std::string_view name) {
  if (!object.IsObject()) return nullptr;
  const auto found =
      object.FindMember(Json(name.data(), static_cast<rapidjson::SizeType>(name.size())));
  return found == object.MemberEnd() ? nullptr : &found->value;
}

/// A member by its path, such as `data.audit.exe`.
Json* MemberAt(Json& document, std::string_view path) {
  Json* at = &document;
  for (const std::string_view part : SplitWords(path, ".")) {
    if (at != nullptr) at = FindMember(*at, part);
  }
  return at;
}

namespace {

void Append(std::string& out, const Json& value) {
  switch (value.GetType()) {
    case rapidjson::kObjectType:
      out += '{';
      for (const auto& member : value.GetObject()) {
        if (out.back() != '{') out += ',';
        AppendJsonString(out, ViewOf(member.name));
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
      AppendJsonString(out, ViewOf(value));
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

/// Cuts a document that is parsed, one thing after the other, until it fits: in the order of
/// document.cc, which cuts what is not written yet.
class Shortener {
 public:
  Shortener(rapidjson::Document& document, std::size_t limit)
      : document_(document), limit_(limit) {}

  std::string Run() {
    std::string out = Written();
    for (step_ = 0; out.size() > limit_ && step_ < kSteps;) {
      const std::size_t before = out.size();
      const bool again = Step(before - limit_);
      out = Written();
      if (!again || out.size() >= before) ++step_;
    }
    return out;
  }

 private:
  static constexpr int kSteps = 13;

  std::string Written() const {
    std::string out;
    Append(out, document_);
    return out;
  }

  /// True when the same may be tried once more, if it has gained anything.
  bool Step(std::size_t excess) {
    switch (step_) {
      case 0:
        return CutText(document_, "previous_output", "previous_output", excess);
      case 1:
        return CutText(document_, "full_log", "full_log", excess);
      case 2:
        return CutArguments(excess);
      case 3:
        return CutIdentity(limit_ / 8);
      case 4:
        return CutCommandLine(excess, 1024);
      case 5:
        return CutValues(1024);
      case 6:
        return CutValues(128);
      case 7:
        return CutCommandLine(excess, 128);
      case 8:
        return CutIdentity(128);
      case 9:
        return RemoveExactBytes();
      case 10:
        return KeepIdentity(128, 4);
      case 11:
        return CutRule();
      default:
        return KeepIdentity(64, 1);
    }
  }

  void Name(std::string_view name) {
    Json* tld = FindMember(document_, "tld");
    if (tld == nullptr || !tld->IsObject()) return;
    if (FindMember(*tld, "truncated") == nullptr) {
      tld->AddMember("truncated", Json(rapidjson::kArrayType), allocator());
    }
    Json& names = *FindMember(*tld, "truncated");
    if (!names.IsArray()) return;
    for (const Json& known : names.GetArray()) {
      if (known.IsString() && ViewOf(known) == name) return;
    }
    names.PushBack(Text(name), allocator());
  }

  /// Takes the excess off a text's end, but for the least; one that is used up is removed.
  bool CutText(Json& of, const char* member, std::string_view name, std::size_t excess,
               std::size_t least = 0) {
    Json* text = FindMember(of, member);
    if (text == nullptr || !text->IsString()) return false;
    if (least > 0 && text->GetStringLength() <= least) return false;
    Name(name);
    // The name that was just noted takes room as well.
    const std::size_t kept =
        std::max(ShorterInJson(ViewOf(*text), excess + name.size() + 20), least);
    if (kept == 0) {
      of.RemoveMember(member);
      return false;
    }
    *text = Text(CutAtCharacter(ViewOf(*text), kept));
    return true;
  }

  /// Its exact bytes, where they stand as well, before what can be read.
  bool CutCommandLine(std::size_t excess, std::size_t least) {
    Json* exact = MemberAt(document_, "data.audit.raw_hex.execve");
    if (exact != nullptr && FindMember(*exact, "cmdline") != nullptr) {
      exact->RemoveMember("cmdline");
      Name("audit.raw_hex");
      return true;
    }
    Json* execve = MemberAt(document_, "data.audit.execve");
    return execve != nullptr && CutText(*execve, "cmdline", "audit.execve.cmdline", excess, least);
  }

  /// From the last argument on, as many as hold the excess.
  bool CutArguments(std::size_t excess) {
    Json* execve = MemberAt(document_, "data.audit.execve");
    if (execve == nullptr || !execve->IsObject()) return false;
    std::size_t gained = 0;
    while (gained < excess && execve->MemberCount() > 0) {
      auto last = execve->MemberEnd();
      for (auto member = execve->MemberBegin(); member != execve->MemberEnd(); ++member) {
        const auto number = ArgumentNumber(ViewOf(member->name));
        if (number &&
            (last == execve->MemberEnd() || *number > *ArgumentNumber(ViewOf(last->name))))
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
    if (Json* data = FindMember(document_, "data")) CutBelow(*data, "", bytes, false);
    return false;
  }

  /// Names of programs are as long as whoever runs them likes.
  bool CutIdentity(std::size_t bytes) {
    if (Json* data = FindMember(document_, "data")) CutBelow(*data, "", bytes, true);
    return false;
  }

  bool RemoveExactBytes() {
    Json* audit = MemberAt(document_, "data.audit");
    if (audit != nullptr && audit->IsObject() && audit->RemoveMember("raw_hex"))
      Name("audit.raw_hex");
    return false;
  }

  /// Values of fields that say who and what, or of all others but the command line.
  void CutBelow(Json& value, const std::string& name, std::size_t bytes, bool identity) {
    if (value.IsObject()) {
      for (auto& member : value.GetObject()) {
        CutBelow(member.value, (name.empty() ? "" : name + '.') + std::string(ViewOf(member.name)),
                 bytes, identity);
      }
    } else if (value.IsArray()) {
      for (Json& item : value.GetArray()) CutBelow(item, name, bytes, identity);
    } else if (value.IsString() && value.GetStringLength() > bytes &&
               IsIdentityField(name) == identity && name != "audit.execve.cmdline") {
      value = Text(CutAtCharacter(ViewOf(value), bytes));
      Name(name);
    }
  }

  bool KeepIdentity(std::size_t bytes, rapidjson::SizeType values) {
    Json* audit = MemberAt(document_, "data.audit");
    if (audit == nullptr || !audit->IsObject()) return false;
    for (auto member = audit->MemberBegin(); member != audit->MemberEnd();) {
      const bool kept = IsIdentityField("audit." + std::string(ViewOf(member->name)));
      member = kept ? member + 1 : audit->EraseMember(member);
    }
    for (auto& member : audit->GetObject()) {
      while (member.value.IsArray() && member.value.Size() > values) member.value.PopBack();
    }
    CutIdentity(bytes);
    Name("data");
    return false;
  }

  bool CutRule() {
    Json* rule = FindMember(document_, "rule");
    if (rule == nullptr || !rule->IsObject()) return false;
    for (auto member = rule->MemberBegin(); member != rule->MemberEnd();) {
      const std::string_view name = ViewOf(member->name);
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

std::string ShortenDocument(rapidjson::Document& document, std::size_t limit) {
  return Shortener(document, limit).Run();
}

}  // namespace tld
