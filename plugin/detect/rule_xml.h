// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"

/// The first step from a rule file to rules: its XML dialect as a tree of elements with places.
/// What elements mean is no matter of this file.
namespace tld {

struct XmlAttribute {
  std::string name;
  std::string value;
  Offset at;        ///< of the name
  Offset value_at;  ///< of the value, after its quote
};

struct XmlElement {
  std::string name;  ///< lower case
  Offset at;         ///< of the `<`
  std::vector<XmlAttribute> attributes;
  std::string text;  ///< all text directly inside, entities decoded, not trimmed
  Offset text_at;
  std::vector<XmlElement> children;
  bool faulty = false;  ///< something in it could not be read; it or its rule must not be used

  const XmlAttribute* Find(std::string_view attribute) const;

  /// Of the first byte of the text that is no blank.
  Offset first_at() const {
    return Offset{text_at.bytes + std::min(text.find_first_not_of(" \t\r\n"), text.size())};
  }
};

/// The root elements of a rule file. Where the text is not well-formed there is an error in
/// `diagnostics` and the result is empty: no part of such a file is used. What is well-formed and
/// bad all the same, such as an attribute that stands twice, makes its element and those around it
/// faulty, up to the rule.
std::vector<XmlElement> ReadRuleXml(const SourceText& source, Diagnostics& diagnostics);

}  // namespace tld
