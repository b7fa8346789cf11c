// SPDX-License-Identifier: Apache-2.0
// LintTree of lint.h.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "detect/engine.h"
#include "detect/lint.h"

namespace tld {
namespace {

constexpr std::size_t kNamedParents = 3;

bool IsNegated(ListLookup lookup) {
  return lookup == ListLookup::kNotMatchKey || lookup == ListLookup::kNotAddressMatchKey;
}

/// Whether one condition holds wherever another does. "No" may be wrong, "yes" is not, but for the
/// case of letters in list keys.
class Implication {
 public:
  explicit Implication(const Ruleset& ruleset) : ruleset_(ruleset) {}

  bool Follows(const Condition& condition, const Condition& from) {
    return condition == from || FromTexts(condition, from) || FromKey(condition, from);
  }

 private:
  /// `from` is a field with known values, and the condition holds on each.
  bool FromTexts(const Condition& condition, const Condition& from) {
    const auto* known = std::get_if<FieldCondition>(&from);
    const FieldName* field = FieldOf(condition);
    if (known == nullptr || known->negate || field == nullptr || *field != known->field) {
      return false;
    }
    const auto texts = known->pattern.OnlyTexts();
    return texts && std::all_of(texts->begin(), texts->end(),
                                [&](const std::string& text) { return HoldsOn(condition, text); });
  }

  bool HoldsOn(const Condition& condition, std::string_view text) {
    if (const auto* field = std::get_if<FieldCondition>(&condition)) {
      // Letter case counts in pcre2, and the text is one of several that differ in it.
      return !field->negate && field->pattern.kind() != PatternKind::kPcre2 &&
             field->pattern.Matches(text, scratch_);
    }
    const auto& list = std::get<ListCondition>(condition);
    return !IsNegated(list.lookup) && ListHolds(list, ruleset_.lists[list.list], text);
  }

  /// A key with a value is a key.
  static bool FromKey(const Condition& condition, const Condition& from) {
    const auto* key = std::get_if<ListCondition>(&condition);
    const auto* value = std::get_if<ListCondition>(&from);
    if (key == nullptr || value == nullptr || key->list != value->list) return false;
    return key->field == value->field && key->lookup == ListLookup::kMatchKey &&
           value->lookup == ListLookup::kMatchKeyValue;
  }

  const Ruleset& ruleset_;
  MatchScratch scratch_;
};

class TreeLint {
 public:
  TreeLint(const LintedRules& rules, Diagnostics& diagnostics)
      : rules_(rules),
        diagnostics_(diagnostics),
        implication_(rules.ruleset),
        places_(rules.ruleset.rules.size()),
        shadowed_(rules.ruleset.rules.size()),
        shadow_(rules.ruleset.rules.size()) {}

  void Run() {
    Compare(rules_.ruleset.roots.rules, {});
    Compare(rules_.ruleset.own_roots.rules, {});
    for (const Rule& rule : rules_.ruleset.rules) Compare(rule.children.rules, rule.conditions);
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (shadowed_[i] != 0 && shadowed_[i] == places_[i]) TellShadow(i);
    }
    for (std::size_t i = 0; i < rules_.definitions.size(); ++i) LintGroups(i);
    LintComposites();
  }

 private:
  const Rule& RuleAt(std::size_t i) const { return rules_.ruleset.rules[i]; }

  /// Looks, for each sibling, for one before it that takes all its events. What the parent asks
  /// for is known of all.
  void Compare(const std::vector<std::size_t>& siblings, const std::vector<Condition>& known) {
    for (std::size_t later = 0; later < siblings.size(); ++later) {
      const std::size_t rule = siblings[later];
      ++places_[rule];
      for (std::size_t before = 0; before < later; ++before) {
        if (!TakesAll(RuleAt(siblings[before]), RuleAt(rule), known)) continue;
        ++shadowed_[rule];
        shadow_[rule] = siblings[before];
        break;
      }
    }
  }

  bool TakesAll(const Rule& taker, const Rule& rule, const std::vector<Condition>& known) {
    if (taker.gate || taker.composite || taker.least_log_bytes > rule.least_log_bytes) return false;
    const auto follows = [&](const Condition& condition, const std::vector<Condition>& from) {
      return std::any_of(from.begin(), from.end(), [&](const Condition& other) {
        return implication_.Follows(condition, other);
      });
    };
    return std::all_of(taker.conditions.begin(), taker.conditions.end(),
                       [&](const Condition& condition) {
                         return !std::holds_alternative<NeverCondition>(condition) &&
                                (follows(condition, rule.conditions) || follows(condition, known));
                       });
  }

  void TellShadow(std::size_t i) {
    const Rule& taker = RuleAt(shadow_[i]);
    const RuleDefinition& by = rules_.definitions[shadow_[i]];
    Tell(rules_.definitions[i], rules_.definitions[i].at, "shadowed",
         "this rule can never fire: rule " + taker.id + " (level " + std::to_string(taker.level) +
             ", " + by.source->path + ':' + std::to_string(by.source->LineOf(by.at)) +
             ") is tried before it and takes all its events");
  }

  /// An `if_group` looks into the whole text of the groups, not at their names.
  void LintGroups(std::size_t rule) {
    const RuleDefinition& d = rules_.definitions[rule];
    for (const Placed& link : d.if_group) {
      const OsMatch pattern(Trim(link.text));
      std::vector<std::size_t> surprising;
      for (std::size_t parent = 0; parent < rule; ++parent) {
        const Rule& above = RuleAt(parent);
        if (pattern.Matches(above.group_string) && !IsNamed(Trim(link.text), above.groups)) {
          surprising.push_back(parent);
        }
      }
      if (!surprising.empty()) TellGroups(d, link, surprising);
    }
  }

  /// True when an alternative is the name of one of the groups, or a prefix on purpose.
  static bool IsNamed(std::string_view pattern, const std::vector<std::string>& groups) {
    if (pattern.starts_with('!')) return true;
    for (const std::string_view alternative : SplitWords(pattern, "|")) {
      if (alternative.starts_with('^')) return true;
      const std::string_view name = Trim(alternative, ", $");
      for (const std::string& group : groups) {
        if (EqualsIgnoreCase(group, name)) return true;
      }
    }
    return false;
  }

  void TellGroups(const RuleDefinition& d, const Placed& link,
                  const std::vector<std::size_t>& surprising) {
    std::string names;
    for (std::size_t i = 0; i < std::min(surprising.size(), kNamedParents); ++i) {
      const Rule& above = RuleAt(surprising[i]);
      names += (i == 0 ? "" : ", ") + above.id + " (groups '" + above.group_string + "')";
    }
    if (surprising.size() > kNamedParents) names += " and others";
    Tell(d, link.at, "surprising-parent",
         "'" + std::string(Trim(link.text)) +
             "' is part of the group text, but no group's name, of rule " + names);
  }

  /// A composite counts answers, and what is never an answer feeds none.
  void LintComposites() {
    std::vector<bool> fed(rules_.ruleset.composites.size());
    for (const Rule& rule : rules_.ruleset.rules) {
      for (const std::size_t place : rule.counted_by) fed[place] = fed[place] || !rule.gate;
    }
    for (std::size_t place = 0; place < fed.size(); ++place) {
      const RuleDefinition& d = rules_.definitions[rules_.ruleset.composites[place]];
      if (fed[place] || d.level == 0) continue;
      Tell(d, d.at, "never-true",
           "this rule counts nothing: no rule that it names answers at a level above 0");
    }
  }

  void Tell(const RuleDefinition& d, Offset at, std::string_view code, std::string message) {
    diagnostics_.Add(*d.source, at, {Severity::kLint, code, std::move(message), d.id});
  }

  const LintedRules& rules_;
  Diagnostics& diagnostics_;
  Implication implication_;
  std::vector<std::size_t> places_;    // of each rule in the tree
  std::vector<std::size_t> shadowed_;  // how many of them are shadowed
  std::vector<std::size_t> shadow_;    // by which rule
};

}  // namespace

void LintTree(const LintedRules& rules, Diagnostics& diagnostics) {
  TreeLint(rules, diagnostics).Run();
}

}  // namespace tld
