// SPDX-License-Identifier: Apache-2.0
#include "detect/compile.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/text.h"
#include "detect/definition.h"
#include "detect/rule_file.h"

namespace tld {
namespace {

/// Level 0 first, then by descending level, accuracy="0" last; an overwrite does not change it.
struct SiblingOrder {
  bool last = false;
  int level = 0;

  int Rank() const { return last ? 100 : level == 0 ? -1 : 16 - level; }
};

std::vector<std::string> GroupNames(std::string_view groups) {
  std::vector<std::string> names;
  for (const std::string_view name : SplitWords(groups, ",")) {
    if (const auto trimmed = Trim(name); !trimmed.empty()) names.emplace_back(trimmed);
  }
  return names;
}

/// Opens each list once.
class ListTable {
 public:
  ListTable(const ListDirectories& where, Diagnostics& diagnostics)
      : where_(where), diagnostics_(diagnostics) {}

  Result<std::size_t> Open(std::string_view path) {
    const auto name = ListName(path);
    if (!name) return Error{"this names no list"};
    if (const auto found = index_.find(*name); found != index_.end()) return found->second;
    Result<OpenedList> opened = OpenList(where_, *name, diagnostics_);
    if (!opened) return opened.error();
    if (opened->stale) stale.push_back(*name);
    lists.push_back(std::move(opened->list));
    return index_[*name] = lists.size() - 1;
  }

  std::vector<List> lists;
  std::vector<std::string> stale;

 private:
  const ListDirectories& where_;
  Diagnostics& diagnostics_;
  std::unordered_map<std::string, std::size_t> index_;
};

/// Compiles the conditions and texts of one definition. What is wrong is told and makes it fail.
class RuleBuilder {
 public:
  RuleBuilder(const RuleDefinition& definition, ListTable& lists, Diagnostics& diagnostics)
      : definition_(definition), lists_(lists), diagnostics_(diagnostics) {}

  std::optional<Rule> Build() {
    const RuleDefinition& d = definition_;
    rule_.id = d.id;
    rule_.level = d.level;
    rule_.least_log_bytes = d.maxsize;
    rule_.gate = d.noalert;
    rule_.log = !d.no_log;
    rule_.full_log = !d.no_full_log;
    rule_.mail = d.mail || d.level >= kMailLevel;
    rule_.groups = GroupNames(d.groups);
    rule_.mitre = d.mitre;
    rule_.info = d.info;
    rule_.cve = d.cve;
    if (d.description) rule_.description = ParseDescription(d.description->text);
    AddConditions();
    if (failed_) return {};
    return std::move(rule_);
  }

 private:
  static constexpr int kMailLevel = 12;  // the manager's default email_alert_level

  void Fail(Offset at, std::string_view code, std::string message) {
    failed_ = true;
    diagnostics_.Add(*definition_.source, at,
                     {Severity::kError, code, std::move(message), definition_.id});
  }

  std::optional<Pattern> Compile(const PatternDefinition& definition) {
    Result<Pattern> pattern = Pattern::Compile(definition.kind, definition.pattern.text);
    if (pattern) return *std::move(pattern);
    Fail(Within(definition.pattern, pattern.error().at), "bad-pattern",
         "the pattern does not compile: " + pattern.message());
    return {};
  }

  /// The place of a byte of a text; the text's start where entities or variables have moved it.
  Offset Within(const Placed& placed, std::size_t at) const {
    const std::string_view written = definition_.source->text;
    const bool as_written = written.substr(std::min(placed.at.bytes, written.size()))
                                .starts_with(std::string_view(placed.text).substr(0, at));
    return Offset{placed.at.bytes + (as_written ? at : 0)};
  }

  void AddConditions() {
    const RuleDefinition& d = definition_;
    if (d.never || d.other_decoder) rule_.conditions.emplace_back(NeverCondition{});
    for (const PatternDefinition& pattern : d.never_set) static_cast<void>(Compile(pattern));
    for (const FieldDefinition& field : d.fields) {
      if (auto pattern = Compile(field.pattern)) {
        rule_.conditions.emplace_back(
            FieldCondition{FieldName(field.name), *std::move(pattern), field.pattern.negate});
      }
    }
    for (const ListDefinition& list : d.lists) AddList(list);
    AddSource();
    if (d.time) AddParsed<TimeCondition>(DayTime::Parse(d.time->text), d.time->at);
    if (d.weekday) AddParsed<WeekdayCondition>(WeekDays::Parse(d.weekday->text), d.weekday->at);
    AddOrigin(d.hostname, OriginCondition::Part::kHost);
    AddOrigin(d.location, OriginCondition::Part::kLocation);
    for (const auto* log : {&d.match, &d.regex}) {
      if (!*log) continue;
      if (auto pattern = Compile(**log)) {
        rule_.conditions.emplace_back(LogCondition{*std::move(pattern), (*log)->negate});
      }
    }
  }

  template <class OneCondition, class Value>
  void AddParsed(Result<Value> value, Offset at) {
    if (value) {
      rule_.conditions.emplace_back(OneCondition{*std::move(value)});
    } else {
      Fail(at, "bad-value", value.message());
    }
  }

  void AddSource() {
    if (definition_.source_addresses.empty()) return;
    SourceCondition condition;
    condition.negate = definition_.source_negate;
    for (const Placed& text : definition_.source_addresses) {
      const Result<Network> network = Network::Parse(text.text);
      if (network) {
        condition.networks.push_back(*network);
      } else {
        Fail(text.at, "bad-value", network.message());
      }
    }
    rule_.conditions.emplace_back(std::move(condition));
  }

  void AddOrigin(const std::optional<PatternDefinition>& definition, OriginCondition::Part part) {
    if (!definition) return;
    if (auto pattern = Compile(*definition)) {
      rule_.conditions.emplace_back(OriginCondition{part, *std::move(pattern), definition->negate});
    }
  }

  void AddList(const ListDefinition& definition) {
    const Result<std::size_t> list = lists_.Open(definition.path.text);
    if (!list) {
      Fail(definition.path.at, "missing-list", list.message());
      return;
    }
    ListCondition condition{FieldName(definition.field), definition.lookup, *list, {}};
    if (definition.check_value) condition.value = OsMatch(*definition.check_value);
    rule_.conditions.emplace_back(std::move(condition));
  }

  static std::vector<DescriptionPart> ParseDescription(std::string_view text) {
    std::vector<DescriptionPart> parts;
    std::string literal;
    while (!text.empty()) {
      const std::size_t close = text.starts_with("$(") ? text.find(')') : text.npos;
      if (close != text.npos && close > 2) {
        parts.push_back({std::exchange(literal, {}), FieldName(text.substr(2, close - 2))});
        text.remove_prefix(close + 1);
        continue;
      }
      const char c = text[0];
      literal += c == '\n' || c == '\t' || c == '\r' ? ' ' : c;
      text.remove_prefix(1);
    }
    if (!literal.empty()) parts.push_back({std::move(literal), std::nullopt});
    return parts;
  }

  const RuleDefinition& definition_;
  ListTable& lists_;
  Diagnostics& diagnostics_;
  Rule rule_;
  bool failed_ = false;
};

/// Puts the rules of all files into one tree.
class RulesetBuilder {
 public:
  RulesetBuilder(const ListDirectories& lists, Diagnostics& diagnostics)
      : lists_(lists, diagnostics), diagnostics_(diagnostics) {}

  void Add(const RuleDefinition& definition) {
    if (definition.faulty) {
      Skip(definition);
      return;
    }
    const auto known = index_.find(definition.id);
    if (known != index_.end() && definition.overwrite) {
      Overwrite(definition, known->second);
      return;
    }
    if (known != index_.end()) {
      Warn(definition, definition.at, "duplicate-id",
           "this id is taken by a rule before; this one is skipped");
      ++skipped_;
      return;
    }
    if (definition.overwrite) {
      Warn(definition, definition.at, "overwrite-unknown",
           "there is no rule of this id to overwrite; it is loaded as a new one");
    }
    const auto parents = FindParents(definition);
    std::optional<Rule> rule;
    if (parents) rule = RuleBuilder(definition, lists_, diagnostics_).Build();
    if (!rule) {
      Skip(definition);
      return;
    }
    Insert(definition, *std::move(rule), *parents);
  }

  CompiledRules Finish() {
    const auto by_rank = [&](std::size_t a, std::size_t b) {
      return order_[a].Rank() < order_[b].Rank();
    };
    std::stable_sort(ruleset_.roots.begin(), ruleset_.roots.end(), by_rank);
    for (Rule& rule : ruleset_.rules) {
      std::stable_sort(rule.children.begin(), rule.children.end(), by_rank);
    }
    ruleset_.lists = std::move(lists_.lists);
    return {std::move(ruleset_), std::move(lists_.stale), skipped_};
  }

 private:
  void Warn(const RuleDefinition& d, Offset at, std::string_view code, std::string message) {
    diagnostics_.Add(*d.source, at, {Severity::kWarning, code, std::move(message), d.id});
  }

  void Skip(const RuleDefinition& definition) {
    ++skipped_;
    if (!definition.id.empty()) skipped_ids_.insert(definition.id);
  }

  void Insert(const RuleDefinition& definition, Rule rule,
              const std::vector<std::size_t>& parents) {
    const std::size_t at = ruleset_.rules.size();
    index_[definition.id] = at;
    order_.push_back({definition.last_of_siblings, definition.level});
    group_strings_.push_back(definition.groups);
    links_.push_back(LinkText(definition));
    ruleset_.rules.push_back(std::move(rule));
    if (parents.empty()) ruleset_.roots.push_back(at);
    for (const std::size_t parent : parents) ruleset_.rules[parent].children.push_back(at);
  }

  void Overwrite(const RuleDefinition& definition, std::size_t at) {
    std::optional<Rule> rule = RuleBuilder(definition, lists_, diagnostics_).Build();
    if (!rule) {
      ++skipped_;
      return;
    }
    const std::string links = LinkText(definition);
    if (!links.empty() && links != links_[at]) {
      Warn(definition, definition.at, "overwrite-links",
           "an overwrite keeps the place of the rule it replaces; its own links are ignored");
    }
    rule->children = std::move(ruleset_.rules[at].children);
    ruleset_.rules[at] = *std::move(rule);
    group_strings_[at] = definition.groups;
  }

  static std::string LinkText(const RuleDefinition& d) {
    std::string text;
    for (const auto* links : {&d.if_sid, &d.if_group, &d.if_level}) {
      for (const Placed& link : *links) text += Trim(link.text), text += '\n';
    }
    return text;
  }

  /// The parents' indexes, each once; none at all for a root; nothing when a link leads nowhere.
  std::optional<std::vector<std::size_t>> FindParents(const RuleDefinition& d) {
    const bool linked = !d.if_sid.empty() || !d.if_group.empty() || !d.if_level.empty();
    std::vector<std::size_t> parents;
    for (const Placed& link : d.if_sid) AddById(d, link, parents);
    for (const Placed& link : d.if_group) AddByGroup(d, link, parents);
    for (const Placed& link : d.if_level) AddByLevel(d, link, parents);
    if (linked && parents.empty()) {
      const Placed& first = !d.if_sid.empty()     ? d.if_sid.front()
                            : !d.if_group.empty() ? d.if_group.front()
                                                  : d.if_level.front();
      Warn(d, first.at, "no-parent", "none of its parents is there; the rule is skipped");
      return {};
    }
    return parents;
  }

  static void AddParent(std::vector<std::size_t>& parents, std::size_t parent) {
    if (std::find(parents.begin(), parents.end(), parent) == parents.end()) {
      parents.push_back(parent);
    }
  }

  void AddById(const RuleDefinition& d, const Placed& link, std::vector<std::size_t>& parents) {
    for (const std::string_view word : SplitWords(link.text, ", \t\r\n")) {
      const auto number = ParseNumber(word);
      const auto found = number ? index_.find(std::to_string(*number)) : index_.end();
      if (found != index_.end()) {
        AddParent(parents, found->second);
        continue;
      }
      const bool skipped = number && skipped_ids_.contains(std::to_string(*number));
      Warn(d, Offset{link.at.bytes + static_cast<std::size_t>(word.data() - link.text.data())},
           "missing-parent",
           "rule '" + std::string(word) +
               (skipped ? "' was skipped" : "' is not loaded before this"));
    }
  }

  /// Every rule whose group string contains one of the texts, or begins with it after `^`.
  void AddByGroup(const RuleDefinition& d, const Placed& link, std::vector<std::size_t>& parents) {
    const std::string_view text = Trim(link.text);
    if (text.empty()) {
      Warn(d, link.at, "empty-link", "the link is empty");
      return;
    }
    const OsMatch names(text);
    for (std::size_t i = 0; i < group_strings_.size(); ++i) {
      if (names.Matches(group_strings_[i])) AddParent(parents, i);
    }
  }

  void AddByLevel(const RuleDefinition& d, const Placed& link, std::vector<std::size_t>& parents) {
    const auto level = ParseNumber(Trim(link.text));
    if (!level || *level < 1 || *level > 16) {
      Warn(d, link.at, "bad-level", "<if_level> takes a level from 1 to 16");
      return;
    }
    for (std::size_t i = 0; i < ruleset_.rules.size(); ++i) {
      const int own = ruleset_.rules[i].level;
      if (own > 0 && own >= static_cast<int>(*level)) AddParent(parents, i);
    }
  }

  ListTable lists_;
  Diagnostics& diagnostics_;
  Ruleset ruleset_;
  std::unordered_map<std::string, std::size_t> index_;
  std::unordered_set<std::string> skipped_ids_;
  std::vector<SiblingOrder> order_;         // by index
  std::vector<std::string> group_strings_;  // by index
  std::vector<std::string> links_;          // by index
  std::size_t skipped_ = 0;
};

}  // namespace

CompiledRules CompileRules(const std::vector<SourceText>& files, const ListDirectories& lists,
                           Diagnostics& diagnostics) {
  RulesetBuilder builder(lists, diagnostics);
  for (const SourceText& file : files) {
    for (const RuleDefinition& definition : ReadDefinitions(file, diagnostics)) {
      builder.Add(definition);
    }
  }
  return builder.Finish();
}

}  // namespace tld
