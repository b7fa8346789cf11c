// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "audit/event.h"
#include "detect/calendar.h"
#include "detect/list.h"
#include "detect/literals.h"
#include "detect/network.h"
#include "detect/pattern.h"

/// The compiled rules: immutable data, built by compile.h, walked by engine.h. What changes while
/// events are evaluated is not here (Windows in window.h).
namespace tld {

/// `match`, `regex`: a pattern on the full log.
struct LogCondition {
  Pattern pattern;
  bool negate = false;
  bool operator==(const LogCondition&) const = default;
};

/// `field`: one value meets the pattern; negated, none does. False where the field is missing.
struct FieldCondition {
  FieldName field;
  Pattern pattern;
  bool negate = false;
  LiteralNumber literals = 0;  ///< where the pattern is nothing but them
  bool operator==(const FieldCondition&) const = default;
};

enum class ListLookup {
  kMatchKey,
  kNotMatchKey,
  kMatchKeyValue,
  kAddressMatchKey,
  kNotAddressMatchKey,
  kAddressMatchKeyValue,
};

/// `list`: a look-up of a field's values in one of Ruleset::lists. False where the field is
/// missing.
struct ListCondition {
  FieldName field;
  ListLookup lookup = ListLookup::kMatchKey;
  std::size_t list = 0;
  std::optional<OsMatch> value;  ///< `check_value`
  bool operator==(const ListCondition&) const = default;
};

/// `hostname` and `location`: a pattern on where the event comes from.
struct OriginCondition {
  enum class Part { kHost, kLocation };
  Part part = Part::kHost;
  Pattern pattern;
  bool negate = false;
  bool operator==(const OriginCondition&) const = default;
};

/// `srcip`: one of the event's source addresses is in one of the networks; negated, none is.
struct SourceCondition {
  std::vector<Network> networks;
  std::string text;  ///< as written
  bool negate = false;
  bool operator==(const SourceCondition&) const = default;
};

/// `time` and `weekday`, of the event's own time.
struct TimeCondition {
  DayTime time;
  std::string text;  ///< as written
  bool operator==(const TimeCondition&) const = default;
};
struct WeekdayCondition {
  WeekDays days;
  std::string text;  ///< as written
  bool operator==(const WeekdayCondition&) const = default;
};

/// An option that holds on no audit event, such as `program_name`.
struct NeverCondition {
  std::string option;
  bool operator==(const NeverCondition&) const = default;
};

using Condition = std::variant<LogCondition, FieldCondition, ListCondition, OriginCondition,
                               SourceCondition, TimeCondition, WeekdayCondition, NeverCondition>;

/// A modifier of a composite: what the event now and one before must, or must not, have in common.
struct Comparison {
  enum class Part { kField, kLocation, kHost };
  Part part = Part::kField;
  std::size_t field = 0;  ///< index into Ruleset::compared_fields
  /// false: there is a common value. true: there is none; holds too where one has no such field.
  bool differ = false;
};

/// What makes a rule hold only when enough events came before that its `if_matched_…` name
/// (Rule::counted_by) and that meet the comparisons with the event at hand.
struct Composite {
  std::size_t place = 0;          ///< index into Ruleset::composites
  std::uint32_t frequency = 2;    ///< events that are needed, with the one at hand
  std::int64_t timeframe_ms = 0;  ///< how far before
  std::optional<Pattern> log;     ///< `if_matched_regex`, on the earlier events' full logs
  std::vector<Comparison> comparisons;
  bool all_nodes = false;   ///< `global_frequency`: events of other nodes count as well
  bool own_events = false;  ///< counts events that this plugin made
};

/// A description with its `$(field)` parts.
struct DescriptionPart {
  std::string literal;
  std::optional<FieldName> field;  ///< its first value follows the literal
};

struct Mitre {
  std::vector<std::string> ids;
  std::vector<std::string> tactics;
};

/// Rules that are tried one after the other.
struct Siblings {
  /// So many or fewer are passed over as fast as others are looked up.
  static constexpr std::size_t kFew = 256;
  /// A literal without which a rule does not hold (Ruleset::needs).
  struct Need {
    LiteralNumber literal = 0;
    std::uint32_t place = 0;  ///< of the rule, in `rules`
    auto operator<=>(const Need&) const = default;
  };

  std::vector<std::size_t> rules;  ///< indexes into Ruleset::rules, in the order of evaluation
  /// Of more than kFew, in order: those that may hold on an event are found by what it has.
  std::vector<Need> needs;
};

struct Rule {
  std::string id;  ///< as written, without leading zeros
  int level = 0;   ///< 0 consumes the event silently
  std::vector<Condition> conditions;
  std::optional<Composite> composite;
  std::vector<std::size_t> counted_by;  ///< indexes into Ruleset::composites
  Siblings children;
  std::vector<DescriptionPart> description;
  std::vector<std::string> groups;
  std::string group_string;  ///< as written: what `if_group` and `if_matched_group` look at
  Mitre mitre;
  std::string info;
  std::vector<std::string> cve;
  std::uint32_t ignore_seconds = 0;  ///< after an alert, answers are its parent's for so long
  std::size_t least_log_bytes =
      0;                 ///< `maxsize`: the full log has at least that many bytes; 0 = off
  bool gate = false;     ///< `noalert`: no answer itself, only its children
  bool log = true;       ///< false: `no_log`, no document is written
  bool full_log = true;  ///< false: `no_full_log`
  bool mail = false;     ///< `alert_by_email`
};

struct Ruleset {
  std::vector<Rule> rules;  ///< in load order
  Siblings roots;
  /// The roots for events that this plugin made (own_event.h); no other event is tried there.
  Siblings own_roots;
  std::vector<List> lists;
  Literals literals;
  std::vector<LiteralNumber> needs;        ///< by rule: without these it does not hold
  std::vector<std::size_t> composites;     ///< rules that are composite
  std::vector<FieldName> compared_fields;  ///< that comparisons look at, each once
};

}  // namespace tld
