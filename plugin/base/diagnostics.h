// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tld {

enum class Severity { kError, kWarning, kLint };

/// "error", "warning" or "lint".
std::string_view SeverityName(Severity severity);

/// A place in a source text, in bytes from its start.
struct Offset {
  std::size_t bytes = 0;
};

/// The text of a file together with its name, so that an offset can be shown as line, column and
/// caret. Owns its bytes, which do not change any more. Used by one thread.
class SourceText {
 public:
  SourceText(std::string file, std::string content)
      : path(std::move(file)), text(std::move(content)) {}

  std::string path;
  std::string text;

  /// The line of a place, from 1.
  std::size_t LineOf(Offset at) const;
  /// Where that line begins.
  Offset LineStart(std::size_t line) const { return Offset{Starts()[line - 1]}; }

 private:
  const std::vector<std::size_t>& Starts() const;

  mutable std::vector<std::size_t> starts_;  // of all lines; found when first asked for
};

/// One finding about a settings, rule or list file. Line and column count from 1, columns in bytes;
/// a finding about a file as a whole stands at 1:1, without a caret.
struct Diagnostic {
  Severity severity = Severity::kError;
  std::string code;  ///< stable short name of the finding, such as "unknown-element"
  std::string file;
  std::size_t line = 1;
  std::size_t column = 1;
  std::string message;
  std::string rule;         ///< id of the rule concerned, or empty
  std::string source_line;  ///< the line itself, cut to a readable length, for the caret
  std::size_t caret = 0;    ///< column of the caret in source_line, from 1; 0 = none
};

/// Collects findings; never stops at the first.
class Diagnostics {
 public:
  struct What {
    Severity severity = Severity::kError;
    std::string_view code;
    std::string message;
    std::string rule = {};
  };

  void Add(const SourceText& source, Offset at, What what);
  /// A finding about a file as a whole, such as one that cannot be opened.
  void AddFile(std::string_view path, What what);
  void Append(const Diagnostics& other);

  bool HasErrors() const { return errors_ != 0; }
  std::size_t errors() const { return errors_; }
  std::size_t Count(Severity severity) const;
  const std::vector<Diagnostic>& all() const { return all_; }

 private:
  void Push(Diagnostic diagnostic);

  std::vector<Diagnostic> all_;
  std::size_t errors_ = 0;
};

/// `FILE:LINE:COLUMN: error: TEXT [rule ID]`, the source line and a caret, each line ended by a
/// newline. Bytes from the file that a terminal would act on are escaped.
std::string Render(const Diagnostic& diagnostic, bool color);
/// The first line of Render alone, without newline.
std::string RenderLine(const Diagnostic& diagnostic);
/// One JSON object, without newline: file, line, column, severity, code, message, rule.
std::string RenderJson(const Diagnostic& diagnostic);

}  // namespace tld
