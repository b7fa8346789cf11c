// SPDX-License-Identifier: Apache-2.0
#include "detect/beginnings.h"

#include <algorithm>
#include <utility>

namespace tld {
namespace {

constexpr std::size_t kMostTexts = 256;
constexpr std::size_t kLongestText = 64;  // bytes; what is longer is cut
constexpr std::size_t kDeepest = 32;      // groups in groups

/// A letter, a digit, or a byte that is not ASCII. Behind a backslash such a one is no literal.
bool IsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// What a part of a pattern may match: each of the texts, followed by anything where it is open.
struct Text {
  std::string bytes;
  bool open = false;
};
using Texts = std::vector<Text>;

const Texts& Anything() {
  static const Texts anything{{"", true}};
  return anything;
}

/// Reads a pattern as far as it needs to be understood. Each function gives nothing where it is
/// not.
class Reader {
 public:
  explicit Reader(std::string_view pattern) : rest_(pattern) {}

  struct Alternative {
    Texts texts;
    bool ended = false;
  };
  /// The alternatives of the whole pattern, each behind its `^`.
  std::optional<std::vector<Alternative>> ReadAll() {
    std::vector<Alternative> all;
    do {
      if (!Take('^')) return {};
      auto texts = ReadSequence();
      if (!texts) return {};
      all.push_back({*std::move(texts), Take('$')});
    } while (Take('|'));
    if (!rest_.empty()) return {};
    return all;
  }

 private:
  bool Take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  char Next() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  /// Up to `|`, `)`, `$` or the end.
  std::optional<Texts> ReadSequence() {
    Texts texts{{"", false}};
    while (!rest_.empty() && rest_.front() != '|' && rest_.front() != ')' && rest_.front() != '$') {
      auto atom = ReadAtom();
      if (!atom) return {};
      texts = Joined(texts, Repeated(*std::move(atom)));
    }
    return texts;
  }

  std::optional<Texts> ReadAtom() {
    const char c = Next();
    switch (c) {
      case '(':
        return ReadGroup();
      case '[':
        return ReadClass();
      case '\\':
        return ReadEscape();
      case '.':
        return Anything();
      case '^':
      case '*':
      case '+':
      case '?':
        return {};
      default:
        return Texts{{std::string(1, c), false}};
    }
  }

  std::optional<Texts> ReadGroup() {
    if (rest_.starts_with("?:")) {
      rest_.remove_prefix(2);
    } else if (rest_.starts_with('?') || rest_.starts_with('*')) {
      return {};  // looks around, sets options, or is a verb
    }
    if (++depth_ > kDeepest) return {};
    Texts all;
    do {
      auto texts = ReadSequence();
      if (!texts) return {};
      all.insert(all.end(), texts->begin(), texts->end());
    } while (Take('|'));
    --depth_;
    if (!Take(')')) return {};
    return all.size() <= kMostTexts ? all : Anything();
  }

  /// `[gmn]`; of ranges, of classes by name and of what is not in it, only where it ends.
  std::optional<Texts> ReadClass() {
    Texts texts;
    bool plain = !Take('^');
    for (bool first = true; !rest_.empty(); first = false) {
      const char c = Next();
      if (c == ']' && !first) return plain ? texts : Anything();
      if (c == '\\') {
        // These change what the bytes behind them mean.
        constexpr std::string_view kOthers = "QEc";
        if (rest_.empty() || kOthers.find(Next()) != kOthers.npos) return {};
        plain = false;
      } else if (c == '[' && !rest_.empty() && !IsWord(rest_.front()) && rest_.front() != ']') {
        if (!TakeClassName()) return {};
        plain = false;
      } else if (c == '-') {
        plain = false;
      }
      texts.push_back({std::string(1, c), false});
    }
    return {};
  }

  /// The rest of `[:alpha:]`, behind its bracket.
  bool TakeClassName() {
    if (!Take(':')) return false;
    Take('^');
    while (!rest_.empty() && rest_.front() >= 'a' && rest_.front() <= 'z') Next();
    return Take(':') && Take(']');
  }

  std::optional<Texts> ReadEscape() {
    if (rest_.empty()) return {};
    const char c = Next();
    constexpr std::string_view kOneByteOrNone = "dDsSwWbBhHvVR";
    if (kOneByteOrNone.find(c) != kOneByteOrNone.npos) return Anything();
    if (IsWord(c)) return {};
    return Texts{{std::string(1, c), false}};
  }

  /// With the quantifier that may follow.
  Texts Repeated(Texts atom) {
    if (rest_.empty()) return atom;
    switch (rest_.front()) {
      case '?':
        atom.push_back({"", false});
        break;
      case '*':
      case '{':  // or a brace that is meant: its text is as good as unknown then
        atom = Anything();
        break;
      case '+':
        for (Text& text : atom) text.open = true;
        break;
      default:
        return atom;
    }
    rest_.remove_prefix(1);
    if (!Take('?') && Take('+')) return Anything();  // possessive: may match less
    return atom;
  }

  static Texts Joined(const Texts& left, const Texts& right) {
    Texts joined;
    for (const Text& begin : left) {
      if (begin.open || begin.bytes.size() >= kLongestText) {
        joined.push_back({begin.bytes, true});
        continue;
      }
      for (const Text& end : right) {
        if (joined.size() > kMostTexts) return Anything();
        joined.push_back({begin.bytes + end.bytes, end.open});
      }
    }
    return joined;
  }

  std::string_view rest_;
  std::size_t depth_ = 0;
};

/// Bytes that one newline or another begins with; `$` matches before one at the end.
bool MayBeNewline(char c) { return static_cast<unsigned char>(c) - 0x20U >= 0x60; }

}  // namespace

std::optional<Beginnings> Beginnings::Of(std::string_view pattern) {
  const auto all = Reader(pattern).ReadAll();
  if (!all) return {};
  std::vector<Beginning> texts;
  for (const Reader::Alternative& alternative : *all) {
    for (const Text& text : alternative.texts) {
      texts.push_back({text.bytes, alternative.ended && !text.open});
      // An empty text that is open tells nothing; one that has ended is not worth the trouble.
      if (text.bytes.empty() || texts.size() > kMostTexts) return {};
    }
  }
  return Beginnings(std::move(texts));
}

Beginnings::Beginnings(std::vector<Beginning> texts) : texts_(std::move(texts)) {
  std::sort(texts_.begin(), texts_.end(),
            [](const Beginning& a, const Beginning& b) { return a.text[0] < b.text[0]; });
}

Beginnings::Verdict Beginnings::Judge(std::string_view subject) const {
  if (subject.empty()) return Verdict::kNo;
  auto beginning = std::lower_bound(
      texts_.begin(), texts_.end(), subject[0],
      [](const Beginning& candidate, char first) { return candidate.text[0] < first; });
  Verdict verdict = Verdict::kNo;
  for (; beginning != texts_.end() && beginning->text[0] == subject[0]; ++beginning) {
    if (!subject.starts_with(beginning->text)) continue;
    const std::string_view rest = subject.substr(beginning->text.size());
    if (beginning->ended && rest.empty()) return Verdict::kYes;
    if (!beginning->ended || MayBeNewline(rest[0])) verdict = Verdict::kMaybe;
  }
  return verdict;
}

}  // namespace tld
