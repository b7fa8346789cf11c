// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/diagnostics.h"
#include "detect/definition.h"

namespace tld {

/// The second step from a rule file to rules: its elements (rule_xml.h), with variables expanded,
/// become definitions, in order. `source` must outlive them. A rule with an error is in the result,
/// marked faulty, so that its children can be named.
std::vector<RuleDefinition> ReadDefinitions(const SourceText& source, Diagnostics& diagnostics);

}  // namespace tld
