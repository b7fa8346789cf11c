// SPDX-License-Identifier: Apache-2.0
#include "detect/share_literals.h"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace tld {
namespace {

/// With fewer conditions on a field, to look for each by itself costs less.
constexpr std::size_t kFewConditions = 4;

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
  ruleset.literals.Build();
  for (Siblings* roots : {&ruleset.roots, &ruleset.own_roots}) FillNeeds(*roots, ruleset.needs);
  for (Rule& rule : ruleset.rules) FillNeeds(rule.children, ruleset.needs);
}

void FillNeeds(Siblings& siblings, const std::vector<LiteralNumber>& needs) {
  const std::vector<std::size_t>& rules = siblings.rules;
  if (rules.size() <= Siblings::kFew) return;
  siblings.needs.reserve(rules.size());
  for (std::size_t place = 0; place < rules.size(); ++place) {
    siblings.needs.push_back({needs[rules[place]], static_cast<std::uint32_t>(place)});
  }
  std::sort(siblings.needs.begin(), siblings.needs.end());
}

}  // namespace tld
