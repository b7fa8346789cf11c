// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "detect/ruleset.h"

/// Names of MITRE ATT&CK (Enterprise) for the ids that rules carry. Only what concerns a Linux host
/// is known here; an id that is not known has no name.
namespace tld {

/// What a document says of a rule's techniques.
struct MitreNames {
  std::vector<std::string_view> tactics;  ///< in the order of the matrix, each once
  std::vector<std::string_view> techniques;
};

/// The tactics are those that the rule names itself, else those of its techniques. The views live
/// as long as the program or the rule.
MitreNames NamesOf(const Mitre& mitre);

}  // namespace tld
