// SPDX-License-Identifier: Apache-2.0
#include "alert/query.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "alert/moment.h"
#include "base/text.h"

namespace tld {
namespace {

using Json = rapidjson::Value;
using Kind = QueryTerm::Kind;

constexpr int kMostDepth = 64;
constexpr std::string_view kBlanks = " \t\r\n";

/// The longest of the pieces, without the quotes that JSON would put around it.
std::string NeededText(const std::vector<std::string>& pieces) {
  const auto longest =
      std::max_element(pieces.begin(), pieces.end(),
                       [](const auto& a, const auto& b) { return a.size() < b.size(); });
  std::string written;
  AppendJsonString(written, *longest);
  return written.substr(1, written.size() - 2);
}

bool IsFieldCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-' || c == '@';
}

/// Reads a text from left to right by recursive descent.
class Parser {
 public:
  Parser(std::string_view text, std::int64_t now_us) : text_(text), now_us_(now_us) {}

  Result<QueryNode> Run() {
    if (AtEnd()) return QueryNode{};
    QueryNode root = Or(0);
    if (!error_ && !AtEnd()) Fail("a bracket closes that was not opened");
    if (error_) return *error_;
    return root;
  }

 private:
  bool AtEnd() {
    at_ = std::min(text_.find_first_not_of(kBlanks, at_), text_.size());
    return at_ == text_.size();
  }

  void Fail(std::string why, std::size_t at) {
    if (!error_) error_ = Error{std::move(why), at};
    at_ = text_.size();
  }
  void Fail(std::string why) { Fail(std::move(why), at_); }

  /// Takes one of the words of the language.
  bool TakeWord(std::string_view word) {
    if (AtEnd() || !EqualsIgnoreCase(text_.substr(at_, word.size()), word)) return false;
    const std::size_t end = at_ + word.size();
    if (end < text_.size() && (kBlanks.find(text_[end]) == kBlanks.npos && text_[end] != '(')) {
      return false;
    }
    at_ = end;
    return true;
  }

  QueryNode Or(int depth) {
    QueryNode node = And(depth);
    while (!error_ && TakeWord("or"))
      node = Joined(QueryNode::Kind::kOr, std::move(node), And(depth));
    return node;
  }

  QueryNode And(int depth) {
    QueryNode node = Not(depth);
    while (!error_ && !AtEnd() && text_[at_] != ')') {
      const std::size_t before = at_;
      if (TakeWord("or")) {
        at_ = before;
        break;
      }
      TakeWord("and");
      node = Joined(QueryNode::Kind::kAnd, std::move(node), Not(depth));
    }
    return node;
  }

  QueryNode Not(int depth) {
    if (depth > kMostDepth) {
      Fail("brackets are nested too deep");
      return {};
    }
    if (TakeWord("not")) {
      QueryNode node;
      node.kind = QueryNode::Kind::kNot;
      node.children.push_back(Not(depth + 1));
      return node;
    }
    if (AtEnd()) {
      Fail("something is missing here");
      return {};
    }
    if (text_[at_] == '(') return Bracket(depth, [&] { return Or(depth + 1); });
    return Term(depth);
  }

  template <class Inside>
  QueryNode Bracket(int depth, Inside inside) {
    const std::size_t open = at_++;
    static_cast<void>(depth);
    QueryNode node = inside();
    if (error_) return node;
    if (AtEnd() || text_[at_] != ')') {
      Fail("this bracket is not closed", open);
      return node;
    }
    ++at_;
    return node;
  }

  static QueryNode Joined(QueryNode::Kind kind, QueryNode left, QueryNode right) {
    if (left.kind != kind) {
      QueryNode node;
      node.kind = kind;
      node.children.push_back(std::move(left));
      left = std::move(node);
    }
    left.children.push_back(std::move(right));
    return left;
  }

  QueryNode Term(int depth) {
    for (const std::string_view word : {"and", "or"}) {
      if (const std::size_t before = at_; TakeWord(word)) {
        Fail("'" + std::string(word) + "' needs something before it", before);
        return {};
      }
    }
    std::size_t end = at_;
    while (end < text_.size() && IsFieldCharacter(text_[end])) ++end;
    std::size_t sign = std::min(text_.find_first_not_of(kBlanks, end), text_.size());
    if (end == at_ || sign == text_.size() || !IsSign(text_[sign])) return Value("", Kind::kIs);
    std::string field(text_.substr(at_, end - at_));
    if (field == "@timestamp") field = "timestamp";
    at_ = sign;
    const Kind kind = TakeSign();
    if (AtEnd()) {
      Fail("a value is missing here");
      return {};
    }
    if (kind == Kind::kIs && text_[at_] == '(') {
      return Bracket(depth, [&] { return ValueOr(field, depth + 1); });
    }
    return Value(field, kind);
  }

  static bool IsSign(char c) { return c == ':' || c == '<' || c == '>'; }

  Kind TakeSign() {
    const char sign = text_[at_++];
    const bool equal = sign != ':' && at_ < text_.size() && text_[at_] == '=';
    if (equal) ++at_;
    if (sign == ':') return Kind::kIs;
    if (sign == '<') return equal ? Kind::kAtMost : Kind::kLess;
    return equal ? Kind::kAtLeast : Kind::kGreater;
  }

  // Inside FIELD:( … ) the same words join values.
  QueryNode ValueOr(const std::string& field, int depth) {
    QueryNode node = ValueAnd(field, depth);
    while (!error_ && TakeWord("or")) {
      node = Joined(QueryNode::Kind::kOr, std::move(node), ValueAnd(field, depth));
    }
    return node;
  }
  QueryNode ValueAnd(const std::string& field, int depth) {
    QueryNode node = ValueNot(field, depth);
    while (!error_ && TakeWord("and")) {
      node = Joined(QueryNode::Kind::kAnd, std::move(node), ValueNot(field, depth));
    }
    return node;
  }
  QueryNode ValueNot(const std::string& field, int depth) {
    if (depth > kMostDepth) {
      Fail("brackets are nested too deep");
      return {};
    }
    if (TakeWord("not")) {
      QueryNode node;
      node.kind = QueryNode::Kind::kNot;
      node.children.push_back(ValueNot(field, depth + 1));
      return node;
    }
    if (AtEnd()) {
      Fail("a value is missing here");
      return {};
    }
    if (text_[at_] == '(') return Bracket(depth, [&] { return ValueOr(field, depth + 1); });
    return Value(field, Kind::kIs);
  }

  QueryNode Value(const std::string& field, Kind kind) {
    const std::size_t begin = at_;
    QueryNode node;
    node.kind = QueryNode::Kind::kTerm;
    node.term.field = field;
    node.term.kind = kind;
    node.term.pieces = text_[at_] == '"' ? Quoted() : Bare();
    if (error_) return {};
    for (const std::string& piece : node.term.pieces) {
      if (&piece != &node.term.pieces.front()) node.term.value += '*';
      node.term.value += piece;
    }
    Finish(node.term, begin);
    return node;
  }

  std::vector<std::string> Quoted() {
    const std::size_t open = at_++;
    std::string value;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      value += text_[at_++];
    }
    if (at_ >= text_.size()) {
      Fail("this quote is not closed", open);
      return {};
    }
    ++at_;
    return {value};
  }

  std::vector<std::string> Bare() {
    std::vector<std::string> pieces(1);
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (kBlanks.find(c) != kBlanks.npos || c == '(' || c == ')') break;
      if (c == '*') {
        pieces.emplace_back();
      } else if (c == '\\' && at_ + 1 < text_.size()) {
        pieces.back() += text_[++at_];
      } else {
        pieces.back() += c;
      }
    }
    if (pieces.size() == 1 && pieces[0].empty()) Fail("a value is missing here");
    return pieces;
  }

  void Finish(QueryTerm& term, std::size_t begin) {
    const bool only_stars = std::all_of(term.pieces.begin(), term.pieces.end(),
                                        [](const std::string& piece) { return piece.empty(); });
    if (term.kind == Kind::kIs && term.has_wildcard() && only_stars) {
      term.kind = Kind::kExists;
      return;
    }
    if (term.kind == Kind::kIs) {
      term.needed = NeededText(term.pieces);
      return;
    }
    if (term.about_time()) {
      if (const auto time = ParseMoment(term.value, now_us_)) {
        term.time_us = *time;
      } else {
        Fail("this is no time: write now-1h, today, or \"2026-01-31 14:00\"", begin);
      }
      return;
    }
    const char* end = term.value.data() + term.value.size();
    const auto [rest, error] = std::from_chars(term.value.data(), end, term.number);
    if (error != std::errc() || rest != end) {
      Fail("this comparison needs a number", begin);
    }
  }

  std::string_view text_;
  std::int64_t now_us_;
  std::size_t at_ = 0;
  std::optional<Error> error_;
};

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

Result<Query> Query::Parse(std::string_view text, std::int64_t now_us) {
  Result<QueryNode> root = Parser(text, now_us).Run();
  if (!root) return root.error();
  Query query;
  query.root_ = *std::move(root);
  return query;
}

bool Query::Matches(const Json& document, std::int64_t time_us) const {
  return Meets(root_, document, time_us);
}

bool Query::MayMatch(const std::string& document) const { return MayMeet(root_, document); }

}  // namespace tld
