// SPDX-License-Identifier: Apache-2.0
#include "detect/rule_xml.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <pugixml.hpp>
#include <utility>

#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kTextLimit = 20'480;
constexpr int kNestingLimit = 32;

// `\<` is a literal `<` in the dialect, and no XML. While the file is parsed it is stood in for by
// two bytes of the same length, so that offsets stay true.
constexpr std::string_view kEscapedLess = "\\<";
constexpr std::string_view kStandIn = "\x01\x02";

void ReplaceAll(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

/// The five entities of XML; a `&` that begins none of them is a literal one.
std::string DecodeText(std::string_view text) {
  constexpr std::pair<std::string_view, char> kEntities[] = {
      {"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&apos;", '\''}};
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto* entity = std::find_if(std::begin(kEntities), std::end(kEntities),
                                      [&](const auto& e) { return text.starts_with(e.first); });
    if (entity != std::end(kEntities)) {
      out += entity->second;
      text.remove_prefix(entity->first.size());
    } else if (text.starts_with(kStandIn)) {
      out += '<';
      text.remove_prefix(kStandIn.size());
    } else {
      out += text[0];
      text.remove_prefix(1);
    }
  }
  return out;
}

std::string_view Meaning(const pugi::xml_parse_result& result) {
  switch (result.status) {
    case pugi::status_end_element_mismatch:
      return "the end tag does not fit the element that is open";
    case pugi::status_bad_attribute:
      return "an attribute must be NAME=\"VALUE\"";
    case pugi::status_bad_comment:
      return "the comment is not closed by '-->' or not opened by '<!--'";
    case pugi::status_bad_start_element:
      return "the start tag is not well-formed";
    case pugi::status_bad_end_element:
      return "the end tag is not well-formed";
    case pugi::status_unrecognized_tag:
      return "'<' begins no tag; a literal one is written '\\<' or '&lt;'";
    case pugi::status_no_document_element:
      return "the file holds no element";
    case pugi::status_bad_pi:
      return "the XML declaration is not well-formed";
    default:
      return "not well-formed XML";
  }
}

/// Walks the nodes of pugixml, which parsed `buffer` in place.
class Converter {
 public:
  Converter(const SourceText& source, const char* buffer, Diagnostics& diagnostics)
      : source_(source), buffer_(buffer), diagnostics_(diagnostics) {}

  std::vector<XmlElement> Children(const pugi::xml_node& parent, int depth, XmlElement* into) {
    std::vector<XmlElement> elements;
    for (const pugi::xml_node& node : parent.children()) {
      switch (node.type()) {
        case pugi::node_element:
          elements.push_back(Element(node, depth + 1));
          if (into != nullptr && into->name != "group") into->faulty |= elements.back().faulty;
          break;
        case pugi::node_pcdata:
          Text(node, into);
          break;
        case pugi::node_declaration:
          break;
        default:
          Fail(TagOf(node), "unsupported-xml", "only elements, text and comments are allowed");
          if (into != nullptr) into->faulty = true;
      }
    }
    return elements;
  }

 private:
  Offset At(const char* place) const { return Offset{static_cast<std::size_t>(place - buffer_)}; }

  /// The `<` of a node that is no element: the parser points behind its mark.
  Offset TagOf(const pugi::xml_node& node) const {
    const bool named = node.type() == pugi::node_pi;
    const Offset inside = At(named ? node.name() : node.value());
    return Offset{source_.text.rfind('<', inside.bytes - 1)};
  }

  void Fail(Offset at, std::string_view code, std::string message) {
    diagnostics_.Add(source_, at, {Severity::kError, code, std::move(message), rule_});
  }

  XmlElement Element(const pugi::xml_node& node, int depth) {
    const std::string around = rule_;
    if (std::string_view(node.name()) == "rule") rule_ = RuleIdOf(node);
    XmlElement element = Read(node, depth);
    rule_ = around;
    return element;
  }

  static std::string RuleIdOf(const pugi::xml_node& node) {
    for (const pugi::xml_attribute& attribute : node.attributes()) {
      if (EqualsIgnoreCase(attribute.name(), "id")) return attribute.value();
    }
    return {};
  }

  XmlElement Read(const pugi::xml_node& node, int depth) {
    XmlElement element;
    element.name = node.name();
    element.at = Offset{At(node.name()).bytes - 1};
    element.text_at = element.at;
    if (depth > kNestingLimit) {
      Fail(element.at, "too-deep", "elements are nested more than 32 deep");
      element.faulty = true;
      return element;
    }
    for (const pugi::xml_attribute& attribute : node.attributes()) {
      const Offset at = At(attribute.name());
      if (element.Find(attribute.name()) != nullptr) {
        Fail(at, "duplicate-attribute",
             "the attribute '" + std::string(attribute.name()) + "' stands twice");
        element.faulty = true;
        continue;
      }
      element.attributes.push_back(
          {attribute.name(), Limited(attribute.value(), &element), at, At(attribute.value())});
    }
    element.children = Children(node, depth, &element);
    return element;
  }

  void Text(const pugi::xml_node& node, XmlElement* into) {
    if (into != nullptr) {
      // A place in the text is one in the file, but for what stands between two parts of it: of
      // those the first that is not blank counts.
      if (Trim(into->text).empty()) {
        into->text_at = Offset{At(node.value()).bytes - into->text.size()};
      }
      into->text += Limited(node.value(), into);
    } else if (!Trim(node.value()).empty()) {
      const std::string_view value = node.value();
      diagnostics_.Add(source_, Offset{At(node.value()).bytes + value.find_first_not_of(" \t\r\n")},
                       {Severity::kWarning, "stray-text", "text outside of elements is ignored"});
    }
  }

  std::string Limited(const char* value, XmlElement* of) {
    const std::string_view raw = value;
    if (raw.size() > kTextLimit) {
      Fail(At(value), "text-too-long", "the text is longer than 20480 bytes");
      of->faulty = true;
      return {};
    }
    return DecodeText(raw);
  }

  const SourceText& source_;
  const char* buffer_;
  Diagnostics& diagnostics_;
  std::string rule_;  ///< id of the rule that is read, as written
};

/// One pass over the tags, before the text is parsed: case counts for no name of an element, and
/// which tag does not fit which is told better by who knows the open ones.
class Tags {
 public:
  Tags(const SourceText& source, std::string& buffer, Diagnostics& diagnostics)
      : source_(source), buffer_(buffer), diagnostics_(diagnostics) {}

  /// False when tags do not fit, which is told. What is no tag at all is left to the parser.
  bool Run() {
    for (std::size_t at = buffer_.find('<'); at != buffer_.npos; at = buffer_.find('<', at)) {
      const std::string_view rest = std::string_view(buffer_).substr(at);
      if (rest.starts_with("<!--")) {
        at = After("-->", at + 4);
      } else if (rest.starts_with("<![CDATA[")) {
        at = After("]]>", at);
      } else if (rest.starts_with("<!") || rest.starts_with("<?")) {
        at = After(">", at);
      } else if (rest.starts_with("</")) {
        const std::string_view name = Lowered(at + 2);
        if (!Close(name, at)) return false;
        at += 2 + name.size();
      } else {
        at = Open(at);
      }
      if (at == buffer_.npos) return true;
    }
    if (open_.empty()) return true;
    return Fail(open_.back().at, "<" + std::string(open_.back().name) + "> is not closed");
  }

 private:
  struct Element {
    std::string_view name;
    std::size_t at;
  };

  std::size_t After(std::string_view end, std::size_t from) const {
    const std::size_t at = buffer_.find(end, from);
    return at == buffer_.npos ? at : at + end.size();
  }

  /// The name that begins there, made lower case.
  std::string_view Lowered(std::size_t at) {
    const std::size_t end = std::min(buffer_.find_first_of(" \t\r\n/><", at), buffer_.size());
    const auto begin = buffer_.begin() + static_cast<std::ptrdiff_t>(at);
    std::transform(begin, buffer_.begin() + static_cast<std::ptrdiff_t>(end), begin, AsciiLower);
    return std::string_view(buffer_).substr(at, end - at);
  }

  static bool BeginsName(std::string_view name) {
    const unsigned char c = name.empty() ? 0 : static_cast<unsigned char>(name[0]);
    return (c >= 'a' && c <= 'z') || c == '_' || c == ':' || c >= 0x80;
  }

  /// Reads a start tag; returns the place after it, or none where it is no good.
  std::size_t Open(std::size_t at) {
    const std::string_view name = Lowered(at + 1);
    if (!BeginsName(name)) return buffer_.npos;
    std::size_t end = at + 1 + name.size();
    while ((end = buffer_.find_first_of("\"'>", end)) != buffer_.npos && buffer_[end] != '>') {
      end = After(buffer_.substr(end, 1), end + 1);
      if (end == buffer_.npos) break;
    }
    if (end == buffer_.npos) return end;
    if (buffer_[end - 1] != '/') open_.push_back({name, at});
    return end + 1;
  }

  bool Close(std::string_view name, std::size_t at) {
    const std::string tag = "</" + std::string(name) + ">";
    if (open_.empty()) return Fail(at, tag + " closes nothing");
    const Element element = open_.back();
    open_.pop_back();
    if (element.name == name) return true;
    return Fail(at, tag + " does not close <" + std::string(element.name) + "> of line " +
                        std::to_string(source_.LineOf(Offset{element.at})));
  }

  bool Fail(std::size_t at, std::string message) {
    diagnostics_.Add(source_, Offset{at}, {Severity::kError, "xml", std::move(message)});
    return false;
  }

  const SourceText& source_;
  std::string& buffer_;
  Diagnostics& diagnostics_;
  std::vector<Element> open_;
};

/// Bytes that no rule file may hold: NUL, and the two that stand in for `\<`.
std::optional<std::size_t> FindForbidden(std::string_view text) {
  const std::size_t at = text.find_first_of(std::string_view("\0\x01\x02", 3));
  return at == text.npos ? std::nullopt : std::optional(at);
}

}  // namespace

const XmlAttribute* XmlElement::Find(std::string_view attribute) const {
  for (const XmlAttribute& a : attributes) {
    if (a.name == attribute) return &a;
  }
  return nullptr;
}

std::vector<XmlElement> ReadRuleXml(const SourceText& source, Diagnostics& diagnostics) {
  if (const auto at = FindForbidden(source.text)) {
    diagnostics.Add(source, Offset{*at},
                    {Severity::kError, "forbidden-byte", "a control byte that no rule may hold"});
    return {};
  }
  std::string buffer = source.text;
  if (buffer.starts_with("\xEF\xBB\xBF")) buffer.replace(0, 3, "   ");  // a byte order mark
  ReplaceAll(buffer, kEscapedLess, kStandIn);
  if (!Tags(source, buffer, diagnostics).Run()) return {};
  pugi::xml_document document;
  const unsigned options = pugi::parse_fragment | pugi::parse_declaration | pugi::parse_cdata |
                           pugi::parse_pi | pugi::parse_doctype | pugi::parse_ws_pcdata;
  const pugi::xml_parse_result parsed =
      document.load_buffer_inplace(buffer.data(), buffer.size(), options, pugi::encoding_utf8);
  if (!parsed) {
    diagnostics.Add(source,
                    Offset{static_cast<std::size_t>(std::max<std::ptrdiff_t>(parsed.offset, 0))},
                    {Severity::kError, "xml", std::string(Meaning(parsed))});
    return {};
  }
  return Converter(source, buffer.data(), diagnostics).Children(document, 0, nullptr);
}

}  // namespace tld
