// SPDX-License-Identifier: Apache-2.0
#include "detect/variables.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kExpandedLimit = 20'480;  // as for a text that is written out

class Expander {
 public:
  Expander(const SourceText& source, Diagnostics& diagnostics)
      : source_(source), diagnostics_(diagnostics) {}

  void Define(const XmlElement& element) {
    const XmlAttribute* name = element.Find("name");
    const bool alone = element.attributes.size() == 1 && element.children.empty();
    if (name == nullptr || name->value.empty() || element.text.empty() || !alone) {
      Fail(element.at, "bad-variable", "a variable is written <var name=\"NAME\">VALUE</var>");
      return;
    }
    values_[name->value] = element.text;
  }

  bool defined_any() const { return !values_.empty(); }

  // Nesting is bounded by the XML reader.
  void Expand(XmlElement& element) {
    if (element.name == "rule") {
      const XmlAttribute* id = element.Find("id");
      rule_ = id == nullptr ? "" : id->value;
    }
    bool good = Replace(element.text, element.text_at);
    for (XmlAttribute& a : element.attributes) good = Replace(a.value, a.value_at) && good;
    element.faulty |= !good;
    for (XmlElement& child : element.children) {
      Expand(child);
      if (element.name != "group") element.faulty |= child.faulty;
    }
  }

 private:
  void Fail(Offset at, std::string_view code, std::string message) {
    diagnostics_.Add(source_, at, {Severity::kError, code, std::move(message), rule_});
  }

  /// False when it could not be done.
  bool Replace(std::string& text, Offset at) {
    if (text.find('$') == text.npos) return true;
    std::string out;
    for (std::size_t place = 0; place < text.size();) {
      if (text[place] != '$') {
        out += text[place++];
        continue;
      }
      const std::size_t end = std::min(text.find_first_of("$.|, \t\r\n", place + 1), text.size());
      const std::string word = text.substr(place + 1, end - place - 1);
      const bool reference = !word.empty() && word[0] != '(';
      const auto found = values_.find(word);
      if (reference && found == values_.end()) {
        Fail(Offset{at.bytes + place}, "unknown-variable", "there is no variable '" + word + "'");
        return false;
      }
      out += reference ? found->second : '$' + (word.empty() ? "" : word.substr(0, 1));
      place += reference || word.empty() ? 1 + word.size() : 2;
    }
    if (out.size() > kExpandedLimit) {
      Fail(at, "text-too-long", "with its variables the text is longer than 20480 bytes");
      return false;
    }
    text = std::move(out);
    return true;
  }

  const SourceText& source_;
  Diagnostics& diagnostics_;
  std::string rule_;  ///< id of the rule that is expanded
  std::unordered_map<std::string, std::string> values_;
};

}  // namespace

void ExpandVariables(const SourceText& source, std::vector<XmlElement>& roots,
                     Diagnostics& diagnostics) {
  Expander expander(source, diagnostics);
  std::vector<XmlElement> rest;
  for (XmlElement& root : roots) {
    if (root.name == "var") {
      if (expander.defined_any()) expander.Expand(root);
      expander.Define(root);
      continue;
    }
    if (expander.defined_any()) expander.Expand(root);
    rest.push_back(std::move(root));
  }
  roots = std::move(rest);
}

}  // namespace tld
