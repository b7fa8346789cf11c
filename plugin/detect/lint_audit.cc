// SPDX-License-Identifier: Apache-2.0
// LintAuditRules of lint.h.
#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/os.h"
#include "base/text.h"
#include "detect/audit_rules.h"
#include "detect/engine.h"
#include "detect/lint.h"

namespace tld {
namespace {

constexpr std::size_t kTextLimit = 1 << 20;
constexpr std::string_view kKeyField = "audit.key";
constexpr std::string_view kKeyList = "audit-keys";
constexpr std::string_view kCommand = "command";  // the value of a key of exec events, in kKeyList

struct AuditFile {
  SourceText source;
  std::vector<AuditRule> rules;
};

class AuditLint {
 public:
  AuditLint(const LintedRules& rules, Diagnostics& diagnostics)
      : rules_(rules), diagnostics_(diagnostics) {}

  void Run(const std::string& shipped, const std::vector<std::string>& paths) {
    for (const std::string& path : paths) {
      Result<std::string> text = ReadFile(path, kTextLimit);
      if (!text) continue;
      AuditFile file{{path, *std::move(text)}, {}};
      file.rules = ReadAuditRules(file.source);
      files_.push_back(std::move(file));
    }
    if (files_.empty()) return;
    for (std::size_t i = 0; i < rules_.definitions.size(); ++i) {
      if (!IsBelow(rules_.definitions[i].source->path, shipped)) LintKey(i);
    }
    LintExec();
  }

 private:
  /// A condition on the key that the key of no audit rule meets.
  void LintKey(std::size_t i) {
    const Ruleset& ruleset = rules_.ruleset;
    for (const Condition& condition : ruleset.rules[i].conditions) {
      const FieldName* field = FieldOf(condition);
      if (field == nullptr || field->text() != kKeyField) continue;
      bool met = false;
      for (const std::string& key : Keys()) met |= Meets(condition, key);
      if (met) continue;
      const RuleDefinition& d = rules_.definitions[i];
      diagnostics_.Add(
          *d.source, d.at,
          {Severity::kLint, "no-such-audit-key",
           "no audit rule gives a key that '" + ConditionName(condition, ruleset) + "' holds on",
           d.id});
    }
  }

  std::set<std::string> Keys() const {
    std::set<std::string> keys;
    for (const AuditFile& file : files_) {
      for (const AuditRule& rule : file.rules) {
        if (rule.records) keys.insert(rule.keys.begin(), rule.keys.end());
      }
    }
    return keys;
  }

  bool Meets(const Condition& condition, const std::string& key) {
    Event event;
    event.Add("audit.key", key);
    scratch_.Begin();
    return Holds(condition, {rules_.ruleset, scratch_, {}, nullptr}, event);
  }

  bool IsCommandKey(const AuditRule& rule) const {
    for (const List& list : rules_.ruleset.lists) {
      if (list.name() != kKeyList) continue;
      return std::any_of(rule.keys.begin(), rule.keys.end(),
                         [&](const std::string& key) { return list.Find(key) == kCommand; });
    }
    return true;  // without the list nobody can say
  }

  /// The kernel gives an event to the first audit rule that it fits.
  void LintExec() {
    for (const AuditFile& file : files_) {
      for (const AuditRule& rule : file.rules) {
        if (!rule.takes_exec || !rule.records) continue;
        if (IsCommandKey(rule)) return;
        const std::string keys =
            rule.keys.empty() ? "no key" : "the key '" + rule.keys.front() + "'";
        diagnostics_.Add(file.source, rule.at,
                         {Severity::kLint, "exec-other-key",
                          "this takes exec events first and gives them " + keys +
                              ", which the list audit-keys does not know as 'command'"});
      }
    }
  }

  const LintedRules& rules_;
  Diagnostics& diagnostics_;
  std::vector<AuditFile> files_;
  MatchScratch scratch_;
};

}  // namespace

void LintAuditRules(const LintedRules& rules, const std::string& shipped,
                    const std::vector<std::string>& files, Diagnostics& diagnostics) {
  AuditLint(rules, diagnostics).Run(shipped, files);
}

}  // namespace tld
