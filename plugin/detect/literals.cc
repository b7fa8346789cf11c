// SPDX-License-Identifier: Apache-2.0
#include "detect/literals.h"

#include <algorithm>
#include <optional>
#include <variant>

#include "base/text.h"
#include "detect/ruleset.h"

namespace tld {
namespace {

/// With fewer conditions on a field, to look for each by itself costs less.
constexpr std::size_t kFewConditions = 4;

constexpr unsigned char kNoByte = 0;

constexpr auto kLower = [] {
  std::array<unsigned char, 256> lower{};
  for (std::size_t i = 0; i < lower.size(); ++i) {
    lower[i] = static_cast<unsigned char>(AsciiLower(static_cast<char>(i)));
  }
  return lower;
}();

/// What a condition looks for, when that is literals alone.
struct Sought {
  std::vector<std::string> literals;
  bool whole = false;
};

std::optional<Sought> SoughtBy(const Pattern& pattern) {
  if (pattern.kind() == PatternKind::kPcre2) return {};  // has regard to case
  if (auto parts = pattern.OnlyParts()) return Sought{*std::move(parts), false};
  if (auto texts = pattern.OnlyTexts()) return Sought{*std::move(texts), true};
  return {};
}

template <class Callback>
void ForEachSought(Ruleset& ruleset, Callback&& callback) {
  for (std::size_t rule = 0; rule < ruleset.rules.size(); ++rule) {
    for (Condition& condition : ruleset.rules[rule].conditions) {
      auto* field = std::get_if<FieldCondition>(&condition);
      if (field == nullptr) continue;
      if (const auto sought = SoughtBy(field->pattern)) callback(rule, *field, *sought);
    }
  }
}

}  // namespace

std::size_t LiteralSet::Place(unsigned char first, unsigned char second) {
  return (static_cast<std::size_t>(first) << 4 ^ second) % kPlaces;
}

void LiteralSet::Add(const std::vector<std::string>& literals, LiteralNumber number) {
  for (const std::string& text : literals) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    std::uint32_t& first = first_[Place(byte(0), byte(1))];
    literals_.push_back({text, number, text.size() > 2 ? byte(2) : kNoByte, first});
    first = static_cast<std::uint32_t>(literals_.size());
  }
}

void LiteralSet::AddWhole(const std::vector<std::string>& literals, LiteralNumber number) {
  for (const std::string& text : literals) {
    whole_[text].push_back(number);
    longest_whole_ = std::max(longest_whole_, text.size());
  }
}

void LiteralSet::Find(const Event& event, FoundLiterals& found) const {
  event.Any(field_, [&](std::string_view value) {
    if (!whole_.empty()) FindWhole(value, found);
    if (!literals_.empty()) FindParts(value, found);
    return false;
  });
}

void LiteralSet::FindWhole(std::string_view value, FoundLiterals& found) const {
  if (value.size() > longest_whole_) return;
  std::string lower(value);
  std::transform(lower.begin(), lower.end(), lower.begin(), AsciiLower);
  const auto numbers = whole_.find(lower);
  if (numbers == whole_.end()) return;
  for (const LiteralNumber number : numbers->second) found[number] = 1;
}

void LiteralSet::FindParts(std::string_view value, FoundLiterals& found) const {
  if (value.size() < 2) return;
  const auto byte = [&](std::size_t i) { return kLower[static_cast<unsigned char>(value[i])]; };
  unsigned char first = 0;
  unsigned char second = byte(0);
  unsigned char third = byte(1);
  for (std::size_t i = 0; i + 1 < value.size(); ++i) {
    first = second;
    second = third;
    third = i + 2 < value.size() ? byte(i + 2) : kNoByte;
    for (std::uint32_t at = first_[Place(first, second)]; at != 0;) {
      const Literal& literal = literals_[at - 1];
      at = literal.next;
      if (literal.third != third && literal.third != kNoByte) continue;
      if (found[literal.number] != 0) continue;
      found[literal.number] = EqualsIgnoreCase(value.substr(i, literal.text.size()), literal.text);
    }
  }
}

LiteralNumber Literals::Add(const FieldName& field, const std::vector<std::string>& literals,
                            bool whole) {
  std::string key = field.text() + (whole ? '=' : '~');
  for (const std::string& text : literals) (key += text) += '|';  // no literal holds one
  const auto next = static_cast<LiteralNumber>(number_of_.size() + 1);
  const auto [number, is_new] = number_of_.try_emplace(std::move(key), next);
  if (!is_new) return number->second;
  const auto [set, first] = set_of_.try_emplace(field.text(), sets_.size());
  if (first) sets_.emplace_back(field);
  if (whole) {
    sets_[set->second].AddWhole(literals, next);
  } else {
    sets_[set->second].Add(literals, next);
  }
  return next;
}

FoundLiterals Literals::Find(const Event& event) const {
  FoundLiterals found(number_of_.size() + 1);
  for (const LiteralSet& set : sets_) set.Find(event, found);
  return found;
}

void ShareLiterals(Ruleset& ruleset) {
  std::unordered_map<std::string, std::size_t> uses;  // by field
  ForEachSought(ruleset, [&](std::size_t, const FieldCondition& condition, const Sought&) {
    ++uses[condition.field.text()];
  });
  ruleset.needs.resize(ruleset.rules.size());
  ForEachSought(ruleset, [&](std::size_t rule, FieldCondition& condition, const Sought& sought) {
    if (uses[condition.field.text()] < kFewConditions) return;
    condition.literals = ruleset.literals.Add(condition.field, sought.literals, sought.whole);
    if (!condition.negate) ruleset.needs[rule] = condition.literals;
  });
}

}  // namespace tld
