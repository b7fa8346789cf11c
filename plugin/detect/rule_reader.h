// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "detect/definition.h"
#include "detect/rule_xml.h"

namespace tld {

/// Reads one `<rule>` element into a definition. Attributes and patterns are in rule_reader.cc, all
/// other options in rule_options.cc; a table there says which function reads which option.
class RuleReader {
 public:
  RuleReader(const SourceText& source, Diagnostics& diagnostics, RuleDefinition& rule)
      : source_(source), diagnostics_(diagnostics), rule_(rule) {}

  void Read(const XmlElement& element);

 private:
  void Fail(Offset at, std::string_view code, std::string message);
  void Warn(Offset at, std::string_view code, std::string message);

  // The pieces that options are made of.
  std::uint64_t Number(const XmlAttribute& attribute, std::uint64_t least, std::uint64_t most);
  bool YesNo(const XmlAttribute& attribute);
  /// An option without children, and with no other attributes than these.
  void Plain(const XmlElement& option, std::initializer_list<std::string_view> attributes);
  PatternDefinition ReadPattern(const XmlElement& option, PatternKind kind);
  /// An option that may be repeated to make one pattern longer.
  void Joined(std::optional<PatternDefinition>& into, const XmlElement& option, PatternKind kind);
  void AddLink(std::vector<Placed>& links, const XmlElement& option);
  void Lookup(const XmlAttribute& attribute, ListDefinition& list);

  void Attribute(const XmlAttribute& attribute);
  void Option(const XmlElement& option);
  /// `same_…`, `different_…`, `not_same_…`; false when it is none.
  bool ReadComparison(const XmlElement& option);
  void NeverEqual(const XmlElement& option);
  void FinishComposite();

  // One function an option.
  void Match(const XmlElement& option);
  void RegexOption(const XmlElement& option);
  void Hostname(const XmlElement& option);
  void Location(const XmlElement& option);
  void FieldOption(const XmlElement& option);
  void ListOption(const XmlElement& option);
  void DecodedAs(const XmlElement& option);
  void Category(const XmlElement& option);
  void SourceAddress(const XmlElement& option);
  void Time(const XmlElement& option);
  void Weekday(const XmlElement& option);
  void NeverSet(const XmlElement& option);
  void NeverTrue(const XmlElement& option);
  void WithoutEffect(const XmlElement& option);
  void IfSid(const XmlElement& option);
  void IfGroup(const XmlElement& option);
  void IfLevel(const XmlElement& option);
  void IfMatchedSid(const XmlElement& option);
  void IfMatchedGroup(const XmlElement& option);
  void IfMatchedRegex(const XmlElement& option);
  void GlobalFrequency(const XmlElement& option);
  void Description(const XmlElement& option);
  void Group(const XmlElement& option);
  void Options(const XmlElement& option);
  void MitreOption(const XmlElement& option);
  void Info(const XmlElement& option);
  void Cve(const XmlElement& option);

  const SourceText& source_;
  Diagnostics& diagnostics_;
  RuleDefinition& rule_;
  bool has_level_ = false;
};

}  // namespace tld
