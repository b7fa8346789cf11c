// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tld {

/// Alternatives of literals, ASCII letters without regard to case.
class OsMatch {
 public:
  explicit OsMatch(std::string_view pattern);
  /// Looks for any of these anywhere, as OnlyParts gives them.
  static OsMatch OfParts(std::vector<std::string> parts);

  bool Matches(std::string_view subject) const;
  const std::string& text() const { return text_; }  ///< as written
  bool operator==(const OsMatch& other) const { return text_ == other.text_; }
  /// All texts that it matches, in lower case, when they are few and known: `^a$|^b$`.
  std::optional<std::vector<std::string>> OnlyTexts() const;
  /// The texts that it looks for anywhere, in lower case, when it does nothing else and each has
  /// two bytes at least.
  std::optional<std::vector<std::string>> OnlyParts() const;
  /// The parsed form: `not(prefix{a}|suffix{b}|equal{c}|part{d})`.
  std::string Dump() const;

 private:
  /// Two bytes that stand side by side in a part, folded so that cases are alike.
  struct Anchor {
    unsigned char first = 0;
    unsigned char second = 0;

    bool operator==(const Anchor&) const = default;
  };
  struct Alternative {
    std::string text;  // lower case
    bool at_start = false;
    bool at_end = false;
    Anchor anchor{};            // of a part
    std::size_t anchor_at = 0;  // in the text

    bool IsPart() const { return !at_start && !at_end; }
  };
  OsMatch() = default;
  void Add(Alternative alternative);
  static bool HoldsAtEdge(const Alternative& alternative, std::string_view subject);
  void FillAnchors();
  template <std::size_t N>
  bool HasAnchoredPart(std::string_view subject) const;
  bool PartIsAnchored(std::string_view subject, std::size_t at) const;
  void FillSteps();
  std::size_t Step(std::string_view subject, std::size_t at) const;
  bool HasSteppedPart(std::string_view subject) const;
  bool HasPart(std::string_view subject) const;
  bool PartBegins(std::string_view rest) const;

  std::string text_;
  std::vector<Alternative> alternatives_;
  std::size_t least_ = 0;        // bytes of the shortest part; 0 where there are no parts
  std::vector<Anchor> anchors_;  // for long subjects; empty where a few do not do for all parts
  /// By two bytes, mixed, that end where the shortest part would: how far ahead the next place is
  /// where a part may end so. Empty where that one has a single byte.
  std::vector<std::uint8_t> steps_;
  std::bitset<256> firsts_;  // the bytes that parts begin with, in lower case
  bool any_ = false;         // a part is empty
  bool negated_ = false;
};

/// How common two bytes are in command lines, roughly: what is known by rare ones is seldom looked
/// for in vain.
std::size_t Commonness(std::string_view two);

}  // namespace tld
