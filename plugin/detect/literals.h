// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory_resource>
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

/// By number: 1 where a value of the event holds one of the literals, and for 0.
using FoundLiterals = std::pmr::vector<char>;

/// What conditions look for in one field. To be filled, then built, then only searched.
///
/// A part is known by four of its bytes, those that the fewest others have: a hundred options that
/// begin in the same way are told apart all the same. Shorter ones are known by their first two.
class LiteralSet {
 public:
  explicit LiteralSet(FieldName field) : field_(std::move(field)) {}

  /// Takes the literals of one condition, in lower case. Add: they may stand anywhere in a value,
  /// and have at least two bytes. AddWhole: they are the value.
  void Add(const std::vector<std::string>& literals, LiteralNumber number);
  void AddWhole(const std::vector<std::string>& literals, LiteralNumber number);

  void Build();

  /// Without regard to case. REQUIRES: `found` has a place for each number.
  void Find(const Event& event, FoundLiterals& found) const;

 private:
  static constexpr std::size_t kShortPlaces = 4096;
  static constexpr std::size_t kBegins = 8192;  // so that the cache holds them
  struct Literal {
    std::string text;
    LiteralNumber number = 0;
    std::size_t known_at = 0;  // where the bytes stand by which it is known
    std::uint32_t next = 0;    // of the same place; an index into literals_ and one more, or 0
  };

  std::size_t Place(std::uint32_t four) const;
  static std::size_t ShortPlace(std::uint32_t two);
  static std::size_t Begin(std::string_view text, std::size_t at);
  void SetBegins(std::string_view two);
  void Look(std::uint32_t at, std::string_view value, std::size_t known,
            FoundLiterals& found) const;
  void FindWhole(std::string_view value, FoundLiterals& found) const;
  void FindParts(std::string_view value, FoundLiterals& found) const;
  void LookAt(std::string_view value, std::size_t at, FoundLiterals& found) const;

  FieldName field_;
  std::vector<Literal> literals_;
  std::unordered_map<std::string, std::vector<LiteralNumber>> whole_;
  std::size_t longest_whole_ = 0;  // bytes
  // By the first two of the bytes by which a literal is known, in either case: 1. Of kBegins, or
  // empty where there are no parts.
  std::vector<char> begins_;
  // By place, the first literal; as of next.
  std::vector<std::uint32_t> first_;
  std::vector<std::uint32_t> first_short_;
  int shift_ = 0;
};

/// The literals that rules need: filled from their conditions, once.
class Literals {
 public:
  /// A condition on a field; the same one gets the same number.
  LiteralNumber Add(const FieldName& field, const std::vector<std::string>& literals, bool whole);

  /// After the last Add.
  void Build();

  /// After Build. What it returns lives in `memory`.
  FoundLiterals Find(const Event& event,
                     std::pmr::memory_resource* memory = std::pmr::get_default_resource()) const;

 private:
  std::vector<LiteralSet> sets_;
  std::unordered_map<std::string, std::size_t> set_of_;       // by field
  std::unordered_map<std::string, LiteralNumber> number_of_;  // by field, kind and literals
};

/// What of them one event holds. Keeps references to both, and has what it finds in `memory`.
class LiteralHits {
 public:
  LiteralHits(const Literals& literals, const Event& event, std::pmr::memory_resource* memory)
      : literals_(literals), event_(event), found_(memory), numbers_(memory) {}

  const FoundLiterals& Found() {
    if (found_.empty()) found_ = literals_.Find(event_, found_.get_allocator().resource());
    return found_;
  }
  /// The numbers of those that were found, and 0; in order.
  const std::pmr::vector<LiteralNumber>& Numbers();

 private:
  const Literals& literals_;
  const Event& event_;
  FoundLiterals found_;                      // empty before the first question
  std::pmr::vector<LiteralNumber> numbers_;  // as of Found
};

}  // namespace tld
