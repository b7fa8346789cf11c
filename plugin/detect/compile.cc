// SPDX-License-Identifier: Apache-2.0
#include "detect/compile.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "audit/own_event.h"
#include "base/text.h"
#include "detect/definition.h"
#include "detect/rule_builder.h"
#include "detect/rule_file.h"
#include "detect/share_literals.h"

namespace tld {
namespace {

/// Level 0 first, then by descending level, accuracy="0" last; an overwrite does not change it.
struct SiblingOrder {
  bool last = false;
  int level = 0;

  int Rank() const { return last ? 100 : level == 0 ? -1 : 16 - level; }
};

/// Puts the rules of all files into one tree.
class RulesetBuilder {
 public:
  RulesetBuilder(const ListDirectories& lists, Diagnostics& diagnostics)
      : lists_(lists, diagnostics), diagnostics_(diagnostics) {}

  void Add(RuleDefinition definition) {
    if (definition.faulty) {
      Skip(definition);
      return;
    }
    const auto known = index_.find(definition.id);
    if (known != index_.end() && definition.overwrite) {
      Overwrite(std::move(definition), known->second);
      return;
    }
    if (known != index_.end()) {
      Warn(definition, definition.at, "duplicate-id",
           "this id is taken by the rule at " + PlaceOf(known->second) + "; this one is skipped");
      ++skipped_;
      return;
    }
    if (definition.overwrite) {
      const bool comes = expected_in_.contains(definition.id);
      Warn(definition, definition.at, "overwrite-unknown",
           comes ? "the rule to overwrite" + Missing(definition.id, definition) +
                       "; this is loaded as a new one, and takes its id"
                 : "there is no rule of this id to overwrite; it is loaded as a new one");
    }
    if (!CheckCompositeOptions(definition)) {
      Skip(definition);
      return;
    }
    const auto parents = FindParents(definition);
    const bool linked = parents && MatchedIsThere(definition);
    std::optional<Rule> rule;
    if (linked) rule = BuildRule(definition, lists_, ruleset_.compared_fields, diagnostics_);
    if (!rule) {
      Skip(definition);
      return;
    }
    Insert(std::move(definition), *std::move(rule), *parents);
  }

  /// Before the first Add, of each: one that comes too late can then be named.
  void Expect(const RuleDefinition& definition) {
    if (!definition.overwrite) expected_in_.try_emplace(definition.id, definition.source);
  }

  CompiledRules Finish() {
    const auto by_rank = [&](std::size_t a, std::size_t b) {
      return order_[a].Rank() < order_[b].Rank();
    };
    const auto sort = [&](Siblings& siblings) {
      std::stable_sort(siblings.rules.begin(), siblings.rules.end(), by_rank);
    };
    sort(ruleset_.roots);
    sort(ruleset_.own_roots);
    for (Rule& rule : ruleset_.rules) sort(rule.children);
    ruleset_.lists = std::move(lists_.lists);
    LinkComposites();
    ShareLiterals(ruleset_);
    return {std::move(ruleset_), std::move(definitions_), std::move(lists_.stale), skipped_};
  }

 private:
  void Warn(const RuleDefinition& d, Offset at, std::string_view code, std::string message) {
    diagnostics_.Add(*d.source, at, {Severity::kWarning, code, std::move(message), d.id});
  }

  void Skip(const RuleDefinition& definition) {
    ++skipped_;
    if (!definition.id.empty()) skipped_ids_.insert(definition.id);
  }

  /// Why there is no such rule, yet.
  std::string Missing(std::string_view id, const RuleDefinition& user) const {
    const auto found = expected_in_.find(std::string(id));
    if (found == expected_in_.end()) return " is not loaded before this";
    if (found->second == user.source) return " stands below this";
    return " is loaded later, from " + std::string(BaseName(found->second->path)) +
           ": files are read in the order of their names";
  }

  std::string PlaceOf(std::size_t rule) const {
    const RuleDefinition& d = definitions_[rule];
    return d.source->path + ':' + std::to_string(d.source->LineOf(d.at));
  }

  void Insert(RuleDefinition definition, Rule rule, const std::vector<std::size_t>& parents) {
    const std::size_t at = ruleset_.rules.size();
    index_[definition.id] = at;
    order_.push_back({definition.last_of_siblings, definition.level});
    links_.push_back(LinkText(definition));
    matched_.push_back(MatchedOf(definition));
    ruleset_.rules.push_back(std::move(rule));
    const bool own_root =
        parents.empty() && (definition.id == kIdentityRoot || definition.id == kHealthRoot);
    if (parents.empty()) (own_root ? ruleset_.own_roots : ruleset_.roots).rules.push_back(at);
    own_.push_back(own_root || std::any_of(parents.begin(), parents.end(),
                                           [&](std::size_t parent) { return own_[parent]; }));
    for (const std::size_t parent : parents) ruleset_.rules[parent].children.rules.push_back(at);
    definitions_.push_back(std::move(definition));
  }

  void Overwrite(RuleDefinition definition, std::size_t at) {
    const std::string links = LinkText(definition);
    if (!links.empty() && links != links_[at]) {
      Warn(definition, definition.at, "overwrite-links",
           "an overwrite keeps the place of the rule it replaces; its own links are ignored");
    }
    const bool warned_of = definition.is_composite();
    KeepLinks(definitions_[at], definition);
    std::optional<Rule> rule;
    if (warned_of || CheckCompositeOptions(definition)) {
      rule = BuildRule(definition, lists_, ruleset_.compared_fields, diagnostics_);
    }
    if (!rule) {
      ++skipped_;
      return;
    }
    rule->children = std::move(ruleset_.rules[at].children);
    ruleset_.rules[at] = *std::move(rule);
    definitions_[at] = std::move(definition);
  }

  /// What a composite counts is one of its links; that it is one as well.
  static void KeepLinks(const RuleDefinition& before, RuleDefinition& now) {
    const auto keep = [&](std::optional<Placed> RuleDefinition::*link) {
      now.*link = before.*link;
      // It may stand in another file; what is told of it is told of the overwrite.
      if (now.*link) (now.*link)->at = now.at;
    };
    keep(&RuleDefinition::if_matched_sid);
    keep(&RuleDefinition::if_matched_group);
    keep(&RuleDefinition::if_matched_regex);
  }

  bool CheckCompositeOptions(const RuleDefinition& d) {
    if (d.is_composite() || !d.composite_only) return true;
    diagnostics_.Add(*d.source, d.composite_only->at,
                     {Severity::kError, "no-if-matched",
                      '<' + d.composite_only->text +
                          "> needs an <if_matched_sid>, <if_matched_group> or <if_matched_regex>",
                      d.id});
    return false;
  }

  /// What the `if_matched_…` of a rule name.
  struct Matched {
    std::optional<std::string> rule;
    std::optional<OsMatch> groups;
  };

  static Matched MatchedOf(const RuleDefinition& d) {
    Matched matched;
    if (d.if_matched_sid) matched.rule = d.if_matched_sid->text;
    if (d.if_matched_group) matched.groups = OsMatch(Trim(d.if_matched_group->text));
    return matched;
  }

  /// Says, for each rule, which composites count its answers: those of rules that were loaded
  /// later, too.
  void LinkComposites() {
    for (std::size_t at = 0; at < ruleset_.rules.size(); ++at) {
      if (!ruleset_.rules[at].composite) continue;
      const std::size_t place = ruleset_.composites.size();
      ruleset_.composites.push_back(at);
      ruleset_.rules[at].composite->place = place;
      const Matched& matched = matched_[at];
      ruleset_.rules[at].composite->own_events = own_[at] || matched.rule;
      for (Rule& rule : ruleset_.rules) {
        const bool counts = rule.level > 0 && (!matched.rule || *matched.rule == rule.id) &&
                            (!matched.groups || matched.groups->Matches(rule.group_string));
        if (counts) rule.counted_by.push_back(place);
      }
    }
  }

  /// The rule that an `if_matched_sid` names must be loaded, even when the links are others.
  bool MatchedIsThere(const RuleDefinition& d) {
    if (d.if_matched_group && Trim(d.if_matched_group->text).empty()) {
      Warn(d, d.if_matched_group->at, "empty-link", "the link is empty; the rule is skipped");
      return false;
    }
    if (!d.if_matched_sid || index_.contains(d.if_matched_sid->text)) return true;
    Warn(d, d.if_matched_sid->at, "missing-parent",
         "rule '" + d.if_matched_sid->text + '\'' + Missing(d.if_matched_sid->text, d) +
             "; the rule is skipped");
    return false;
  }

  static std::string LinkText(const RuleDefinition& d) {
    std::string text;
    for (const auto* links : {&d.if_sid, &d.if_group, &d.if_level}) {
      // Blanks, commas and separate elements are ways to write the same.
      for (const Placed& link : *links) {
        for (const std::string_view word : SplitWords(link.text, ", \t\r\n")) {
          (text += word) += '\n';
        }
      }
      if (!links->empty()) text += '\n';
    }
    for (const auto* link : {&d.if_matched_sid, &d.if_matched_group, &d.if_matched_regex}) {
      if (*link) text += Trim((*link)->text), text += '\n';
    }
    return text;
  }

  /// The parents' indexes, each once; none at all for a root; nothing when a link leads nowhere.
  std::optional<std::vector<std::size_t>> FindParents(const RuleDefinition& d) {
    const bool linked = !d.if_sid.empty() || !d.if_group.empty() || !d.if_level.empty();
    std::vector<std::size_t> parents;
    bool good = true;
    missing_.clear();
    for (const Placed& link : d.if_sid) good = AddById(d, link, parents) && good;
    for (const Placed& link : d.if_group) good = AddByGroup(d, link, parents) && good;
    for (const Placed& link : d.if_level) good = AddByLevel(d, link, parents) && good;
    const bool lost = linked && parents.empty();
    for (const Placed& missing : missing_) {
      Warn(d, missing.at, "missing-parent",
           "rule '" + missing.text + '\'' + Missing(missing.text, d) +
               (lost ? "; the rule is skipped" : ""));
    }
    if (!good || (lost && !missing_.empty())) return {};
    if (lost) {
      const Placed& first = !d.if_sid.empty()     ? d.if_sid.front()
                            : !d.if_group.empty() ? d.if_group.front()
                                                  : d.if_level.front();
      Warn(d, first.at, "no-parent", "none of its parents is there; the rule is skipped");
      return {};
    }
    std::sort(parents.begin(), parents.end());
    parents.erase(std::unique(parents.begin(), parents.end()), parents.end());
    return parents;
  }

  /// False, as the next two, when the link itself is no good; that is told.
  bool AddById(const RuleDefinition& d, const Placed& link, std::vector<std::size_t>& parents) {
    const std::vector<std::string_view> words = SplitWords(link.text, ", \t\r\n");
    if (words.empty()) return EmptyLink(d, link);
    for (const std::string_view word : words) {
      const auto number = ParseNumber(word);
      const auto found = number ? index_.find(std::to_string(*number)) : index_.end();
      if (found != index_.end()) {
        parents.push_back(found->second);
        continue;
      }
      // One fault is told once, not at each rule below it.
      if (number && skipped_ids_.contains(std::to_string(*number))) continue;
      const auto at = static_cast<std::size_t>(word.data() - link.text.data());
      missing_.push_back({std::string(word), Offset{link.at.bytes + at}});
    }
    return true;
  }

  bool EmptyLink(const RuleDefinition& d, const Placed& link) {
    Warn(d, link.at, "empty-link", "the link is empty; the rule is skipped");
    return false;
  }

  /// Every rule whose group string contains one of the texts, or begins with it after `^`.
  bool AddByGroup(const RuleDefinition& d, const Placed& link, std::vector<std::size_t>& parents) {
    const std::string_view text = Trim(link.text);
    if (text.empty()) return EmptyLink(d, link);
    const OsMatch names(text);
    for (std::size_t i = 0; i < ruleset_.rules.size(); ++i) {
      if (!own_[i] && names.Matches(ruleset_.rules[i].group_string)) parents.push_back(i);
    }
    return true;
  }

  bool AddByLevel(const RuleDefinition& d, const Placed& link, std::vector<std::size_t>& parents) {
    const auto level = ParseNumber(Trim(link.text));
    if (!level || *level < 1 || *level > 16) {
      Warn(d, link.at, "bad-level", "<if_level> takes a level from 1 to 16; the rule is skipped");
      return false;
    }
    for (std::size_t i = 0; i < ruleset_.rules.size(); ++i) {
      const int level_of = ruleset_.rules[i].level;
      if (!own_[i] && level_of > 0 && level_of >= static_cast<int>(*level)) parents.push_back(i);
    }
    return true;
  }

  ListTable lists_;
  Diagnostics& diagnostics_;
  Ruleset ruleset_;
  std::unordered_map<std::string, std::size_t> index_;
  std::unordered_set<std::string> skipped_ids_;
  std::vector<Placed> missing_;                                     // parents of the rule at hand
  std::unordered_map<std::string, const SourceText*> expected_in_;  // by id
  std::vector<RuleDefinition> definitions_;                         // by index; the ones in force
  std::vector<SiblingOrder> order_;                                 // by index
  std::vector<std::string> links_;                                  // by index
  std::vector<Matched> matched_;                                    // by index
  std::vector<bool> own_;  // by index: below a root for events of ours
  std::size_t skipped_ = 0;
};

}  // namespace

CompiledRules CompileRules(const std::vector<SourceText>& files, const ListDirectories& lists,
                           Diagnostics& diagnostics) {
  RulesetBuilder builder(lists, diagnostics);
  std::vector<RuleDefinition> definitions;
  for (const SourceText& file : files) {
    for (RuleDefinition& definition : ReadDefinitions(file, diagnostics)) {
      builder.Expect(definition);
      definitions.push_back(std::move(definition));
    }
  }
  for (RuleDefinition& definition : definitions) builder.Add(std::move(definition));
  return builder.Finish();
}

}  // namespace tld
