// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/event.h"
#include "detect/pattern.h"
#include "detect/ruleset.h"

/// Evaluation: a pure function of ruleset, windows and event, in the event's own time, so that a
/// replay of a log gives what was live. One thread.
namespace tld {

/// Where an event comes from, for `hostname` and `location`.
struct Origin {
  std::string_view host;      ///< of this machine; an event's own `node=` goes before it
  std::string_view location;  ///< the name of the input
};

/// What evaluation remembers between events. Belongs to one ruleset and starts empty with it; not
/// kept over a restart.
class Windows {
 public:
  explicit Windows(std::size_t rules) : fired_(rules) {}

  /// Takes over the counts of rules that both rulesets have.
  void TakeOver(const Ruleset& now, const Ruleset& before, const Windows& old);

  /// Counts an answer of the rule; returns how many it had since the hour of the event began.
  std::uint64_t CountFired(std::size_t rule, std::int64_t event_seconds);

 private:
  struct Fired {
    std::int64_t hour = -1;
    std::uint64_t times = 0;
  };
  std::vector<Fired> fired_;
};

/// The rule that an event is answered by. At most one an event.
struct Answer {
  std::size_t rule = 0;  ///< index into Ruleset::rules
  std::uint64_t fired_times = 0;

  /// True when a document is to be written.
  bool IsAlert(const Ruleset& ruleset) const {
    return ruleset.rules[rule].level > 0 && ruleset.rules[rule].log;
  }
};

/// One rule that was tried, in order.
struct TraceStep {
  std::size_t rule = 0;
  std::size_t depth = 0;  ///< 0 for roots
  bool held = false;
  /// The first condition that did not hold, as an index into Rule::conditions; its size for the
  /// length of the log (`maxsize`).
  std::size_t failed = 0;
};
using Trace = std::vector<TraceStep>;

/// Everything evaluation works with, besides the event.
struct EngineState {
  const Ruleset& ruleset;
  Windows& windows;
  MatchScratch& scratch;
  Origin origin;
};

/// The answer to an event, or none. `trace`, when not null, gets each rule tried.
std::optional<Answer> Evaluate(const EngineState& state, const Event& event, Trace* trace);

/// The field that a condition looks at, or null.
const FieldName* FieldOf(const Condition& condition);

/// Whether one condition holds.
bool Holds(const Condition& condition, const EngineState& state, const Event& event);

/// Whether a look-up of `value` in the list holds.
bool ListHolds(const ListCondition& condition, const List& list, std::string_view value);

/// The rule's description with its `$(field)` parts filled in, made safe to show, at most 1,024
/// bytes.
std::string Describe(const Rule& rule, const Event& event);

/// A condition in words, for traces: `field audit.type`, `list audit-keys on audit.key` …
std::string ConditionName(const Condition& condition, const Ruleset& ruleset);

}  // namespace tld
