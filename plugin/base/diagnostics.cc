// SPDX-License-Identifier: Apache-2.0
#include "base/diagnostics.h"

#include <algorithm>

#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kShownLine = 160;  // bytes of a source line that fit a terminal

std::string_view Color(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "\033[1;31m";
    case Severity::kWarning:
      return "\033[1;35m";
    case Severity::kLint:
      return "\033[1;36m";
  }
  return "";
}

std::string Place(const Diagnostic& d) {
  return Shown(d.file) + ':' + std::to_string(d.line) + ':' + std::to_string(d.column) + ": ";
}

std::string Tail(const Diagnostic& d) {
  std::string tail = Shown(d.message);
  if (!d.rule.empty()) tail += " [rule " + Shown(d.rule) + ']';
  return tail;
}

}  // namespace

std::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "error";
    case Severity::kWarning:
      return "warning";
    case Severity::kLint:
      return "lint";
  }
  return "error";
}

const std::vector<std::size_t>& SourceText::Starts() const {
  if (starts_.empty()) {
    starts_.push_back(0);
    for (std::size_t end = text.find('\n'); end != text.npos; end = text.find('\n', end + 1)) {
      starts_.push_back(end + 1);
    }
  }
  return starts_;
}

std::size_t SourceText::LineOf(Offset at) const {
  const auto after = std::upper_bound(Starts().begin(), Starts().end(), at.bytes);
  return static_cast<std::size_t>(after - Starts().begin());
}

void Diagnostics::Add(const SourceText& source, Offset at, What what) {
  const std::size_t place = std::min(at.bytes, source.text.size());
  Diagnostic d;
  d.severity = what.severity;
  d.code = what.code;
  d.file = source.path;
  d.line = source.LineOf(Offset{place});
  const std::size_t begin = source.LineStart(d.line).bytes;
  const std::size_t end = std::min(source.text.find('\n', place), source.text.size());
  d.column = place - begin + 1;
  d.message = std::move(what.message);
  d.rule = std::move(what.rule);
  // A long line is shown from a little before the place.
  const std::size_t skip = d.column > kShownLine - 20 ? d.column - 60 : 0;
  const std::size_t length = std::min(end - begin - skip, kShownLine);
  d.source_line = source.text.substr(begin + skip, length);
  if (!d.source_line.empty() && d.source_line.back() == '\r') d.source_line.pop_back();
  d.caret = d.column - skip;
  Push(std::move(d));
}

void Diagnostics::AddFile(std::string_view path, What what) {
  Diagnostic d;
  d.severity = what.severity;
  d.code = what.code;
  d.file = path;
  d.line = d.column = 1;
  d.message = std::move(what.message);
  d.rule = std::move(what.rule);
  Push(std::move(d));
}

void Diagnostics::Append(const Diagnostics& other) {
  for (const Diagnostic& d : other.all_) Push(d);
}

std::size_t Diagnostics::Count(Severity severity) const {
  return static_cast<std::size_t>(std::count_if(
      all_.begin(), all_.end(), [&](const Diagnostic& d) { return d.severity == severity; }));
}

void Diagnostics::Push(Diagnostic diagnostic) {
  if (diagnostic.severity == Severity::kError) ++errors_;
  all_.push_back(std::move(diagnostic));
}

std::string RenderLine(const Diagnostic& d) {
  return Place(d) + std::string(SeverityName(d.severity)) + ": " + Tail(d);
}

std::string Render(const Diagnostic& d, bool color) {
  std::string out = Place(d);
  if (color) out += Color(d.severity);
  out += SeverityName(d.severity);
  out += ':';
  if (color) out += "\033[0m";
  out += ' ' + Tail(d) + '\n';
  if (d.caret == 0) return out;
  // The caret stands under the place as it is shown: tabs are kept, other bytes may be wider.
  std::string shown = "  ";
  std::string under = "  ";
  std::string_view rest = d.source_line;
  for (std::size_t column = 1; !rest.empty();) {
    const std::size_t size = std::max<std::size_t>(FirstCharacter(rest).size, 1);
    std::string part = rest[0] == '\t' ? "\t" : Shown(rest.substr(0, size));
    if (column < d.caret) {
      under += part == "\t" ? part : std::string(part.size() == size ? 1 : part.size(), ' ');
    }
    shown += part;
    column += size;
    rest.remove_prefix(size);
  }
  return out + shown + '\n' + under + (color ? "\033[1;32m^\033[0m\n" : "^\n");
}

std::string RenderJson(const Diagnostic& d) {
  std::string out = "{\"file\":";
  AppendJsonString(out, d.file);
  out += ",\"line\":" + std::to_string(d.line) + ",\"column\":" + std::to_string(d.column);
  out += ",\"severity\":";
  AppendJsonString(out, SeverityName(d.severity));
  out += ",\"code\":";
  AppendJsonString(out, d.code);
  out += ",\"message\":";
  AppendJsonString(out, d.message);
  out += ",\"rule\":";
  AppendJsonString(out, d.rule);
  return out + '}';
}

}  // namespace tld
