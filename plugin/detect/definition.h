// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "detect/pattern.h"
#include "detect/ruleset.h"

/// What a rule file says, with every text still as it was written and every place known. Nothing is
/// looked up or compiled yet.
namespace tld {

/// A text and where it stands.
struct Placed {
  std::string text;
  Offset at;
};

struct PatternDefinition {
  PatternKind kind = PatternKind::kOsMatch;
  Placed pattern;
  bool negate = false;
};

struct FieldDefinition {
  std::string name;
  PatternDefinition pattern;
};

struct ListDefinition {
  Placed path;
  std::string field;
  ListLookup lookup = ListLookup::kMatchKey;
  std::optional<Placed> check_value;
};

/// An option that no audit event sets, such as `program_name`.
struct NeverSetDefinition {
  std::string option;
  Offset at;  ///< of the element
  std::optional<PatternDefinition> pattern;
};

/// `same_…` or `different_…`.
struct ComparisonDefinition {
  Comparison::Part part = Comparison::Part::kField;
  std::string field;
  bool differ = false;
  std::optional<Offset> at;  ///< of the field's name, where it is written
};

struct RuleDefinition {
  const SourceText* source = nullptr;  ///< not owned; outlives the definitions
  Offset at;
  std::string id;
  int level = 0;
  std::size_t maxsize = 0;
  bool overwrite = false;
  bool noalert = false;
  bool last_of_siblings = false;  ///< accuracy="0"
  bool faulty = false;            ///< has an error; not to be used

  std::optional<PatternDefinition> match;  ///< of several elements the texts are joined
  std::optional<PatternDefinition> regex;
  std::optional<PatternDefinition> hostname;
  std::optional<PatternDefinition> location;
  std::vector<Placed> source_addresses;  ///< `srcip`
  bool source_negate = false;
  std::optional<Placed> time;
  std::optional<Placed> weekday;
  std::vector<FieldDefinition> fields;
  std::vector<ListDefinition> lists;
  std::vector<NeverSetDefinition> never_set;
  bool other_decoder = false;      ///< `decoded_as` another than auditd
  std::vector<std::string> never;  ///< options that hold on no audit event

  std::vector<Placed> if_sid;
  std::vector<Placed> if_group;
  std::vector<Placed> if_level;

  /// A composite has at least one of these.
  std::optional<Placed> if_matched_sid;
  std::optional<Placed> if_matched_group;
  std::optional<Placed> if_matched_regex;
  std::uint32_t frequency = 2;
  std::uint32_t timeframe = 360;  ///< seconds
  std::optional<Offset> timeframe_at;
  std::vector<ComparisonDefinition> comparisons;
  bool global_frequency = false;
  std::uint32_t ignore = 0;  ///< seconds

  std::optional<Placed> composite_only;  ///< the first option that makes sense in a composite only

  bool is_composite() const { return if_matched_sid || if_matched_group || if_matched_regex; }

  std::optional<Placed> description;
  std::string groups;  ///< the enclosing group's name and the rule's own, joined as written
  Mitre mitre;
  std::string info;
  std::vector<std::string> cve;
  bool no_log = false;
  bool no_full_log = false;
  bool mail = false;
};

}  // namespace tld
