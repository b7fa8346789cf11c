// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "audit/event.h"

/// Many conditions look for literals in the same field: names of programs, parts of the command
/// line. They are looked for together, in one pass over an event's values, at the first condition
/// that asks. Neither then costs an event much how many there are.
namespace tld {

/// The literals of one condition, by which it is known whether it holds; 0 for none. Numbers are
/// those of a ruleset.
using LiteralNumber = std::uint32_t;

/// By number: 1 where a value of the event holds one of the literals.
using FoundLiterals = std::vector<char>;

/// What conditions look for in one field. Immutable once it is filled.
class LiteralSet {
 public:
  explicit LiteralSet(FieldName field) : field_(std::move(field)) {}

  /// Takes the literals of one condition, in lower case. Add: they may stand anywhere in a value,
  /// and have at least two bytes. AddWhole: they are the value.
  void Add(const std::vector<std::string>& literals, LiteralNumber number);
  void AddWhole(const std::vector<std::string>& literals, LiteralNumber number);

  /// Without regard to case. REQUIRES: `found` has a place for each number.
  void Find(const Event& event, FoundLiterals& found) const;

 private:
  static constexpr std::size_t kPlaces = 4096;
  struct Literal {
    std::string text;
    LiteralNumber number = 0;
    unsigned char third = 0;  // byte; 0 for none
    std::uint32_t next = 0;   // with the same place; an index into literals_ and one more, or 0
  };

  static std::size_t Place(unsigned char first, unsigned char second);
  void FindWhole(std::string_view value, FoundLiterals& found) const;
  void FindParts(std::string_view value, FoundLiterals& found) const;

  FieldName field_;
  std::vector<Literal> literals_;
  std::unordered_map<std::string, std::vector<LiteralNumber>> whole_;
  std::size_t longest_whole_ = 0;               // bytes
  std::array<std::uint32_t, kPlaces> first_{};  // by the literals' first two bytes; as of next
};

/// The literals that rules need: filled from their conditions, once.
class Literals {
 public:
  /// A condition on a field; the same one gets the same number.
  LiteralNumber Add(const FieldName& field, const std::vector<std::string>& literals, bool whole);

  /// None where there are no literals.
  FoundLiterals Find(const Event& event) const;

 private:
  std::vector<LiteralSet> sets_;
  std::unordered_map<std::string, std::size_t> set_of_;       // by field
  std::unordered_map<std::string, LiteralNumber> number_of_;  // by field, kind and literals
};

/// What of them one event holds. Keeps references to both.
class LiteralHits {
 public:
  LiteralHits(const Literals& literals, const Event& event) : literals_(literals), event_(event) {}

  /// REQUIRES: number is not 0.
  bool Has(LiteralNumber number) {
    if (found_.empty()) found_ = literals_.Find(event_);
    return found_[number] != 0;
  }

 private:
  const Literals& literals_;
  const Event& event_;
  FoundLiterals found_;  // empty before the first question
};

struct Ruleset;

/// Fills Ruleset::literals and Ruleset::needs from the rules' conditions.
void ShareLiterals(Ruleset& ruleset);

}  // namespace tld
