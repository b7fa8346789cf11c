// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/diagnostics.h"
#include "base/result.h"
#include "detect/definition.h"
#include "detect/list.h"
#include "detect/ruleset.h"

namespace tld {

/// The lists that rules use, each opened once.
class ListTable {
 public:
  /// Keeps references.
  ListTable(const ListDirectories& where, Diagnostics& diagnostics)
      : where_(where), diagnostics_(diagnostics) {}

  /// The index of the list in `lists`.
  Result<std::size_t> Open(std::string_view path);

  std::vector<List> lists;
  std::vector<std::string> stale;  ///< names of those whose compiled file did not fit their texts

 private:
  const ListDirectories& where_;
  Diagnostics& diagnostics_;
  std::unordered_map<std::string, std::size_t> index_;
};

/// The third step from a rule file to rules: the patterns, lists and texts of one definition,
/// compiled. Its place in the tree, and what counts for a composite, is the caller's (compile.cc).
/// What is wrong is told in `diagnostics`; then there is no rule.
std::optional<Rule> BuildRule(const RuleDefinition& definition, ListTable& lists,
                              std::vector<FieldName>& compared_fields, Diagnostics& diagnostics);

}  // namespace tld
