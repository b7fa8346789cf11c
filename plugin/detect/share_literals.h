// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "detect/ruleset.h"

namespace tld {

/// Fills Ruleset::literals and Ruleset::needs from the rules' conditions, which get their numbers.
void ShareLiterals(Ruleset& ruleset);

}  // namespace tld
