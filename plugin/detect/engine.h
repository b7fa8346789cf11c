// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "audit/event.h"
#include "detect/pattern.h"
#include "detect/ruleset.h"
#include "detect/window.h"

/// Evaluation: a pure function of ruleset, windows and event, in the event's own time, so that a
/// replay of a log gives what was live. One thread.
namespace tld {

/// The rule that an event is answered by. At most one an event.
struct Answer {
  std::size_t rule = 0;  ///< index into Ruleset::rules
  std::uint64_t fired_times = 0;
  /// Logs of events that a composite rule on the way to the answer counted, newest first, at most
  /// ten; none when it counted but one.
  std::vector<std::string> previous;

  /// True when a document is to be written.
  bool IsAlert(const Ruleset& ruleset) const {
    return ruleset.rules[rule].level > 0 && ruleset.rules[rule].log;
  }
};

/// One rule that was tried, in order.
struct TraceStep {
  enum class Result {
    kHeld,
    kLogTooShort,  ///< `maxsize`
    kCondition,    ///< Rule::conditions[condition] did not hold
    kTooFew,       ///< a composite counted less than its frequency
    kSilent,       ///< a composite of level 0 never holds
    kBarren,       ///< a gate that held at another place before, and no answer was below it
  };
  std::size_t rule = 0;
  std::size_t depth = 0;  ///< 0 for roots
  Result result = Result::kHeld;
  std::size_t condition = 0;
  std::size_t counted = 0;  ///< events, with the one at hand
};

/// How the search for an answer went.
struct Trace {
  std::vector<TraceStep> steps;
  /// The rule whose answer `ignore` gave to its parent, or to nobody.
  std::optional<std::size_t> ignored;

  void Clear() { *this = {}; }
};

/// The part of a ruleset that can hold on events of one kind; see prefilter.h.
struct Candidates {
  bool may_answer = false;  ///< one of the rules is above level 0
  Siblings roots;
  /// Of rules that have children which cannot hold, the others.
  std::unordered_map<std::size_t, Siblings> children;
};

/// What conditions are judged with, besides the event.
struct MatchContext {
  const Ruleset& ruleset;
  MatchScratch& scratch;
  Origin origin;
  const Candidates* candidates = nullptr;  ///< null: all rules are tried
  LiteralHits* literals = nullptr;         ///< of the event; null: each pattern by itself
};

/// The roots of the rules that are tried on the event.
const Siblings& RootsFor(const Ruleset& ruleset, const Event& event);

/// The answer to an event, or none. `trace`, when not null, gets each rule tried.
std::optional<Answer> Evaluate(const MatchContext& context, Windows& windows, const Event& event,
                               Trace* trace);

/// The field that a condition looks at, or null.
const FieldName* FieldOf(const Condition& condition);

/// The text that a condition on the origin looks at; empty when it is not known.
std::string_view OriginText(const OriginCondition& condition, const MatchContext& context,
                            const Event& event);

/// Whether one condition holds.
bool Holds(const Condition& condition, const MatchContext& context, const Event& event);

/// Whether a look-up of `value` in the list holds.
bool ListHolds(const ListCondition& condition, const List& list, std::string_view value);

/// The rule's description with its `$(field)` parts filled in, made safe to show, at most 1,024
/// bytes.
std::string Describe(const Rule& rule, const Event& event);

/// The description as its rule has it, with `$(field)`; not escaped.
std::string DescriptionText(const Rule& rule);

/// A condition in words, as in `field audit.exe '^/tmp'`; not escaped.
std::string ConditionName(const Condition& condition, const Ruleset& ruleset);

}  // namespace tld
