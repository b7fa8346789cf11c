// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "detect/engine.h"

/// Why the rules answered an event as they did, in words that are safe to show. Each text is one
/// line.
namespace tld {

/// What came of a rule that was tried.
std::string ExplainStep(const TraceStep& step, const MatchContext& context, const Event& event);

/// Ids of the rules that were not tried since this one took the event before them.
std::vector<std::string> NotTriedAfter(const Trace& trace, std::size_t step,
                                       const Ruleset& ruleset);

/// What kept a rule from being the answer, which is another or none: all that would have to be
/// otherwise.
std::vector<std::string> WhyNot(std::size_t rule, const Trace& trace, const MatchContext& context,
                                const Event& event);

}  // namespace tld
