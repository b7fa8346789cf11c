// SPDX-License-Identifier: Apache-2.0
// LintConditions of lint.h.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "audit/field_hint.h"
#include "audit/record.h"
#include "base/os.h"
#include "base/text.h"
#include "detect/lint.h"

namespace tld {
namespace {

constexpr std::uint64_t kFirstOwnId = 100000;
constexpr std::uint64_t kLastOwnId = 120000;

constexpr std::string_view kNumbers[] = {
    "audit.id",          "audit.syscall",    "audit.exit",
    "audit.ppid",        "audit.pid",        "audit.auid",
    "audit.uid",         "audit.gid",        "audit.euid",
    "audit.suid",        "audit.fsuid",      "audit.egid",
    "audit.sgid",        "audit.fsgid",      "audit.ses",
    "audit.session",     "audit.old-auid",   "audit.old-ses",
    "audit.execve.argc", "audit.file.inode", "audit.directory.inode",
};

/// Fields that name a program, where a part of a name is rarely meant.
constexpr std::string_view kPrograms[] = {"audit.command", "audit.exe", "audit.program",
                                          "audit.execve.a0"};

template <class Names>
bool Contains(const Names& names, std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), AsciiLower);
  return lower;
}

/// Why a field never has the value; empty when it may.
std::string_view WhyNever(std::string_view field, std::string_view value) {
  if (Contains(kNumbers, field)) {
    const std::string_view digits = value.starts_with('-') ? value.substr(1) : value;
    if (!ParseNumber(digits)) return "this field is a number";
  } else if (field == "audit.success") {
    if (value != "yes" && value != "no") return "this field is 'yes' or 'no'";
  } else if (field == "audit.exe") {
    if (!value.starts_with('/')) return "this field is a whole path, from / on";
  } else if (field == "audit.command") {
    if (value.size() > kCommBytes) return "this field has at most 15 bytes";
  } else if (field == "audit.type" || field == "audit.record_type") {
    std::string name(value);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    if (!name.starts_with("UNKNOWN[") && RecordType(name) == 0) {
      return "there is no such record type";
    }
  }
  return {};
}

class ConditionLint {
 public:
  ConditionLint(const RuleDefinition& definition, Diagnostics& diagnostics)
      : d_(definition), diagnostics_(diagnostics) {}

  void Run(const std::string& shipped) {
    LintId(shipped);
    for (const NeverSetDefinition& option : d_.never_set) {
      Tell(option.at, "never-true", "no audit event sets what <" + option.option + "> looks at");
    }
    for (const FieldDefinition& field : d_.fields) LintField(field);
    if (d_.regex) LintSyntax(*d_.regex);
    if (d_.description) LintDescription(*d_.description);
    for (const ListDefinition& list : d_.lists) LintFieldName(list.field, list.path.at);
    for (const ComparisonDefinition& c : d_.comparisons) {
      // The others were told with their options.
      if (c.part == Comparison::Part::kField && c.at) LintFieldName(c.field, *c.at);
    }
    if (d_.timeframe_at && !d_.is_composite()) {
      Tell(*d_.timeframe_at, "no-effect", "'timeframe' has no effect without an <if_matched_...>");
    }
    if (d_.is_composite() && d_.level == 0) {
      Tell(d_.at, "never-true", "a rule that counts events never holds at level 0");
    }
  }

 private:
  void LintId(const std::string& shipped) {
    const auto id = ParseNumber(d_.id);
    const bool own = id && *id >= kFirstOwnId && *id <= kLastOwnId;
    const bool ours = IsBelow(d_.source->path, shipped);
    if (own || ours || d_.overwrite) return;
    Tell(d_.at, "foreign-id", "ids of your own rules are 100000 to 120000");
  }

  /// False when the name is not a good one. `code`: what follows where no event can have the field.
  bool LintFieldName(std::string_view name, Offset at, std::string_view code = "never-true") {
    const std::string lower = Lower(name);
    const std::string meant = FieldMeantBy(name);
    const std::string hint = meant.empty() ? "" : "; did you mean '" + meant + "'?";
    const bool known = lower.starts_with("audit.") || lower == "srcip";
    if (!known) {
      Tell(at, code, "no audit event has a field '" + std::string(name) + '\'' + hint);
    } else if (!hint.empty()) {
      Tell(at, "unknown-field", "'" + std::string(name) + "' is no field that is known" + hint);
    }
    return known && hint.empty();
  }

  void LintField(const FieldDefinition& field) {
    const Placed& text = field.pattern.pattern;
    if (!LintFieldName(field.name, text.at)) return;
    LintSyntax(field.pattern);
    const Result<Pattern> pattern = Pattern::Compile(field.pattern.kind, text.text);
    if (!pattern || field.pattern.negate) return;
    const std::string name = Lower(field.name);
    const auto texts = pattern->OnlyTexts();
    if (texts && !texts->empty()) {
      const bool never = std::all_of(texts->begin(), texts->end(), [&](const std::string& value) {
        return !WhyNever(name, value).empty();
      });
      if (never) {
        Tell(text.at, "never-true",
             "this never holds: " + std::string(WhyNever(name, texts->front())));
      }
    } else if (Contains(kPrograms, name) && LooksLikeAName(text.text)) {
      const bool path = name == "audit.exe";
      Tell(text.at, "unanchored",
           "this holds on every name that contains '" + text.text + "'; write " +
               (path ? "/" : "^") + text.text + "$ for the program alone");
    }
  }

  /// What is special in other languages stands for itself in an osregex.
  void LintSyntax(const PatternDefinition& pattern) {
    if (pattern.kind != PatternKind::kOsRegex) return;
    constexpr std::string_view kForeign[] = {".*", ".+", "[a-z", "[0-9", "[A-Z", "[^", "(?"};
    const std::string_view text = pattern.pattern.text;
    for (const std::string_view part : kForeign) {
      std::size_t at = text.find(part);
      while (at != text.npos && at > 0 && text[at - 1] == '\\') at = text.find(part, at + 1);
      if (at == text.npos) continue;
      Tell(pattern.pattern.at, "other-syntax",
           "in an osregex '" + std::string(part) + "' stands for itself; write " +
               (part.front() == '.' ? "\\" + std::string(part) + " for any text, or " : "") +
               "type=\"pcre2\"");
      return;
    }
  }

  /// `$(FIELD)` in it is the field's value.
  void LintDescription(const Placed& description) {
    std::string_view rest = description.text;
    for (std::size_t at = 0; (at = rest.find("$(")) != rest.npos;) {
      const std::size_t end = rest.find(')', at);
      if (end == rest.npos) {
        Tell(description.at, "open-variable", "'$(' is not closed in this description");
        return;
      }
      LintFieldName(rest.substr(at + 2, end - at - 2), description.at, "empty-variable");
      rest.remove_prefix(end + 1);
    }
  }

  static bool LooksLikeAName(std::string_view text) {
    return !text.empty() && text.size() <= 32 && std::all_of(text.begin(), text.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '-' || c == '.' || c == '+';
    });
  }

  void Tell(Offset at, std::string_view code, std::string message) {
    diagnostics_.Add(*d_.source, at, {Severity::kLint, code, std::move(message), d_.id});
  }

  const RuleDefinition& d_;
  Diagnostics& diagnostics_;
};

}  // namespace

void LintConditions(const LintedRules& rules, const std::string& shipped,
                    Diagnostics& diagnostics) {
  for (const RuleDefinition& definition : rules.definitions) {
    ConditionLint(definition, diagnostics).Run(shipped);
  }
}

}  // namespace tld
