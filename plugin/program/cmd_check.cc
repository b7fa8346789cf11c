// SPDX-License-Identifier: Apache-2.0
// tldctl check
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <vector>

#include "base/text.h"
#include "detect/engine.h"
#include "detect/lint.h"
#include "detect/list.h"
#include "program/command.h"
#include "program/sandbox.h"

namespace tld {
namespace {

constexpr std::string_view kAuditRules = "/etc/audit/rules.d";
constexpr std::string_view kLoadedAuditRules = "/etc/audit/audit.rules";

/// Lists that no rule uses are read as well: a plugin that starts to use one should find it good.
void CheckUnusedLists(const LoadedPolicy& loaded, const ListDirectories& where,
                      Diagnostics& diagnostics) {
  for (const std::string& name : ListNames(where)) {
    bool used = false;
    for (const List& list : loaded.policy->ruleset.lists) used |= list.name() == name;
    if (used) continue;
    const Result<OpenedList> opened = OpenList(where, name, diagnostics);
    if (!opened) diagnostics.AddFile(name, {Severity::kError, "bad-list", opened.message()});
  }
}

/// The files that augenrules(8) puts together, in its order; what it made of them when there are
/// none.
std::vector<std::string> AuditRuleFiles() {
  std::vector<std::string> files;
  if (const auto names = ListDirectory(std::string(kAuditRules))) {
    for (const std::string& name : *names) {
      if (name.ends_with(".rules")) files.push_back(std::string(kAuditRules) + '/' + name);
    }
  }
  if (files.empty()) files.emplace_back(kLoadedAuditRules);
  return files;
}

void Lint(LoadedPolicy& loaded, const ListDirectories& where) {
  const LintedRules rules{loaded.policy->ruleset, loaded.definitions};
  const std::string shipped = FindInstallation().shipped_rules;
  LintTree(rules, loaded.diagnostics);
  LintConditions(rules, shipped, loaded.diagnostics);
  LintLists(rules, where, loaded.diagnostics);
  LintAuditRules(rules, shipped, AuditRuleFiles(), loaded.diagnostics);
}

/// The plugin believes only files that are safe from other users.
void CheckTrusted(const std::vector<std::string>& paths, Diagnostics& diagnostics) {
  for (const std::string& path : paths) {
    struct stat st {};
    if (stat(path.c_str(), &st) != 0 || !S_ISREG(st.st_mode))
      continue;  // was told when it was read
    if (const Status trusted = CheckTrust(st, {true, geteuid()}); !trusted) {
      diagnostics.AddFile(path, {Severity::kError, "untrusted-file",
                                 "the plugin refuses this file: it " + trusted.message()});
    }
  }
}

/// What the settings name and this host lacks, or cannot be.
void CheckHost(const LoadedPolicy& loaded, const PolicySource& source, Diagnostics& diagnostics) {
  const Config& config = loaded.policy->config;
  const auto warn = [&](const std::string& file, std::string_view code, std::string text) {
    diagnostics.AddFile(file, {Severity::kWarning, code, std::move(text)});
  };
  if (const auto user = FindUser(config.user); !user) {
    warn(source.config_file, "unknown-user", user.message() + "; the plugin runs as uid 65534");
  }
  if (config.store.size_bytes > config.store.most_bytes) {
    warn(source.config_file, "size-over-most",
         "[store] size is more than most: the file never becomes so large");
  }
  for (const Remote& remote : config.remotes) {
    for (const std::string& file : {remote.ca, remote.certificate, remote.key}) {
      if (file.empty() || FileExists(file)) continue;
      warn(source.config_file, "missing-file",
           "[remote " + remote.name + "] there is no file " + file);
    }
  }
  for (const std::string& directory : config.list_directories) {
    if (!FileExists(directory))
      warn(directory, "missing-directory", "[lists] names it, and it is not there");
  }
}

/// All files of a configuration.
std::vector<std::string> FilesOf(const LoadedPolicy& loaded, const PolicySource& source) {
  std::vector<std::string> paths = ConfigFiles(source.config_file);
  for (const SourceText& file : loaded.rule_files) paths.push_back(file.path);
  const ListDirectories where = ListsOf(loaded.policy->config, source);
  for (const std::string& name : ListNames(where)) {
    const ListSources sources = FindListSources(where, name);
    paths.insert(paths.end(), sources.texts.begin(), sources.texts.end());
    paths.insert(paths.end(), sources.exclusions.begin(), sources.exclusions.end());
    if (!sources.ready.empty()) paths.push_back(sources.ready);
  }
  return paths;
}

/// `1 error`, `2 errors`
std::string Counted(std::size_t count, std::string_view what) {
  return std::to_string(count) + ' ' + std::string(what) + (count == 1 ? "" : "s");
}

/// `3 errors, 1 warning`
std::string CountsOf(const Diagnostics& diagnostics) {
  std::string text;
  for (const Severity severity : {Severity::kError, Severity::kWarning, Severity::kLint}) {
    const std::size_t count = diagnostics.Count(severity);
    if (count == 0) continue;
    if (!text.empty()) text += ", ";
    text += severity == Severity::kLint ? std::to_string(count) + " lint"
                                        : Counted(count, SeverityName(severity));
  }
  return text.empty() ? "no findings" : text;
}

/// Prints the rules as they are tried: each below its parents, siblings in their order. One that
/// stands at several places has its children at the first.
class RuleTree {
 public:
  RuleTree(const LoadedPolicy& loaded, bool json)
      : loaded_(loaded), json_(json), seen_(ruleset().rules.size()) {}

  void Print() {
    for (const auto* roots : {&ruleset().roots, &ruleset().own_roots}) {
      for (const std::size_t root : roots->rules) PrintFrom(root, 0);
    }
  }

 private:
  const Ruleset& ruleset() const { return loaded_.policy->ruleset; }

  void PrintFrom(std::size_t index, std::size_t depth) {
    const Rule& rule = ruleset().rules[index];
    const bool again = seen_[index];
    seen_[index] = true;
    const std::string description = DescriptionText(rule);
    const RuleDefinition& definition = loaded_.definitions[index];
    const std::size_t line = definition.source->LineOf(definition.at);
    if (json_) {
      std::string out = "{\"rule\":";
      AppendJsonString(out, rule.id);
      out += ",\"level\":" + std::to_string(rule.level);
      out += ",\"depth\":" + std::to_string(depth);
      out += again ? ",\"again\":true" : ",\"again\":false";
      out += ",\"description\":";
      AppendJsonString(out, description);
      out += ",\"file\":";
      AppendJsonString(out, definition.source->path);
      std::puts((out + ",\"line\":" + std::to_string(line) + '}').c_str());
    } else {
      std::printf("%*s%s level=%d %s%s\n", static_cast<int>(2 * depth), "", Shown(rule.id).c_str(),
                  rule.level, Shown(description).c_str(),
                  again && !rule.children.rules.empty() ? " …" : "");
    }
    if (again) return;
    for (const std::size_t child : rule.children.rules) PrintFrom(child, depth + 1);
  }

  const LoadedPolicy& loaded_;
  bool json_;
  std::vector<bool> seen_;
};

}  // namespace

int RunCheck(const CommonOptions& common, const CheckOptions& options) {
  const PolicySource source = common.Source();
  LoadedPolicy loaded = LoadPolicy(source, 1);
  if (options.tree) {
    Print(loaded.diagnostics, common, false);
    RuleTree(loaded, common.json).Print();
    return loaded.diagnostics.HasErrors() ? kFindings : kGood;
  }
  const ListDirectories lists = ListsOf(loaded.policy->config, source);
  CheckUnusedLists(loaded, lists, loaded.diagnostics);
  Lint(loaded, lists);
  // Files that are only tried need not be the plugin's.
  if (common.rules.empty() && common.lists.empty()) {
    CheckHost(loaded, source, loaded.diagnostics);
    CheckTrusted(FilesOf(loaded, source), loaded.diagnostics);
  }
  const Diagnostics& diagnostics = loaded.diagnostics;
  Print(diagnostics, common, common.json);
  if (!common.json) {
    const Ruleset& ruleset = loaded.policy->ruleset;
    std::printf("%s, %s: %s\n", Counted(ruleset.rules.size(), "rule").c_str(),
                Counted(ruleset.lists.size(), "list").c_str(), CountsOf(diagnostics).c_str());
  }
  const bool bad = diagnostics.HasErrors() || (options.strict && !diagnostics.all().empty());
  return bad ? kFindings : kGood;
}

}  // namespace tld
