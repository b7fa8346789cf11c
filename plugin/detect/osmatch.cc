// SPDX-License-Identifier: Apache-2.0
#include "detect/osmatch.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <utility>

#include "base/text.h"

namespace tld {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), AsciiLower);
  return lower;
}

/// A number for two bytes of a text, the same in upper and in lower case; some share one.
constexpr std::size_t kSteps = 1024;
std::size_t Mixed(const char* two) {
  std::uint16_t both = 0;
  std::memcpy(&both, two, sizeof both);
  both &= 0xDFDF;  // without the bit that tells lower from upper case
  return (both ^ both >> 5) % kSteps;
}

/// Bytes that are compared with anchors in one step.
constexpr std::size_t kBlock = 64;

/// Upper and lower case become one, and so do some other bytes.
constexpr unsigned char Fold(char c) { return static_cast<unsigned char>(c) | 0x20; }

/// `bytes` are full words of eight.
template <std::size_t N>
bool HasZero(const std::array<unsigned char, N>& bytes) {
  std::uint64_t zeros = 0;
  for (std::size_t at = 0; at < N; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, &bytes[at], sizeof word);
    zeros |= text_word::Is(word, '\0');
  }
  return zeros != 0;
}

bool StartsWithLower(std::string_view subject, std::string_view lower) {
  return subject.size() >= lower.size() && EqualsIgnoreCase(subject.substr(0, lower.size()), lower);
}

}  // namespace

std::size_t Commonness(std::string_view two) {
  constexpr std::string_view kCommon = " -e/=\"taosnirlcdpm.u";  // most common first
  std::size_t product = 1;
  for (const char c : two) {
    const std::size_t rank = kCommon.find(c);
    product *= rank == kCommon.npos ? 1 : kCommon.size() - rank + 1;
  }
  return product;
}

OsMatch::OsMatch(std::string_view pattern) : text_(pattern) {
  if (pattern.starts_with('!')) {
    negated_ = true;
    pattern.remove_prefix(1);
  }
  while (true) {
    const std::size_t bar = std::min(pattern.find('|'), pattern.size());
    std::string_view text = pattern.substr(0, bar);
    Alternative alternative;
    alternative.at_start = text.starts_with('^');
    if (alternative.at_start) text.remove_prefix(1);
    alternative.at_end = text.ends_with('$');
    if (alternative.at_end) text.remove_suffix(1);
    alternative.text = Lower(text);
    Add(std::move(alternative));
    if (bar == pattern.size()) break;
    pattern.remove_prefix(bar + 1);
  }
  FillAnchors();
  FillSteps();
}

OsMatch OsMatch::OfParts(std::vector<std::string> parts) {
  OsMatch any;
  for (std::string& part : parts) {
    any.text_ += (any.text_.empty() ? "" : "|") + part;
    any.Add({.text = std::move(part)});
  }
  any.FillAnchors();
  any.FillSteps();
  return any;
}

void OsMatch::Add(Alternative alternative) {
  if (alternative.IsPart() && !alternative.text.empty()) {
    const std::size_t size = alternative.text.size();
    least_ = least_ == 0 ? size : std::min(least_, size);
  }
  any_ |= alternative.IsPart() && alternative.text.empty();
  alternatives_.push_back(std::move(alternative));
}

/// The fewest pairs of bytes, more or less, of which each part has one.
void OsMatch::FillAnchors() {
  constexpr std::size_t kMostAnchors = 3;
  std::vector<Alternative*> left;
  for (Alternative& part : alternatives_) {
    if (part.IsPart() && !part.text.empty()) left.push_back(&part);
  }
  while (!left.empty() && least_ > 1 && anchors_.size() < kMostAnchors) {
    std::map<std::string, std::pair<std::size_t, std::size_t>> parts_of;  // and how rare it is
    for (const Alternative* part : left) {
      for (std::size_t at = 0; at + 2 <= part->text.size(); ++at) {
        const std::string two = part->text.substr(at, 2);
        if (part->text.find(two) != at) continue;
        auto& [parts, rareness] = parts_of[two];
        ++parts;
        rareness = 10'000 - Commonness(two);
      }
    }
    const std::string best =
        std::max_element(parts_of.begin(), parts_of.end(), [](const auto& a, const auto& b) {
          return a.second < b.second;
        })->first;
    const Anchor anchor{Fold(best[0]), Fold(best[1])};
    anchors_.push_back(anchor);
    std::erase_if(left, [&](Alternative* part) {
      const std::size_t at = part->text.find(best);
      if (at == part->text.npos) return false;
      part->anchor = anchor;
      part->anchor_at = at;
      return true;
    });
  }
  if (!left.empty()) anchors_.clear();
}

/// Which is 0 where one of the anchors stands, by the bytes there.
template <std::size_t N, class Anchor>
unsigned char Differ(char here, char next, const std::array<Anchor, N>& anchors) {
  const unsigned char first = Fold(here);
  const unsigned char second = Fold(next);
  unsigned char least = 0xFF;
  for (const Anchor& anchor : anchors) {
    const auto differ =
        static_cast<unsigned char>((first ^ anchor.first) | (second ^ anchor.second));
    least = std::min(least, differ);
  }
  return least;
}

/// Blocks of bytes are looked at, all of them alike: so the compiler makes vectors of it. A subject
/// that is full of anchors, which somebody may make, goes by steps. REQUIRES: it is longer than a
/// block.
template <std::size_t N>
bool OsMatch::HasAnchoredPart(std::string_view subject) const {
  std::array<Anchor, N> anchors;
  std::copy_n(anchors_.begin(), N, anchors.begin());
  const std::size_t last = subject.size() - 1 - kBlock;
  constexpr int kMostInVain = 64;
  int in_vain = 0;
  for (std::size_t block = 0;; block = std::min(block + kBlock, last)) {
    const char* bytes = subject.data() + block;
    std::array<unsigned char, kBlock> differ;
    for (std::size_t i = 0; i < kBlock; ++i) differ[i] = Differ(bytes[i], bytes[i + 1], anchors);
    if (HasZero(differ)) {
      for (std::size_t i = 0; i < kBlock; ++i) {
        if (differ[i] != 0) continue;
        if (PartIsAnchored(subject, block + i)) return true;
        if (++in_vain > kMostInVain) return HasSteppedPart(subject);
      }
    }
    if (block == last) return false;
  }
}

/// Whether a part stands where it would have its anchor at `at`. Many may share one: the byte that
/// they end with tells most of them apart.
bool OsMatch::PartIsAnchored(std::string_view subject, std::size_t at) const {
  const Anchor here{Fold(subject[at]), Fold(subject[at + 1])};
  return std::any_of(alternatives_.begin(), alternatives_.end(), [&](const Alternative& part) {
    if (part.anchor != here || at < part.anchor_at) return false;
    const std::size_t begin = at - part.anchor_at;
    const std::size_t size = part.text.size();
    return size <= subject.size() - begin &&
           LowerByte(subject[begin + size - 1]) == LowerByte(part.text.back()) &&
           EqualsIgnoreCase(subject.substr(begin, size), part.text);
  });
}

/// S. Wu and U. Manber, "A fast algorithm for multi-pattern searching" (1994): a long subject is
/// looked at every few bytes only.
void OsMatch::FillSteps() {
  constexpr std::size_t kLongestStep = 255;
  if (least_ == 0) return;
  least_ = std::min(least_, kLongestStep + 1);
  if (least_ > 1) steps_.assign(kSteps, static_cast<std::uint8_t>(least_ - 1));
  for (const Alternative& part : alternatives_) {
    if (!part.IsPart() || part.text.empty()) continue;
    firsts_.set(LowerByte(part.text[0]));
    for (std::size_t i = 1; i < least_; ++i) {
      std::uint8_t& step = steps_[Mixed(&part.text[i - 1])];
      step = std::min(step, static_cast<std::uint8_t>(least_ - 1 - i));
    }
  }
}

bool OsMatch::HoldsAtEdge(const Alternative& alternative, std::string_view subject) {
  const std::string& text = alternative.text;
  if (alternative.at_start && alternative.at_end) return EqualsIgnoreCase(subject, text);
  if (alternative.at_start) return StartsWithLower(subject, text);
  return subject.size() >= text.size() &&
         EqualsIgnoreCase(subject.substr(subject.size() - text.size()), text);
}

/// Parts often begin alike; the byte where the shortest ends tells most of them apart.
bool OsMatch::PartBegins(std::string_view rest) const {
  const std::size_t last = least_ - 1;
  const char byte = AsciiLower(rest[last]);
  return std::any_of(alternatives_.begin(), alternatives_.end(), [&](const Alternative& part) {
    return part.IsPart() && part.text[last] == byte && StartsWithLower(rest, part.text);
  });
}

/// How far ahead of `at` the next place is where the shortest part may end; 0 where a part is found
/// that does so at `at`.
inline std::size_t OsMatch::Step(std::string_view subject, std::size_t at) const {
  const std::size_t step = steps_.empty() ? 0 : steps_[Mixed(&subject[at - 1])];
  if (step > 0) return step;
  const std::size_t begin = at - (least_ - 1);
  return firsts_[LowerByte(subject[begin])] && PartBegins(subject.substr(begin)) ? 0 : 1;
}

bool OsMatch::HasPart(std::string_view subject) const {
  if (any_) return true;
  if (least_ == 0) return false;
  if (subject.size() > kBlock) {
    if (anchors_.size() == 1) return HasAnchoredPart<1>(subject);
    if (anchors_.size() == 2) return HasAnchoredPart<2>(subject);
    if (anchors_.size() == 3) return HasAnchoredPart<3>(subject);
  }
  return HasSteppedPart(subject);
}

/// One pass over the subject for all parts. Both halves at a time: to know a step takes the
/// processor a while, in which it can find out the other.
bool OsMatch::HasSteppedPart(std::string_view subject) const {
  std::size_t first = least_ - 1;
  const std::size_t middle = std::max(subject.size() / 2, first);
  std::size_t second = middle;
  while (first < middle && second < subject.size()) {
    const std::size_t one = Step(subject, first);
    const std::size_t other = Step(subject, second);
    if (one == 0 || other == 0) return true;
    first += one;
    second += other;
  }
  for (auto [at, end] : {std::pair(first, middle), std::pair(second, subject.size())}) {
    while (at < end) {
      const std::size_t step = Step(subject, at);
      if (step == 0) return true;
      at += step;
    }
  }
  return false;
}

bool OsMatch::Matches(std::string_view subject) const {
  const bool held = HasPart(subject) || std::any_of(alternatives_.begin(), alternatives_.end(),
                                                    [&](const Alternative& a) {
                                                      return !a.IsPart() && HoldsAtEdge(a, subject);
                                                    });
  return held != negated_;
}

std::optional<std::vector<std::string>> OsMatch::OnlyTexts() const {
  std::vector<std::string> texts;
  for (const Alternative& a : alternatives_) {
    if (negated_ || !a.at_start || !a.at_end) return {};
    texts.push_back(a.text);
  }
  return texts;
}

std::optional<std::vector<std::string>> OsMatch::OnlyParts() const {
  std::vector<std::string> texts;
  for (const Alternative& a : alternatives_) {
    if (negated_ || !a.IsPart() || a.text.size() < 2) return {};
    texts.push_back(a.text);
  }
  return texts;
}

std::string OsMatch::Dump() const {
  std::string out = negated_ ? "not(" : "";
  for (const Alternative& a : alternatives_) {
    if (&a != &alternatives_.front()) out += '|';
    out += a.at_start && a.at_end ? "equal" : a.at_start ? "prefix" : a.at_end ? "suffix" : "part";
    out += '{' + a.text + '}';
  }
  return negated_ ? out + ')' : out;
}

}  // namespace tld
