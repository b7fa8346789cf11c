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
#include "detect/network.h"
#include "detect/pattern.h"

/// The compiled rules: immutable data, built by compile.h, walked by engine.h. What changes while
/// events are evaluated is not here (Windows in engine.h).
namespace tld {

/// `match`, `regex`: a pattern on the full log.
struct LogCondition {
  Pattern pattern;
  bool negate = false;
};

/// `field`: one value meets the pattern; negated, none does. False where the field is missing.
struct FieldCondition {
  FieldName field;
  Pattern pattern;
  bool negate = false;
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
};

/// `hostname` and `location`: a pattern on where the event comes from.
struct OriginCondition {
  enum class Part { kHost, kLocation };
  Part part = Part::kHost;
  Pattern pattern;
  bool negate = false;
};

/// `srcip`: one of the event's source addresses is in one of the networks; negated, none is.
struct SourceCondition {
  std::vector<Network> networks;
  bool negate = false;
};

/// `time` and `weekday`, of the event's own time.
struct TimeCondition {
  DayTime time;
};
struct WeekdayCondition {
  WeekDays days;
};

/// An option that holds on no audit event, such as `program_name`.
struct NeverCondition {};

using Condition = std::variant<LogCondition, FieldCondition, ListCondition, OriginCondition,
                               SourceCondition, TimeCondition, WeekdayCondition, NeverCondition>;

/// A description with its `$(field)` parts.
struct DescriptionPart {
  std::string literal;
  std::optional<FieldName> field;  ///< its first value follows the literal
};

struct Mitre {
  std::vector<std::string> ids;
  std::vector<std::string> tactics;
};

struct Rule {
  std::string id;  ///< as written, without leading zeros
  int level = 0;   ///< 0 consumes the event silently
  std::vector<Condition> conditions;
  std::vector<std::size_t> children;  ///< indexes into Ruleset::rules, in the order of evaluation
  std::vector<DescriptionPart> description;
  std::vector<std::string> groups;
  Mitre mitre;
  std::string info;
  std::vector<std::string> cve;
  std::size_t least_log_bytes =
      0;                 ///< `maxsize`: the full log has at least that many bytes; 0 = off
  bool gate = false;     ///< `noalert`: no answer itself, only its children
  bool log = true;       ///< false: `no_log`, no document is written
  bool full_log = true;  ///< false: `no_full_log`
  bool mail = false;     ///< `alert_by_email`
};

struct Ruleset {
  std::vector<Rule> rules;         ///< in load order
  std::vector<std::size_t> roots;  ///< in the order of evaluation
  std::vector<List> lists;
};

}  // namespace tld
