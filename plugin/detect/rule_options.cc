// SPDX-License-Identifier: Apache-2.0
// The options of a rule, one function each; see rule_reader.h.
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "detect/rule_reader.h"

namespace tld {
namespace {

/// Fields of the manager's decoders that are options of a rule, not names for `<field>`. No audit
/// event has one of them, but for hostname, location and srcip.
constexpr std::string_view kStaticFields[] = {
    "srcip",      "dstip",    "srcport",  "dstport",      "protocol",    "action",
    "user",       "url",      "id",       "status",       "system_name", "data",
    "extra_data", "srcgeoip", "dstgeoip", "program_name", "hostname",    "location",
};

constexpr std::size_t kMostIdDigits = 6;

}  // namespace

void RuleReader::Option(const XmlElement& option) {
  using Reader = void (RuleReader::*)(const XmlElement&);
  static constexpr std::pair<std::string_view, Reader> kOptions[] = {
      {"match", &RuleReader::Match},
      {"regex", &RuleReader::RegexOption},
      {"field", &RuleReader::FieldOption},
      {"list", &RuleReader::ListOption},
      {"decoded_as", &RuleReader::DecodedAs},
      {"category", &RuleReader::Category},
      {"hostname", &RuleReader::Hostname},
      {"location", &RuleReader::Location},
      {"srcip", &RuleReader::SourceAddress},
      {"time", &RuleReader::Time},
      {"weekday", &RuleReader::Weekday},
      {"program_name", &RuleReader::NeverSet},
      {"id", &RuleReader::NeverSet},
      {"url", &RuleReader::NeverSet},
      {"status", &RuleReader::NeverSet},
      {"protocol", &RuleReader::NeverSet},
      {"action", &RuleReader::NeverSet},
      {"user", &RuleReader::NeverSet},
      {"data", &RuleReader::NeverSet},
      {"extra_data", &RuleReader::NeverSet},
      {"system_name", &RuleReader::NeverSet},
      {"dstip", &RuleReader::NeverSet},
      {"srcport", &RuleReader::NeverSet},
      {"dstport", &RuleReader::NeverSet},
      {"srcgeoip", &RuleReader::NeverSet},
      {"dstgeoip", &RuleReader::NeverSet},
      {"if_fts", &RuleReader::NeverTrue},
      {"compiled_rule", &RuleReader::NeverTrue},
      {"check_diff", &RuleReader::NeverTrue},
      {"check_if_ignored", &RuleReader::WithoutEffect},
      {"ignore", &RuleReader::WithoutEffect},
      {"if_sid", &RuleReader::IfSid},
      {"if_group", &RuleReader::IfGroup},
      {"if_level", &RuleReader::IfLevel},
      {"if_matched_sid", &RuleReader::IfMatchedSid},
      {"if_matched_group", &RuleReader::IfMatchedGroup},
      {"if_matched_regex", &RuleReader::IfMatchedRegex},
      {"global_frequency", &RuleReader::GlobalFrequency},
      {"description", &RuleReader::Description},
      {"group", &RuleReader::Group},
      {"options", &RuleReader::Options},
      {"mitre", &RuleReader::MitreOption},
      {"info", &RuleReader::Info},
      {"cve", &RuleReader::Cve},
  };
  for (const auto& [name, read] : kOptions) {
    if (name == option.name) {
      (this->*read)(option);
      return;
    }
  }
  if (!ReadComparison(option)) {
    Fail(option.at, "unknown-element", "a rule has no option <" + option.name + ">");
  }
}

bool RuleReader::ReadComparison(const XmlElement& option) {
  static constexpr std::pair<std::string_view, bool> kPrefixes[] = {
      {"same_", false}, {"different_", true}, {"not_same_", true}};
  // Older files spell some names in another way.
  static constexpr std::string_view kNeverSet[] = {
      "user",    "srcuser",  "dstuser",    "id",          "url",        "status",   "protocol",
      "action",  "data",     "extra_data", "system_name", "systemname", "dstip",    "dst_ip",
      "srcport", "src_port", "dstport",    "dst_port",    "srcgeoip",   "dstgeoip",
  };
  for (const auto& [prefix, differ] : kPrefixes) {
    if (!option.name.starts_with(prefix)) continue;
    const std::string_view what = std::string_view(option.name).substr(prefix.size());
    ComparisonDefinition comparison{Comparison::Part::kField, {}, differ, {}};
    if (what == "field") {
      comparison.field = Trim(option.text);
      comparison.at = option.text_at;
    } else if (what == "srcip" || what == "source_ip") {
      comparison.field = "srcip";
    } else if (what == "location") {
      comparison.part = Comparison::Part::kLocation;
    } else if (what == "agent") {
      comparison.part = Comparison::Part::kHost;
    } else if (std::find(std::begin(kNeverSet), std::end(kNeverSet), what) != std::end(kNeverSet)) {
      comparison.field = what;
      if (!differ) NeverEqual(option);
    } else {
      continue;
    }
    Plain(option, {});
    if (what == "field" && comparison.field.empty()) {
      Fail(option.at, "missing-field-name", "<" + option.name + "> holds the name of a field");
    }
    if (!rule_.composite_only) rule_.composite_only = {option.name, option.at};
    rule_.comparisons.push_back(std::move(comparison));
    return true;
  }
  return false;
}

void RuleReader::NeverEqual(const XmlElement& option) {
  rule_.never_set.push_back({option.name, option.at, {}});
  rule_.never.push_back(option.name);
}

void RuleReader::Match(const XmlElement& option) {
  Joined(rule_.match, option, PatternKind::kOsMatch);
}

void RuleReader::RegexOption(const XmlElement& option) {
  Joined(rule_.regex, option, PatternKind::kOsRegex);
}

void RuleReader::Hostname(const XmlElement& option) {
  Joined(rule_.hostname, option, PatternKind::kOsMatch);
}

void RuleReader::Location(const XmlElement& option) {
  Joined(rule_.location, option, PatternKind::kOsMatch);
}

void RuleReader::FieldOption(const XmlElement& option) {
  Plain(option, {"name", "negate", "type"});
  const XmlAttribute* name = option.Find("name");
  if (name == nullptr || name->value.empty()) {
    Fail(option.at, "missing-field-name", "<field> needs the attribute 'name'");
    return;
  }
  for (const std::string_view known : kStaticFields) {
    if (EqualsIgnoreCase(known, name->value)) {
      Fail(name->value_at, "static-field",
           "'" + name->value + "' is an option of its own, not a <field>");
    }
  }
  rule_.fields.push_back({name->value, ReadPattern(option, PatternKind::kOsRegex)});
}

void RuleReader::ListOption(const XmlElement& written) {
  XmlElement option = written;  // case counts for none of its attributes
  for (XmlAttribute& a : option.attributes) {
    std::transform(a.name.begin(), a.name.end(), a.name.begin(), AsciiLower);
  }
  Plain(option, {"field", "lookup", "check_value"});
  ListDefinition list;
  list.path = {option.text, option.text_at};
  const XmlAttribute* field = option.Find("field");
  if (const XmlAttribute* lookup = option.Find("lookup")) Lookup(*lookup, list);
  if (const XmlAttribute* value = option.Find("check_value")) {
    list.check_value = Placed{value->value, value->value_at};
  }
  if (field == nullptr || field->value.empty()) {
    Fail(option.at, "missing-field-name", "<list> needs the attribute 'field'");
    return;
  }
  list.field = field->value;
  const bool by_value =
      list.lookup == ListLookup::kMatchKeyValue || list.lookup == ListLookup::kAddressMatchKeyValue;
  if (by_value && !list.check_value) {
    Fail(option.at, "missing-check-value", "this look-up needs the attribute 'check_value'");
  }
  rule_.lists.push_back(std::move(list));
}

void RuleReader::Lookup(const XmlAttribute& attribute, ListDefinition& list) {
  static constexpr std::pair<std::string_view, ListLookup> kLookups[] = {
      {"match_key", ListLookup::kMatchKey},
      {"not_match_key", ListLookup::kNotMatchKey},
      {"match_key_value", ListLookup::kMatchKeyValue},
      {"address_match_key", ListLookup::kAddressMatchKey},
      {"not_address_match_key", ListLookup::kNotAddressMatchKey},
      {"address_match_key_value", ListLookup::kAddressMatchKeyValue},
  };
  for (const auto& [name, lookup] : kLookups) {
    if (EqualsIgnoreCase(name, attribute.value)) {
      list.lookup = lookup;
      return;
    }
  }
  Fail(attribute.value_at, "bad-value", "there is no look-up '" + attribute.value + "'");
}

void RuleReader::DecodedAs(const XmlElement& option) {
  Plain(option, {});
  const bool never = Trim(option.text) != "auditd";
  if (never) {
    Warn(option.text_at, "never-true", "audit events are decoded as 'auditd'; this never holds");
  }
  rule_.other_decoder = never;  // the last one counts
}

void RuleReader::Category(const XmlElement& option) {
  Plain(option, {});
  if (Trim(option.text) == "syslog") return;
  Warn(option.text_at, "never-true", "audit events are of the category 'syslog'");
  rule_.never.push_back(option.name);
}

void RuleReader::IfSid(const XmlElement& option) {
  AddLink(rule_.if_sid, option);
  for (const std::string_view word : SplitWords(option.text, ", \t\r\n")) {
    if (word.size() <= kMostIdDigits && ParseNumber(word)) continue;
    Fail(Offset{option.text_at.bytes + static_cast<std::size_t>(word.data() - option.text.data())},
         "bad-id", "<if_sid> holds ids of 1 to 6 digits");
  }
}

void RuleReader::IfGroup(const XmlElement& option) { AddLink(rule_.if_group, option); }

void RuleReader::IfLevel(const XmlElement& option) { AddLink(rule_.if_level, option); }

void RuleReader::IfMatchedSid(const XmlElement& option) {
  Plain(option, {});
  const std::string_view text = Trim(option.text);
  const auto id = ParseNumber(text);
  if (!text.empty() && (!id || text.size() > kMostIdDigits)) {
    Fail(option.text_at, "bad-id", "<if_matched_sid> holds one id of 1 to 6 digits");
  }
  if (rule_.if_matched_sid) {
    Warn(option.at, "repeated", "<if_matched_sid> stands before; this one counts");
  }
  rule_.if_matched_sid = Placed{id ? std::to_string(*id) : "", option.text_at};
}

void RuleReader::IfMatchedGroup(const XmlElement& option) {
  Plain(option, {});
  const std::string before = rule_.if_matched_group ? rule_.if_matched_group->text : "";
  rule_.if_matched_group = Placed{before + option.text, option.text_at};
}

void RuleReader::IfMatchedRegex(const XmlElement& option) {
  Plain(option, {});
  const std::string before = rule_.if_matched_regex ? rule_.if_matched_regex->text : "";
  rule_.if_matched_regex = Placed{before + option.text, option.text_at};
}

void RuleReader::GlobalFrequency(const XmlElement& option) {
  Plain(option, {});
  if (!rule_.composite_only) rule_.composite_only = {option.name, option.at};
  rule_.global_frequency = true;
}

/// A composite's own links count when it has no others.
void RuleReader::FinishComposite() {
  if (!rule_.is_composite()) return;
  if (!rule_.if_sid.empty() || !rule_.if_group.empty() || !rule_.if_level.empty()) return;
  if (rule_.if_matched_sid) rule_.if_sid.push_back(*rule_.if_matched_sid);
  if (rule_.if_matched_group) rule_.if_group.push_back(*rule_.if_matched_group);
}

void RuleReader::AddLink(std::vector<Placed>& links, const XmlElement& option) {
  Plain(option, {});
  links.push_back({option.text, option.text_at});
}

void RuleReader::Description(const XmlElement& option) {
  Plain(option, {});
  if (rule_.description) {
    Warn(option.at, "repeated", "<description> stands before; this one counts");
  }
  rule_.description = Placed{option.text, option.text_at};
}

void RuleReader::Group(const XmlElement& option) {
  Plain(option, {});
  rule_.groups += option.text;
}

void RuleReader::Options(const XmlElement& option) {
  Plain(option, {});
  for (const std::string_view word : SplitWords(option.text, ", \t\r\n")) {
    if (word == "no_log") {
      rule_.no_log = true;
    } else if (word == "no_full_log") {
      rule_.no_full_log = true;
    } else if (word == "alert_by_email") {
      rule_.mail = true;
    } else if (word != "no_email_alert" && word != "log_alert" && word != "no_ar" &&
               word != "no_counter") {
      Fail(option.text_at, "bad-value", "there is no option '" + std::string(word) + "'");
    }
  }
}

void RuleReader::MitreOption(const XmlElement& option) {
  if (!option.attributes.empty()) {
    Fail(option.attributes[0].at, "unknown-attribute", "<mitre> has no attributes");
  }
  for (const XmlElement& child : option.children) {
    Plain(child, {});
    const std::string text(Trim(child.text));
    if (child.name == "id" || child.name == "techniqueid") {
      if (!text.empty()) rule_.mitre.ids.push_back(text);
    } else if (child.name == "tacticid") {
      if (!text.empty()) rule_.mitre.tactics.push_back(text);
    } else {
      Fail(child.at, "unknown-element", "<mitre> has no element <" + child.name + ">");
    }
  }
  if (rule_.mitre.ids.empty()) {
    Warn(option.at, "empty-mitre", "<mitre> names no technique: write <id>T1095</id>");
  }
}

void RuleReader::Info(const XmlElement& option) {
  Plain(option, {"type"});
  const XmlAttribute* type = option.Find("type");
  if (type != nullptr && EqualsIgnoreCase(type->value, "cve")) {
    rule_.cve.push_back(option.text);
  } else {
    rule_.info += option.text;
  }
}

void RuleReader::Cve(const XmlElement& option) {
  Plain(option, {});
  rule_.cve.push_back(option.text);
}

void RuleReader::SourceAddress(const XmlElement& option) {
  Plain(option, {"negate"});
  if (const XmlAttribute* negate = option.Find("negate")) rule_.source_negate = YesNo(*negate);
  rule_.source_addresses.push_back({option.text, option.text_at});
}

void RuleReader::Time(const XmlElement& option) {
  Plain(option, {});
  rule_.time = Placed{option.text, option.text_at};
}

void RuleReader::Weekday(const XmlElement& option) {
  Plain(option, {});
  rule_.weekday = Placed{option.text, option.text_at};
}

/// Options that no audit event sets. Their patterns must compile all the same.
void RuleReader::NeverSet(const XmlElement& option) {
  Plain(option, {"negate", "type"});
  rule_.never_set.push_back({option.name, option.at, ReadPattern(option, PatternKind::kOsMatch)});
  rule_.never.push_back(option.name);
}

void RuleReader::NeverTrue(const XmlElement& option) {
  Plain(option, {});
  Warn(option.at, "never-true", "<" + option.name + "> never holds here");
  rule_.never.push_back(option.name);
}

void RuleReader::WithoutEffect(const XmlElement& option) {
  Plain(option, {});
  Warn(option.at, "no-effect", "<" + option.name + "> has no effect, as in the manager");
}

}  // namespace tld
