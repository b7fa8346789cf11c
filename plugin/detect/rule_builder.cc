// SPDX-License-Identifier: Apache-2.0
#include "detect/rule_builder.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace tld {
namespace {

std::vector<std::string> GroupNames(std::string_view groups) {
  std::vector<std::string> names;
  for (const std::string_view name : SplitWords(groups, ",")) {
    if (const auto trimmed = Trim(name); !trimmed.empty()) names.emplace_back(trimmed);
  }
  return names;
}

/// Compiles the conditions and texts of one definition. What is wrong is told and makes it fail.
class RuleBuilder {
 public:
  RuleBuilder(const RuleDefinition& definition, ListTable& lists,
              std::vector<FieldName>& compared_fields, Diagnostics& diagnostics)
      : definition_(definition),
        lists_(lists),
        compared_fields_(compared_fields),
        diagnostics_(diagnostics) {}

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
    rule_.group_string = d.groups;
    rule_.ignore_seconds = d.ignore;
    rule_.mitre = d.mitre;
    rule_.info = d.info;
    rule_.cve = d.cve;
    if (d.description) rule_.description = ParseDescription(d.description->text);
    AddConditions();
    if (d.is_composite()) AddComposite();
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
    if (d.other_decoder) rule_.conditions.emplace_back(NeverCondition{"decoded_as"});
    for (const std::string& option : d.never) {
      rule_.conditions.emplace_back(NeverCondition{option});
    }
    for (const NeverSetDefinition& option : d.never_set) {
      if (option.pattern) static_cast<void>(Compile(*option.pattern));
    }
    for (const FieldDefinition& field : d.fields) {
      if (auto pattern = Compile(field.pattern)) {
        rule_.conditions.emplace_back(
            FieldCondition{FieldName(field.name), *std::move(pattern), field.pattern.negate, {}});
      }
    }
    for (const ListDefinition& list : d.lists) AddList(list);
    AddSource();
    if (d.time) AddParsed<TimeCondition>(DayTime::Parse(d.time->text), *d.time);
    if (d.weekday) AddParsed<WeekdayCondition>(WeekDays::Parse(d.weekday->text), *d.weekday);
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
  void AddParsed(Result<Value> value, const Placed& written) {
    if (value) {
      rule_.conditions.emplace_back(
          OneCondition{*std::move(value), std::string(Trim(written.text))});
    } else {
      Fail(written.at, "bad-value", value.message());
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
        (condition.text += condition.text.empty() ? "" : " ") += Trim(text.text);
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
    if (definition.check_value) condition.value = OsMatch(definition.check_value->text);
    rule_.conditions.emplace_back(std::move(condition));
  }

  void AddComposite() {
    const RuleDefinition& d = definition_;
    Composite composite;
    composite.frequency = d.frequency;
    composite.timeframe_ms = std::int64_t{1000} * d.timeframe;
    composite.all_nodes = d.global_frequency;
    if (d.if_matched_regex) {
      composite.log = Compile({PatternKind::kOsRegex, *d.if_matched_regex, false});
    }
    for (const ComparisonDefinition& c : d.comparisons) {
      const bool field = c.part == Comparison::Part::kField;
      composite.comparisons.push_back({c.part, field ? ComparedField(c.field) : 0, c.differ});
    }
    rule_.composite = std::move(composite);
  }

  std::size_t ComparedField(std::string_view name) {
    const FieldName field(name);
    for (std::size_t i = 0; i < compared_fields_.size(); ++i) {
      if (compared_fields_[i].text() == field.text()) return i;
    }
    compared_fields_.push_back(field);
    return compared_fields_.size() - 1;
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
  std::vector<FieldName>& compared_fields_;
  Diagnostics& diagnostics_;
  Rule rule_;
  bool failed_ = false;
};

}  // namespace

Result<std::size_t> ListTable::Open(std::string_view path) {
  const auto name = ListName(path);
  if (!name) return Error{"this names no list"};
  if (const auto found = index_.find(*name); found != index_.end()) return found->second;
  Result<OpenedList> opened = OpenList(where_, *name, diagnostics_);
  if (!opened) return opened.error();
  if (opened->stale) stale.push_back(*name);
  lists.push_back(std::move(opened->list));
  return index_[*name] = lists.size() - 1;
}

std::optional<Rule> BuildRule(const RuleDefinition& definition, ListTable& lists,
                              std::vector<FieldName>& compared_fields, Diagnostics& diagnostics) {
  return RuleBuilder(definition, lists, compared_fields, diagnostics).Build();
}

}  // namespace tld
