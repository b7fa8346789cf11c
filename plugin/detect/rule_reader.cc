// SPDX-License-Identifier: Apache-2.0
#include "detect/rule_reader.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace tld {

void RuleReader::Read(const XmlElement& element) {
  rule_.at = element.at;
  rule_.faulty = element.faulty;
  // First, so that what is wrong with the others is told with it.
  for (const XmlAttribute& attribute : element.attributes) {
    const bool is_id = rule_.id.empty() && EqualsIgnoreCase(attribute.name, "id");
    if (is_id) rule_.id = attribute.value;
  }
  for (const XmlAttribute& attribute : element.attributes) {
    // Case counts for none of them, so two that differ in it are one that stands twice.
    const bool twice = std::any_of(
        element.attributes.begin(), element.attributes.end(), [&](const XmlAttribute& other) {
          return &other < &attribute && EqualsIgnoreCase(other.name, attribute.name);
        });
    if (twice) {
      Fail(attribute.at, "duplicate-attribute",
           "the attribute '" + attribute.name + "' stands twice");
    } else {
      Attribute(attribute);
    }
  }
  if (rule_.id.empty()) Fail(element.at, "missing-id", "a rule needs an id of 1 to 6 digits");
  if (!has_level_) Fail(element.at, "missing-level", "a rule needs a level from 0 to 16");
  if (!Trim(element.text).empty()) {
    Warn(element.first_at(), "stray-text", "text between the options is ignored");
  }
  for (const XmlElement& option : element.children) Option(option);
  FinishComposite();
  if (!rule_.description) {
    Fail(element.at, "missing-description", "a rule needs a <description>");
  }
}

void RuleReader::Fail(Offset at, std::string_view code, std::string message) {
  rule_.faulty = true;
  diagnostics_.Add(source_, at, {Severity::kError, code, std::move(message), rule_.id});
}

void RuleReader::Warn(Offset at, std::string_view code, std::string message) {
  diagnostics_.Add(source_, at, {Severity::kWarning, code, std::move(message), rule_.id});
}

std::uint64_t RuleReader::Number(const XmlAttribute& attribute, std::uint64_t least,
                                 std::uint64_t most) {
  const auto number = ParseNumber(Trim(attribute.value));
  if (number && *number >= least && *number <= most) return *number;
  Fail(attribute.value_at, "bad-number",
       "'" + attribute.name + "' must be a number from " + std::to_string(least) + " to " +
           std::to_string(most));
  return least;
}

bool RuleReader::YesNo(const XmlAttribute& attribute) {
  if (EqualsIgnoreCase(attribute.value, "yes")) return true;
  if (!EqualsIgnoreCase(attribute.value, "no")) {
    Warn(attribute.value_at, "bad-value", "'" + attribute.name + "' is 'yes' or 'no'; 'no' counts");
  }
  return false;
}

void RuleReader::Attribute(const XmlAttribute& a) {
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
  } else if (EqualsIgnoreCase(a.name, "frequency")) {
    rule_.frequency = static_cast<std::uint32_t>(Number(a, 2, 9999));
    if (!rule_.composite_only) rule_.composite_only = {a.name, a.at};
  } else if (EqualsIgnoreCase(a.name, "timeframe")) {
    rule_.timeframe = static_cast<std::uint32_t>(Number(a, 0, 99999));
    rule_.timeframe_at = a.at;
  } else if (EqualsIgnoreCase(a.name, "ignore")) {
    rule_.ignore = static_cast<std::uint32_t>(Number(a, 0, 999999));
  } else if (EqualsIgnoreCase(a.name, "overwrite")) {
    rule_.overwrite = EqualsIgnoreCase(a.value, "yes");
    if (!rule_.overwrite && !EqualsIgnoreCase(a.value, "no")) {
      Fail(a.value_at, "bad-value", "'overwrite' is 'yes' or 'no'");
    }
  } else if (EqualsIgnoreCase(a.name, "noalert")) {
    rule_.noalert = Number(a, 0, 1) == 1;
  } else if (EqualsIgnoreCase(a.name, "accuracy")) {
    rule_.last_of_siblings = Number(a, 0, 1) == 0;
  } else {
    Fail(a.at, "unknown-attribute", "a rule has no attribute '" + a.name + "'");
  }
}

void RuleReader::Plain(const XmlElement& option,
                       std::initializer_list<std::string_view> attributes) {
  for (const XmlElement& child : option.children) {
    Fail(child.at, "unknown-element", "<" + option.name + "> holds text only");
  }
  for (const XmlAttribute& attribute : option.attributes) {
    const bool known = std::any_of(attributes.begin(), attributes.end(),
                                   [&](std::string_view name) { return name == attribute.name; });
    if (!known) {
      Fail(attribute.at, "unknown-attribute",
           "<" + option.name + "> has no attribute '" + attribute.name + "'");
    }
  }
}

PatternDefinition RuleReader::ReadPattern(const XmlElement& option, PatternKind kind) {
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

void RuleReader::Joined(std::optional<PatternDefinition>& into, const XmlElement& option,
                        PatternKind kind) {
  Plain(option, {"negate", "type"});
  PatternDefinition pattern = ReadPattern(option, kind);
  if (into) {
    if (into->kind != pattern.kind || into->negate != pattern.negate) {
      Warn(option.at, "repeated",
           "<" + option.name + "> stands before with another type or negate; these count for both");
    }
    pattern.pattern = {into->pattern.text + pattern.pattern.text, into->pattern.at};
  }
  into = std::move(pattern);
}

}  // namespace tld
