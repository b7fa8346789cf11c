// SPDX-License-Identifier: Apache-2.0
#include "program/policy.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "detect/compile.h"
#include "detect/rule_xml.h"

namespace tld {
namespace {

constexpr std::size_t kRuleFileLimit = std::size_t{32} << 20;
constexpr char kCatalogue[] = "suspicious-programs";

bool IsDirectory(const std::string& path) {
  struct stat st {};
  return stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

/// Files of one name lie in several directories: each copy has the whole path of its file.
std::string AcceptedCopy(const std::string& directory, const std::string& path) {
  return directory + (path.starts_with('/') ? "" : "/") + path;
}

/// Reads one rule file, or its accepted copy where the file itself is of no use.
std::optional<SourceText> ReadRuleFile(const std::string& path, const PolicySource& source,
                                       Diagnostics& diagnostics) {
  Diagnostics found;
  Result<std::string> text = ReadFile(path, kRuleFileLimit, source.trust);
  std::optional<SourceText> file;
  if (text) {
    file = SourceText{path, *std::move(text)};
    if (source.accepted_rules.empty()) return file;
    ReadRuleXml(*file, found);
    if (!found.HasErrors()) return file;
  } else {
    found.AddFile(path, {Severity::kError, "unreadable-file", text.message()});
  }
  if (source.accepted_rules.empty()) {
    diagnostics.Append(found);
    return {};
  }
  const std::string copy = AcceptedCopy(source.accepted_rules, path);
  // The copies are written by this role itself.
  Result<std::string> accepted = ReadFile(copy, kRuleFileLimit, {true, geteuid()});
  if (!accepted) {
    if (!file) diagnostics.Append(found);  // else the compiler finds the same again
    return file;
  }
  diagnostics.Append(found);
  diagnostics.AddFile(path, {Severity::kWarning, "accepted-copy",
                             "not usable; its last accepted copy " + copy + " is used instead"});
  return SourceText{copy, *std::move(accepted)};
}

}  // namespace

std::vector<std::string> FindRuleFiles(const std::vector<std::string>& paths,
                                       Diagnostics& diagnostics) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    if (!IsDirectory(path)) {
      files.push_back(path);
      continue;
    }
    const Result<std::vector<std::string>> names = ListDirectory(path);
    if (!names) {
      diagnostics.AddFile(path, {Severity::kError, "unreadable-directory", names.message()});
      continue;
    }
    for (const std::string& name : *names) {
      if (name.ends_with(".xml") && !name.starts_with('.')) files.push_back(path + '/' + name);
    }
  }
  std::stable_sort(files.begin(), files.end(), [](const std::string& a, const std::string& b) {
    return BaseName(a) < BaseName(b);
  });
  return files;
}

ListDirectories ListsOf(const Config& config, const PolicySource& source) {
  ListDirectories lists;
  lists.trust = source.trust;
  lists.scratch = source.scratch;
  if (!source.list_directories.empty()) {
    lists.directories = source.list_directories;
    return lists;
  }
  lists.directories = config.list_directories;
  lists.compiled = config.compiled_lists;
  if (!config.catalogue) lists.first_only.push_back(kCatalogue);
  return lists;
}

LoadedPolicy LoadPolicy(const PolicySource& source, std::uint64_t generation) {
  LoadedPolicy loaded;
  auto policy = std::make_shared<Policy>();
  policy->generation = generation;
  policy->config =
      LoadConfig(source.config_file, FindInstallation(), source.trust, loaded.diagnostics);
  policy->host = policy->config.host.empty() ? HostName() : policy->config.host;
  const std::vector<std::string>& paths =
      source.rule_paths.empty() ? policy->config.rule_paths : source.rule_paths;
  for (const std::string& path : FindRuleFiles(paths, loaded.diagnostics)) {
    if (auto file = ReadRuleFile(path, source, loaded.diagnostics)) {
      loaded.rule_files.push_back(*std::move(file));
    }
  }
  CompiledRules compiled =
      CompileRules(loaded.rule_files, ListsOf(policy->config, source), loaded.diagnostics);
  policy->ruleset = std::move(compiled.ruleset);
  if (policy->ruleset.rules.empty() && !paths.empty() && !loaded.diagnostics.HasErrors()) {
    loaded.diagnostics.AddFile(paths.front(),
                               {Severity::kError, "no-rules", "there is no rule here"});
  }
  loaded.definitions = std::move(compiled.definitions);
  loaded.stale_lists = std::move(compiled.stale_lists);
  loaded.skipped_rules = compiled.skipped;
  if (Result<UserNames> users = UserNames::Load("/etc/passwd")) policy->users = *std::move(users);
  loaded.policy = std::move(policy);
  return loaded;
}

Status SaveAcceptedRules(const std::string& directory, const std::vector<SourceText>& files) {
  if (Status made = MakeDirectories(directory, 0750); !made) return made;
  for (const SourceText& file : files) {
    if (file.path.starts_with(directory + '/')) continue;  // was read for want of a better one
    const std::string copy = AcceptedCopy(directory, file.path);
    if (Status made = MakeDirectories(DirectoryOf(copy), 0750); !made) return made;
    if (const auto same = ReadFile(copy, kRuleFileLimit); same && *same == file.text) continue;
    if (Status written = WriteFileAtomically(copy, file.text, 0640, false); !written)
      return written;
  }
  return {};
}

}  // namespace tld
