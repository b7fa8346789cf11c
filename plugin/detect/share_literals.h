// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "detect/ruleset.h"

namespace tld {

/// Fills Ruleset::literals and Ruleset::needs from the rules' conditions, which get their numbers.
/// Last, since the siblings' needs go by it.
void ShareLiterals(Ruleset& ruleset);

/// Fills the needs of siblings from those of all rules, as of Ruleset::needs.
void FillNeeds(Siblings& siblings, const std::vector<LiteralNumber>& needs);

}  // namespace tld
