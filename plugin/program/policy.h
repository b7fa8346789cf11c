// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "audit/names.h"
#include "base/diagnostics.h"
#include "detect/definition.h"
#include "detect/list.h"
#include "detect/ruleset.h"
#include "program/config.h"

namespace tld {

/// Everything a decision depends on, in one immutable value. A reload builds a whole new one and
/// swaps it in between two events, or keeps the old one.
struct Policy {
  Config config;
  Ruleset ruleset;
  UserNames users;
  std::string host;              ///< config.host or this machine's name
  std::uint64_t generation = 0;  ///< 1 for the first, one more with each reload
};

/// What to load.
struct PolicySource {
  std::string config_file;
  std::vector<std::string> rule_paths;        ///< not empty: instead of the configured ones
  std::vector<std::string> list_directories;  ///< not empty: instead of the configured ones
  FileTrust trust;
  std::string scratch = "/tmp";  ///< where stale lists are compiled to an unnamed file
  /// Directory of the copies that SaveAcceptedRules made; not empty: a rule file that is not
  /// well-formed or cannot be read is replaced by its copy, with a warning.
  std::string accepted_rules;
};

struct LoadedPolicy {
  std::shared_ptr<const Policy> policy;
  Diagnostics diagnostics;
  std::vector<std::string> stale_lists;
  std::size_t skipped_rules = 0;
  std::vector<SourceText> rule_files;  ///< as loaded
  /// By the indexes of policy->ruleset.rules; refer to rule_files.
  std::vector<RuleDefinition> definitions;
};

/// Loads as much as can be loaded. Whether a policy with errors may be used is the caller's
/// decision.
LoadedPolicy LoadPolicy(const PolicySource& source, std::uint64_t generation);

/// The list directories that a configuration means; `replaced` instead of them when not empty.
ListDirectories ListsOf(const Config& config, const PolicySource& source);

/// The *.xml files of the paths, sorted by base name over all directories.
std::vector<std::string> FindRuleFiles(const std::vector<std::string>& paths,
                                       Diagnostics& diagnostics);

/// Keeps copies of rule files that were loaded without an error.
Status SaveAcceptedRules(const std::string& directory, const std::vector<SourceText>& files);

}  // namespace tld
