// SPDX-License-Identifier: Apache-2.0
#include "detect/definition.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "base/text.h"
#include "detect/variables.h"

namespace tld {
namespace {

/// Fields of the manager's decoders that are options of a rule, not names for `<field>`. No audit
/// event has one of them, but for hostname, location and srcip.
constexpr std::string_view kStaticFields[] = {
    "srcip",      "dstip",    "srcport",  "dstport",      "protocol",    "action",
    "user",       "url",      "id",       "status",       "system_name", "data",
    "extra_data", "srcgeoip", "dstgeoip", "program_name", "hostname",    "location",
};

bool Contains(std::initializer_list<std::string_view> names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view n) { return EqualsIgnoreCase(n, name); });
}

/// Reads one `<rule>` element.
class RuleReader {
 public:
  RuleReader(const SourceText& source, Diagnostics& diagnostics, RuleDefinition& rule)
      : source_(source), diagnostics_(diagnostics), rule_(rule) {}

  void Read(const XmlElement& element) {
    rule_.at = element.at;
    for (const XmlAttribute& attribute : element.attributes) Attribute(attribute);
    if (rule_.id.empty()) Fail(element.at, "missing-id", "a rule needs an id of 1 to 6 digits");
    if (!has_level_) Fail(element.at, "missing-level", "a rule needs a level from 0 to 16");
    if (!Trim(element.text).empty()) {
      Warn(element.text_at, "stray-text", "text between the options is ignored");
    }
    for (const XmlElement& option : element.children) Option(option);
    if (!rule_.description) {
      Fail(element.at, "missing-description", "a rule needs a <description>");
    }
  }

 private:
  using Reader = void (RuleReader::*)(const XmlElement&);
  struct OptionEntry {
    std::string_view name;
    Reader read;
  };

  void Fail(Offset at, std::string_view code, std::string message) {
    rule_.faulty = true;
    diagnostics_.Add(source_, at, {Severity::kError, code, std::move(message), rule_.id});
  }
  void Warn(Offset at, std::string_view code, std::string message) {
    diagnostics_.Add(source_, at, {Severity::kWarning, code, std::move(message), rule_.id});
  }

  std::uint64_t Number(const XmlAttribute& attribute, std::uint64_t least, std::uint64_t most) {
    const auto number = ParseNumber(Trim(attribute.value));
    if (number && *number >= least && *number <= most) return *number;
    Fail(attribute.value_at, "bad-number",
         "'" + attribute.name + "' must be a number from " + std::to_string(least) + " to " +
             std::to_string(most));
    return least;
  }

  bool YesNo(const XmlAttribute& attribute) {
    if (EqualsIgnoreCase(attribute.value, "yes")) return true;
    if (!EqualsIgnoreCase(attribute.value, "no")) {
      Warn(attribute.value_at, "bad-value",
           "'" + attribute.name + "' is 'yes' or 'no'; 'no' counts");
    }
    return false;
  }

  void Attribute(const XmlAttribute& a) {
    if (EqualsIgnoreCase(a.name, "id")) {
      const auto id = ParseNumber(a.value);
      if (!id || a.value.size() > 6) {
        Fail(a.value_at, "bad-id", "an id has 1 to 6 digits");
      }
      rule_.id = id ? std::to_string(*id) : a.value;
    } else if (EqualsIgnoreCase(a.name, "level")) {
      has_level_ = true;
      rule_.level = static_cast<int>(Number(a, 0, 16));
    } else if (EqualsIgnoreCase(a.name, "maxsize")) {
      rule_.maxsize = Number(a, 0, 9999);
    } else if (EqualsIgnoreCase(a.name, "overwrite")) {
      rule_.overwrite = YesNo(a);
    } else if (EqualsIgnoreCase(a.name, "noalert")) {
      rule_.noalert = Number(a, 0, 1) == 1;
    } else if (EqualsIgnoreCase(a.name, "accuracy")) {
      rule_.last_of_siblings = Number(a, 0, 1) == 0;
    } else {
      Fail(a.at, "unknown-attribute", "a rule has no attribute '" + a.name + "'");
    }
  }

  void Option(const XmlElement& option) {
    static constexpr OptionEntry kOptions[] = {
        {"match", &RuleReader::Match},
        {"regex", &RuleReader::RegexOption},
        {"field", &RuleReader::FieldOption},
        {"list", &RuleReader::ListOption},
        {"decoded_as", &RuleReader::DecodedAs},
        {"category", &RuleReader::Category},
        {"hostname", &RuleReader::Hostname},
        {"location", &RuleReader::Location},
        {"if_sid", &RuleReader::IfSid},
        {"if_group", &RuleReader::IfGroup},
        {"if_level", &RuleReader::IfLevel},
        {"description", &RuleReader::Description},
        {"group", &RuleReader::Group},
        {"options", &RuleReader::Options},
        {"mitre", &RuleReader::MitreOption},
        {"info", &RuleReader::Info},
        {"cve", &RuleReader::Cve},
    };
    for (const OptionEntry& entry : kOptions) {
      if (entry.name == option.name) {
        (this->*entry.read)(option);
        return;
      }
    }
    Fail(option.at, "unknown-element", "a rule has no option <" + option.name + ">");
  }

  /// No children, and no other attributes than these.
  void Plain(const XmlElement& option, std::initializer_list<std::string_view> attributes) {
    for (const XmlElement& child : option.children) {
      Fail(child.at, "unknown-element", "<" + option.name + "> holds text only");
    }
    for (const XmlAttribute& attribute : option.attributes) {
      if (!Contains(attributes, attribute.name)) {
        Fail(attribute.at, "unknown-attribute",
             "<" + option.name + "> has no attribute '" + attribute.name + "'");
      }
    }
  }

  PatternDefinition ReadPattern(const XmlElement& option, PatternKind kind) {
    PatternDefinition pattern;
    pattern.kind = kind;
    pattern.pattern = {option.text, option.text_at};
    if (const XmlAttribute* negate = option.Find("negate")) pattern.negate = YesNo(*negate);
    const XmlAttribute* type = option.Find("type");
    if (type == nullptr) return pattern;
    if (EqualsIgnoreCase(type->value, "osmatch")) {
      pattern.kind = PatternKind::kOsMatch;
    } else if (EqualsIgnoreCase(type->value, "osregex")) {
      pattern.kind = PatternKind::kOsRegex;
    } else if (EqualsIgnoreCase(type->value, "pcre2")) {
      pattern.kind = PatternKind::kPcre2;
    } else {
      Warn(type->value_at, "bad-value", "'type' is osmatch, osregex or pcre2; the default counts");
    }
    return pattern;
  }

  /// An option that may be repeated to make one pattern longer.
  void Joined(std::optional<PatternDefinition>& into, const XmlElement& option, PatternKind kind) {
    Plain(option, {"negate", "type"});
    PatternDefinition pattern = ReadPattern(option, kind);
    if (into) pattern.pattern.text = into->pattern.text + pattern.pattern.text;
    into = std::move(pattern);
  }

  void Match(const XmlElement& option) { Joined(rule_.match, option, PatternKind::kOsMatch); }
  void RegexOption(const XmlElement& option) { Joined(rule_.regex, option, PatternKind::kOsRegex); }
  void Hostname(const XmlElement& option) { Joined(rule_.hostname, option, PatternKind::kOsMatch); }
  void Location(const XmlElement& option) { Joined(rule_.location, option, PatternKind::kOsMatch); }

  void FieldOption(const XmlElement& option) {
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

  void ListOption(const XmlElement& option) {
    Plain(option, {"field", "lookup", "check_value"});
    ListDefinition list;
    list.path = {option.text, option.text_at};
    const XmlAttribute* field = nullptr;
    for (const XmlAttribute& a : option.attributes) {
      if (EqualsIgnoreCase(a.name, "field")) field = &a;
      if (EqualsIgnoreCase(a.name, "lookup")) Lookup(a, list);
      if (EqualsIgnoreCase(a.name, "check_value")) list.check_value = a.value;
    }
    if (field == nullptr || field->value.empty()) {
      Fail(option.at, "missing-field-name", "<list> needs the attribute 'field'");
      return;
    }
    list.field = field->value;
    const bool by_value = list.lookup == ListLookup::kMatchKeyValue ||
                          list.lookup == ListLookup::kAddressMatchKeyValue;
    if (by_value && !list.check_value) {
      Fail(option.at, "missing-check-value", "this look-up needs the attribute 'check_value'");
    }
    rule_.lists.push_back(std::move(list));
  }

  void Lookup(const XmlAttribute& attribute, ListDefinition& list) {
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

  void DecodedAs(const XmlElement& option) {
    Plain(option, {});
    const bool never = Trim(option.text) != "auditd";
    if (never) {
      Warn(option.text_at, "never-true", "audit events are decoded as 'auditd'; this never holds");
    }
    rule_.never |= never;
  }

  void Category(const XmlElement& option) {
    Plain(option, {});
    if (Trim(option.text) == "syslog") return;
    Warn(option.text_at, "never-true", "audit events are of the category 'syslog'");
    rule_.never = true;
  }

  void IfSid(const XmlElement& option) { AddLink(rule_.if_sid, option); }
  void IfGroup(const XmlElement& option) { AddLink(rule_.if_group, option); }
  void IfLevel(const XmlElement& option) { AddLink(rule_.if_level, option); }

  void AddLink(std::vector<Placed>& links, const XmlElement& option) {
    Plain(option, {});
    links.push_back({option.text, option.text_at});
  }

  void Description(const XmlElement& option) {
    Plain(option, {});
    rule_.description = Placed{option.text, option.text_at};
  }

  void Group(const XmlElement& option) {
    Plain(option, {});
    rule_.groups += option.text;
  }

  void Options(const XmlElement& option) {
    Plain(option, {});
    for (const std::string_view word : SplitWords(option.text, ", \t\r\n")) {
      if (word == "no_log") {
        rule_.no_log = true;
      } else if (word == "no_full_log") {
        rule_.no_full_log = true;
      } else if (word == "alert_by_email") {
        rule_.mail = true;
      } else if (!Contains({"no_email_alert", "log_alert", "no_ar", "no_counter"}, word)) {
        Fail(option.text_at, "bad-value", "there is no option '" + std::string(word) + "'");
      }
    }
  }

  void MitreOption(const XmlElement& option) {
    if (!option.attributes.empty()) {
      Fail(option.attributes[0].at, "unknown-attribute", "<mitre> has no attributes");
    }
    for (const XmlElement& child : option.children) {
      const std::string text(Trim(child.text));
      if (child.name == "id" || child.name == "techniqueid") {
        rule_.mitre.ids.push_back(text);
      } else if (child.name == "tacticid") {
        rule_.mitre.tactics.push_back(text);
      } else {
        Fail(child.at, "unknown-element", "<mitre> has no element <" + child.name + ">");
      }
    }
    if (rule_.mitre.ids.empty()) {
      Warn(option.at, "empty-mitre", "<mitre> names no technique: write <id>T1095</id>");
    }
  }

  void Info(const XmlElement& option) {
    Plain(option, {"type"});
    const XmlAttribute* type = option.Find("type");
    if (type != nullptr && EqualsIgnoreCase(type->value, "cve")) {
      rule_.cve.push_back(option.text);
    } else {
      rule_.info += option.text;
    }
  }

  void Cve(const XmlElement& option) {
    Plain(option, {});
    rule_.cve.push_back(option.text);
  }

  const SourceText& source_;
  Diagnostics& diagnostics_;
  RuleDefinition& rule_;
  bool has_level_ = false;
};

/// Reads a `<group name="…">` element, the only root besides `<var>`.
class GroupReader {
 public:
  GroupReader(const SourceText& source, Diagnostics& diagnostics,
              std::vector<RuleDefinition>& rules)
      : source_(source), diagnostics_(diagnostics), rules_(rules) {}

  void Read(const XmlElement& root) {
    if (root.name != "group") {
      Fail(root.at, "unknown-element",
           "a rule file holds <group> and <var>, no <" + root.name + ">");
      return;
    }
    const XmlAttribute* name = root.Find("name");
    if (name == nullptr || root.attributes.size() != 1) {
      Fail(root.at, "bad-group", "a group is written <group name=\"NAME,\">");
      return;
    }
    if (root.children.empty()) Fail(root.at, "bad-group", "the group holds no rule");
    if (!Trim(root.text).empty()) {
      diagnostics_.Add(source_, root.text_at,
                       {Severity::kWarning, "stray-text", "text between the rules is ignored"});
    }
    for (const XmlElement& child : root.children) {
      if (child.name != "rule") {
        Fail(child.at, "unknown-element", "a group holds <rule> elements, no <" + child.name + ">");
        continue;
      }
      RuleDefinition rule;
      rule.source = &source_;
      rule.groups = name->value;
      RuleReader(source_, diagnostics_, rule).Read(child);
      rules_.push_back(std::move(rule));
    }
  }

 private:
  void Fail(Offset at, std::string_view code, std::string message) {
    diagnostics_.Add(source_, at, {Severity::kError, code, std::move(message)});
  }

  const SourceText& source_;
  Diagnostics& diagnostics_;
  std::vector<RuleDefinition>& rules_;
};

}  // namespace

std::vector<RuleDefinition> ReadDefinitions(const SourceText& source, Diagnostics& diagnostics) {
  std::vector<XmlElement> roots = ReadRuleXml(source, diagnostics);
  ExpandVariables(source, roots, diagnostics);
  std::vector<RuleDefinition> rules;
  GroupReader reader(source, diagnostics, rules);
  for (const XmlElement& root : roots) reader.Read(root);
  return rules;
}

}  // namespace tld
