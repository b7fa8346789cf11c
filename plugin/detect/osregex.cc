// SPDX-License-Identifier: Apache-2.0
#include "detect/osregex.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"

namespace tld {
namespace {

constexpr std::string_view kClasses = "dDwWsStp.";
constexpr std::string_view kEscapedLiterals = "()\\$|<";
constexpr std::string_view kPunctuation = "!\"#$%&'()*+,-.:;<=>?[]{|}";
constexpr std::size_t kWordBits = 64;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsWord(char c) {
  const char lower = AsciiLower(c);
  return IsDigit(c) || (lower >= 'a' && lower <= 'z') || c == '_' || c == '-' || c == '@';
}

bool Has(const std::vector<std::uint64_t>& bits, std::size_t i) {
  return (bits[i / kWordBits] >> (i % kWordBits) & 1) != 0;
}

void Set(std::vector<std::uint64_t>& bits, std::size_t i) {
  bits[i / kWordBits] |= std::uint64_t{1} << (i % kWordBits);
}

Error At(std::string_view what, std::size_t place) { return Error{std::string(what), place}; }

}  // namespace

/// Reads a pattern from left to right.
class OsRegexReader {
 public:
  explicit OsRegexReader(std::string_view pattern) : pattern_(pattern) {}

  Result<OsRegex> Read() {
    OsRegex regex;
    while (true) {
      Result<OsRegex::Alternative> alternative = ReadAlternative();
      if (!alternative) return alternative.error();
      alternative->Index();
      regex.alternatives_.push_back(*std::move(alternative));
      if (at_ == pattern_.size()) return regex;
      ++at_;  // the bar
    }
  }

 private:
  bool AtEnd() const { return at_ == pattern_.size() || (pattern_[at_] == '|' && !group_at_); }

  Result<OsRegex::Alternative> ReadAlternative() {
    OsRegex::Alternative alternative;
    if (at_ < pattern_.size() && pattern_[at_] == '^') {
      ++at_;
      alternative.at_start = !AtEnd();  // alone it holds on everything
    }
    const std::size_t begin = at_;
    while (!AtEnd()) {
      if (Status step = Step(alternative); !step) return step.error();
    }
    if (group_at_) return At("a '(' is never closed", *group_at_);
    if (alternative.at_end && alternative.atoms.empty() && at_ - begin == 1 &&
        !alternative.at_start) {
      alternative.at_end = false;  // a lone `$` as well
    }
    return alternative;
  }

  Status Step(OsRegex::Alternative& alternative) {
    const char c = pattern_[at_];
    if (c == '\\') return Escape(alternative);
    if (c == '(') {
      if (group_at_) return At("a '(' inside another", at_);
      group_at_ = at_;
    } else if (c == ')') {
      if (!group_at_) return At("a ')' without '('", at_);
      group_at_.reset();
    } else if (c == '|') {
      return At("a '|' inside a group", at_);
    } else if (c == '$' && !group_at_ && (at_ + 1 == pattern_.size() || pattern_[at_ + 1] == '|')) {
      alternative.at_end = true;
    } else {
      alternative.atoms.push_back({0, AsciiLower(c), false});
    }
    ++at_;
    return {};
  }

  Status Escape(OsRegex::Alternative& alternative) {
    if (at_ + 1 == pattern_.size()) return At("a '\\' with nothing after it", at_);
    const char letter = pattern_[at_ + 1];
    if (kEscapedLiterals.find(letter) != kEscapedLiterals.npos) {
      alternative.atoms.push_back({0, letter, false});
      at_ += 2;
      return {};
    }
    if (kClasses.find(letter) == kClasses.npos) {
      return At(std::string("unknown escape '\\") + letter + "'", at_);
    }
    at_ += 2;
    const char next = at_ < pattern_.size() ? pattern_[at_] : '\0';
    if (next != '*') alternative.atoms.push_back({letter, 0, false});
    if (next == '*' || next == '+') {
      alternative.atoms.push_back({letter, 0, true});
      ++at_;
    }
    return {};
  }

  std::string_view pattern_;
  std::size_t at_ = 0;
  std::optional<std::size_t> group_at_;  // of the `(` that is open
};

bool OsRegex::Atom::Takes(char c) const {
  switch (kind) {
    case 'd':
      return IsDigit(c);
    case 'D':
      return !IsDigit(c);
    case 'w':
      return IsWord(c);
    case 'W':
      return !IsWord(c);
    case 's':
      return c == ' ';
    case 'S':
      return c != ' ';
    case 't':
      return c == '\t';
    case 'p':
      return kPunctuation.find(c) != kPunctuation.npos;
    case '.':
      return true;
    default:
      return AsciiLower(c) == literal;
  }
}

/// A bit for each atom: the next one to take a byte; one more bit stands for the end.
void OsRegex::Alternative::Index() {
  const Bits none(atoms.size() / kWordBits + 1);
  stars = none;
  for (std::size_t i = 0; i < atoms.size(); ++i) {
    if (atoms[i].star) Set(stars, i);
  }
  for (std::size_t byte = 0; byte < class_of.size(); ++byte) {
    Bits taking = none;
    for (std::size_t i = 0; i < atoms.size(); ++i) {
      if (atoms[i].Takes(static_cast<char>(byte))) Set(taking, i);
    }
    const auto known = std::find(takers.begin(), takers.end(), taking);
    class_of[byte] = static_cast<std::uint8_t>(known - takers.begin());
    if (known == takers.end()) takers.push_back(std::move(taking));
  }
}

bool OsRegex::Alternative::Matches(std::string_view subject) const {
  const std::size_t end = atoms.size();
  Bits places(stars.size());
  // A star may take nothing: then the atom behind it is next as well.
  const auto skip_stars = [&](std::uint64_t carry) {
    for (std::size_t w = 0; w < places.size(); ++w) {
      std::uint64_t word = places[w] | carry;
      for (std::uint64_t grown; (grown = word | (word & stars[w]) << 1) != word;) word = grown;
      carry = (word & stars[w]) >> (kWordBits - 1);
      places[w] = word;
    }
  };
  skip_stars(1);
  if (Has(places, end) && (!at_end || subject.empty())) return true;
  for (std::size_t at = 0; at < subject.size(); ++at) {
    const Bits& taking = takers[class_of[static_cast<unsigned char>(subject[at])]];
    std::uint64_t carry = 0;
    for (std::size_t w = 0; w < places.size(); ++w) {
      const std::uint64_t taken = places[w] & taking[w];
      const std::uint64_t moved = taken & ~stars[w];
      places[w] = (taken & stars[w]) | moved << 1 | carry;
      carry = moved >> (kWordBits - 1);
    }
    skip_stars(at_start ? 0 : 1);  // a match may begin at each byte
    if (Has(places, end) && (!at_end || at + 1 == subject.size())) return true;
  }
  return false;
}

Result<OsRegex> OsRegex::Compile(std::string_view pattern) { return OsRegexReader(pattern).Read(); }

bool OsRegex::Matches(std::string_view subject) const {
  return std::any_of(alternatives_.begin(), alternatives_.end(),
                     [&](const Alternative& a) { return a.Matches(subject); });
}

std::string OsRegex::Dump() const {
  std::string out;
  for (const Alternative& a : alternatives_) {
    if (&a != &alternatives_.front()) out += " | ";
    const std::size_t begin = out.size();
    if (a.at_start) out += '^';
    bool quoted = false;
    for (const Atom& atom : a.atoms) {
      if (quoted != (atom.kind == 0)) out += '\'';
      quoted = atom.kind == 0;
      if (quoted) {
        out += atom.literal;
      } else {
        (out += '\\') += atom.kind;
        if (atom.star) out += '*';
      }
    }
    if (quoted) out += '\'';
    if (a.at_end) out += '$';
    if (out.size() == begin) out += "any";
  }
  return out;
}

}  // namespace tld
