// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "detect/definition.h"
#include "detect/list.h"
#include "detect/ruleset.h"

namespace tld {

struct CompiledRules {
  Ruleset ruleset;
  std::vector<RuleDefinition> definitions;  ///< by the indexes of ruleset.rules
  std::vector<std::string> stale_lists;     ///< whose compiled file did not fit their texts
  std::size_t skipped = 0;  ///< rules that were left out for an error or a missing parent
};

/// From rule files, in load order, to the ruleset: elements (rule_xml.h), definitions
/// (definition.h), then links, lists and patterns here. Every problem is a diagnostic; a faulty
/// rule is left out with its children and the rest is compiled. Whether that result may be used is
/// the caller's decision: at a start it is, at a reload with errors it is not.
CompiledRules CompileRules(const std::vector<SourceText>& files, const ListDirectories& lists,
                           Diagnostics& diagnostics);

}  // namespace tld
