// SPDX-License-Identifier: Apache-2.0
// TranslateOsRegex of detect/pattern.h: the manager's pattern language in terms of PCRE2.
#include <optional>

#include "base/text.h"
#include "detect/pattern.h"

namespace tld {
namespace {

/// The class that a letter after a backslash stands for; nothing when it is no class.
std::optional<std::string_view> ClassOf(char letter) {
  switch (letter) {
    case 'd':
      return "[0-9]";
    case 'D':
      return "[^0-9]";
    case 'w':
      return "[A-Za-z0-9_\\-@]";
    case 'W':
      return "[^A-Za-z0-9_\\-@]";
    case 's':
      return "[ ]";
    case 'S':
      return "[^ ]";
    case 't':
      return "\\t";
    case 'p':
      return "[`!\"#$%&'()*+,\\-.:;<=>?\\[\\]{|}]";
    case '.':
      return ".";
    default:
      return {};
  }
}

void AppendLiteral(std::string& out, char c) {
  const bool word = (c >= '0' && c <= '9') || (AsciiLower(c) >= 'a' && AsciiLower(c) <= 'z');
  if (!word && static_cast<unsigned char>(c) < 0x80 && c > ' ') out += '\\';
  if (c == '\0') {
    out += "\\x00";
  } else {
    out += c;
  }
}

Error At(std::string_view what, std::size_t place) { return Error{std::string(what), place}; }

/// One alternative, of a whole pattern that is looked at from `begin` to `end`.
class Alternative {
 public:
  Alternative(std::string_view pattern, std::size_t begin, std::size_t end)
      : pattern_(pattern), at_(begin), end_(end) {}

  Result<std::string> Translate() {
    const std::string_view text = pattern_.substr(at_, end_ - at_);
    if (text.empty() || text == "^" || text == "$") return std::string("(?:)");
    if (text[0] == '^') {
      out_ += "\\A";
      ++at_;
    }
    while (at_ < end_) {
      if (Status step = Step(); !step) return step.error();
    }
    if (group_) return At("a '(' is never closed", group_at_);
    return out_;
  }

 private:
  Status Step() {
    const char c = pattern_[at_];
    if (c == '\\') return Escape();
    if (c == '(') {
      if (group_) return At("a '(' inside another", at_);
      group_ = true;
      group_at_ = at_;
      out_ += '(';
    } else if (c == ')') {
      if (!group_) return At("a ')' without '('", at_);
      group_ = false;
      out_ += ')';
    } else if (c == '$' && at_ + 1 == end_) {
      out_ += "\\z";
    } else {
      AppendLiteral(out_, c);
    }
    ++at_;
    return {};
  }

  Status Escape() {
    if (at_ + 1 == end_) return At("a '\\' with nothing after it", at_);
    const char letter = pattern_[at_ + 1];
    const auto set = ClassOf(letter);
    if (!set) {
      constexpr std::string_view kLiterals = "()\\$|<";
      if (kLiterals.find(letter) == kLiterals.npos) {
        return At(std::string("unknown escape '\\") + letter + "'", at_);
      }
      AppendLiteral(out_, letter);
      at_ += 2;
      return {};
    }
    out_ += *set;
    at_ += 2;
    if (at_ < end_ && (pattern_[at_] == '+' || pattern_[at_] == '*')) {
      out_ += pattern_[at_++];
      out_ += '?';
    }
    return {};
  }

  std::string_view pattern_;
  std::size_t at_;
  std::size_t end_;
  std::string out_;
  bool group_ = false;
  std::size_t group_at_ = 0;
};

/// The next `|` that separates alternatives, or the end. One inside a group is found by its depth.
Result<std::size_t> AlternativeEnd(std::string_view pattern, std::size_t at) {
  bool group = false;
  for (; at < pattern.size(); ++at) {
    if (pattern[at] == '\\') {
      ++at;
    } else if (pattern[at] == '(') {
      group = true;
    } else if (pattern[at] == ')') {
      group = false;
    } else if (pattern[at] == '|') {
      if (group) return At("a '|' inside a group", at);
      return at;
    }
  }
  return pattern.size();
}

}  // namespace

Result<std::string> TranslateOsRegex(std::string_view pattern) {
  std::string out;
  for (std::size_t begin = 0;;) {
    const Result<std::size_t> end = AlternativeEnd(pattern, begin);
    if (!end) return end.error();
    Result<std::string> translated = Alternative(pattern, begin, *end).Translate();
    if (!translated) return translated;
    out += *translated;
    if (*end >= pattern.size()) return out;
    out += '|';
    begin = *end + 1;
  }
}

}  // namespace tld
