// SPDX-License-Identifier: Apache-2.0
#include "detect/rule_file.h"

#include <utility>

#include "base/text.h"
#include "detect/rule_reader.h"
#include "detect/rule_xml.h"
#include "detect/variables.h"

namespace tld {
namespace {

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
    if (root.faulty) return;  // said before
    const XmlAttribute* name = root.Find("name");
    if (name == nullptr || root.attributes.size() != 1) {
      Fail(root.at, "bad-group", "a group is written <group name=\"NAME,\">");
      return;
    }
    if (root.children.empty()) Fail(root.at, "bad-group", "the group holds no rule");
    if (!Trim(root.text).empty()) {
      diagnostics_.Add(source_, root.first_at(),
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
