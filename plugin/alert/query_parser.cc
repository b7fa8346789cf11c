// SPDX-License-Identifier: Apache-2.0
// Query::Parse of query.h.
#include <algorithm>
#include <charconv>
#include <utility>

#include "alert/moment.h"
#include "alert/query.h"
#include "base/text.h"

namespace tld {
namespace {

using Kind = QueryTerm::Kind;

constexpr int kMostDepth = 64;
constexpr std::string_view kBlanks = " \t\r\n";

/// The longest of the pieces, without the quotes that JSON would put around it. In place of bytes
/// that are no UTF-8 a document has `\ufffd`, which is read as what people copy: that is no part of
/// it.
std::string NeededText(const std::vector<std::string>& pieces) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string_view longest;
  for (std::string_view piece : pieces) {
    while (true) {
      const std::size_t end = std::min(piece.find(kReplacement), piece.size());
      if (end > longest.size()) longest = piece.substr(0, end);
      if (end == piece.size()) break;
      piece.remove_prefix(end + kReplacement.size());
    }
  }
  std::string written;
  AppendJsonString(written, longest);
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
    QueryNode root = Or(nullptr, 0);
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

  // With a field the same words join values, as in FIELD:(A or B).
  QueryNode Or(const std::string* field, int depth) {
    QueryNode node = And(field, depth);
    while (!error_ && TakeWord("or")) {
      node = Joined(QueryNode::Kind::kOr, std::move(node), And(field, depth));
    }
    return node;
  }

  QueryNode And(const std::string* field, int depth) {
    QueryNode node = Not(field, depth);
    while (!error_ && !AtEnd() && text_[at_] != ')') {
      const std::size_t before = at_;
      if (TakeWord("or")) {
        at_ = before;
        break;
      }
      // Terms side by side all count; of values nobody knows what that means.
      if (!TakeWord("and") && field != nullptr) break;
      node = Joined(QueryNode::Kind::kAnd, std::move(node), Not(field, depth));
    }
    return node;
  }

  QueryNode Not(const std::string* field, int depth) {
    if (depth > kMostDepth) {
      Fail("brackets are nested too deep");
      return {};
    }
    if (TakeWord("not")) {
      QueryNode node;
      node.kind = QueryNode::Kind::kNot;
      node.children.push_back(Not(field, depth + 1));
      return node;
    }
    if (AtEnd()) {
      Fail(field == nullptr ? "something is missing here" : "a value is missing here");
      return {};
    }
    if (text_[at_] == '(') return Bracket(field, depth + 1);
    return field == nullptr ? Term(depth) : Value(*field, Kind::kIs);
  }

  QueryNode Bracket(const std::string* field, int depth) {
    const std::size_t open = at_++;
    QueryNode node = Or(field, depth);
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
    const bool has_sign = end != at_ && sign != text_.size() && IsSign(text_[sign]);
    std::string field(text_.substr(at_, end - at_));
    if (!has_sign && IsOtherSign(field, text_.substr(sign))) {
      Fail(text_[sign] == '!' ? "'not' stands before the field, as in not " + field + ":VALUE"
                              : "a field is asked for its value by ':', as in " + field + ":VALUE",
           sign);
      return {};
    }
    if (!has_sign) return Value("", Kind::kIs);
    if (field == "@timestamp") field = "timestamp";
    at_ = sign;
    const Kind kind = TakeSign();
    if (AtEnd()) {
      Fail("a value is missing here");
      return {};
    }
    if (kind == Kind::kIs && text_[at_] == '(') return Bracket(&field, depth + 1);
    if (kind == Kind::kIs && (text_[at_] == '<' || text_[at_] == '>')) {
      Fail("a comparison has no ':' before it, as in " + field + ">=VALUE");
      return {};
    }
    const std::string_view rest = text_.substr(at_);
    const std::string_view range = rest.substr(0, rest.find(']'));
    if (kind == Kind::kIs && range.starts_with('[') && range.size() != rest.size() &&
        range.find(" TO ") != range.npos) {
      Fail("a range is two comparisons, as in " + field + ">=VALUE and " + field + "<=VALUE");
      return {};
    }
    return Value(field, kind);
  }

  /// What others write for a comparison, behind what can only be a field: a text may hold it, too.
  static bool IsOtherSign(std::string_view field, std::string_view rest) {
    return (field.starts_with("rule.") || field.starts_with("data.") ||
            field.starts_with("audit.")) &&
           (rest.starts_with('=') || rest.starts_with("!="));
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

}  // namespace

Result<Query> Query::Parse(std::string_view text, std::int64_t now_us) {
  Result<QueryNode> root = Parser(text, now_us).Run();
  if (!root) return root.error();
  Query query;
  query.root_ = *std::move(root);
  return query;
}

}  // namespace tld
