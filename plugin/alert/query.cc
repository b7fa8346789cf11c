// SPDX-License-Identifier: Apache-2.0
#include "alert/query.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/text.h"

namespace tld {
namespace {

using Json = rapidjson::Value;
using Kind = QueryTerm::Kind;

char Lower(char c) { return AsciiLower(c); }

/// Where `part` stands in `text` from `from` on, in either case when `fold`.
std::size_t FindPart(std::string_view text, std::string_view part, std::size_t from, bool fold) {
  if (!fold) return text.find(part, from);
  const auto found = std::search(
      text.begin() + static_cast<std::ptrdiff_t>(std::min(from, text.size())), text.end(),
      part.begin(), part.end(), [](char a, char b) { return Lower(a) == Lower(b); });
  return found == text.end() && !part.empty() ? text.npos
                                              : static_cast<std::size_t>(found - text.begin());
}

/// The pieces in their order; `whole`: the first begins and the last ends the text.
bool HoldsPieces(std::string_view text, const std::vector<std::string>& pieces, bool whole,
                 bool fold) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const std::string& piece = pieces[i];
    const bool last = i + 1 == pieces.size();
    if (whole && last && i > 0) {  // as far behind as it can
      if (piece.size() > text.size() || text.size() - piece.size() < at) return false;
      return FindPart(text, piece, text.size() - piece.size(), fold) != text.npos;
    }
    const std::size_t found = FindPart(text, piece, at, fold);
    if (found == text.npos || (whole && i == 0 && found != 0)) return false;
    at = found + piece.size();
    if (whole && last && at != text.size()) return false;
  }
  return true;
}

bool MeetsValue(const QueryTerm& term, std::string_view value) {
  switch (term.kind) {
    case Kind::kExists:
      return true;
    case Kind::kIs:
      return HoldsPieces(value, term.pieces, !term.folds(), term.folds());
    default:
      break;
  }
  double number = 0;
  const auto [rest, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || rest != value.data() + value.size()) return false;
  switch (term.kind) {
    case Kind::kLess:
      return number < term.number;
    case Kind::kAtMost:
      return number <= term.number;
    case Kind::kGreater:
      return number > term.number;
    default:
      return number >= term.number;
  }
}

std::string AsText(const Json& value) {
  if (value.IsString()) return {value.GetString(), value.GetStringLength()};
  if (value.IsUint64()) return std::to_string(value.GetUint64());
  if (value.IsInt64()) return std::to_string(value.GetInt64());
  if (value.IsBool()) return value.GetBool() ? "true" : "false";
  return {};
}

/// Calls `take` for each value that is no object, until it returns true; true then.
template <class Take>
bool AnyLeaf(const Json& value, Take&& take) {
  if (value.IsObject()) {
    return std::any_of(value.MemberBegin(), value.MemberEnd(),
                       [&](const auto& member) { return AnyLeaf(member.value, take); });
  }
  if (value.IsArray()) {
    return std::any_of(value.Begin(), value.End(),
                       [&](const Json& item) { return AnyLeaf(item, take); });
  }
  return !value.IsNull() && take(AsText(value));
}

const Json* Descend(const Json& document, std::string_view path) {
  const Json* at = &document;
  for (const std::string_view part : SplitWords(path, ".")) {
    if (!at->IsObject()) return nullptr;
    const auto found =
        at->FindMember(Json(part.data(), static_cast<rapidjson::SizeType>(part.size())));
    if (found == at->MemberEnd()) return nullptr;
    at = &found->value;
  }
  return at;
}

const Json* FieldIn(const Json& document, std::string_view field) {
  const Json* value = Descend(document, field);
  if (value != nullptr || !document.IsObject()) return value;
  const auto data = document.FindMember("data");
  return data == document.MemberEnd() ? nullptr : Descend(data->value, field);
}

bool MeetsTime(const QueryTerm& term, std::int64_t time_us) {
  switch (term.kind) {
    case Kind::kLess:
      return time_us < term.time_us;
    case Kind::kAtMost:
      return time_us <= term.time_us;
    case Kind::kGreater:
      return time_us > term.time_us;
    case Kind::kAtLeast:
      return time_us >= term.time_us;
    default:
      return true;
  }
}

bool Meets(const QueryNode& node, const Json& document, std::int64_t time_us) {
  const auto meets = [&](const QueryNode& child) { return Meets(child, document, time_us); };
  switch (node.kind) {
    case QueryNode::Kind::kAll:
      return true;
    case QueryNode::Kind::kAnd:
      return std::all_of(node.children.begin(), node.children.end(), meets);
    case QueryNode::Kind::kOr:
      return std::any_of(node.children.begin(), node.children.end(), meets);
    case QueryNode::Kind::kNot:
      return !meets(node.children.front());
    case QueryNode::Kind::kTerm:
      break;
  }
  const QueryTerm& term = node.term;
  if (term.about_time() && term.kind != Kind::kIs && term.kind != Kind::kExists) {
    return MeetsTime(term, time_us);
  }
  const Json* value = term.field.empty() ? &document : FieldIn(document, term.field);
  return value != nullptr &&
         AnyLeaf(*value, [&](const std::string& text) { return MeetsValue(term, text); });
}

/// False when no document of this text meets the node.
bool MayMeet(const QueryNode& node, const std::string& document) {
  const auto may = [&](const QueryNode& child) { return MayMeet(child, document); };
  switch (node.kind) {
    case QueryNode::Kind::kAnd:
      return std::all_of(node.children.begin(), node.children.end(), may);
    case QueryNode::Kind::kOr:
      return std::any_of(node.children.begin(), node.children.end(), may);
    case QueryNode::Kind::kTerm:
      // No locale is set: ASCII alone has cases.
      if (node.term.folds()) {
        return strcasestr(document.c_str(), node.term.needed.c_str()) != nullptr;
      }
      return document.find(node.term.needed) != document.npos;
    default:
      return true;
  }
}

}  // namespace

bool QueryTerm::folds() const { return field.empty() || IsTextField(field); }

bool IsTextField(std::string_view field) {
  constexpr std::string_view kFields[] = {
      "full_log",
      "previous_output",
      "rule.description",
      "data.audit.execve.cmdline",
      "audit.execve.cmdline",
      "data.audit.proctitle",
      "audit.proctitle",
  };
  return std::find(std::begin(kFields), std::end(kFields), field) != std::end(kFields);
}

std::vector<std::string> ValuesOf(const Json& document, std::string_view field) {
  std::vector<std::string> values;
  if (const Json* value = FieldIn(document, field)) {
    AnyLeaf(*value, [&](std::string text) {
      values.push_back(std::move(text));
      return false;
    });
  }
  return values;
}

bool Query::Matches(const Json& document, std::int64_t time_us) const {
  return Meets(root_, document, time_us);
}

bool Query::MayMatch(const std::string& document) const { return MayMeet(root_, document); }

}  // namespace tld
