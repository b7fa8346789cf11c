// SPDX-License-Identifier: Apache-2.0
#include "program/explain.h"

#include <algorithm>
#include <ctime>
#include <optional>

#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kShownBytes = 200;

std::string RuleName(const Rule& rule) {
  return "rule " + rule.id + " (level " + std::to_string(rule.level) + ')';
}

std::string LocalTime(const Event& event, const char* format) {
  const std::time_t seconds = event.id().seconds;
  std::tm local{};
  char text[32] = "";
  if (localtime_r(&seconds, &local) != nullptr) std::strftime(text, sizeof text, format, &local);
  return text;
}

/// `field audit.exe '^/tmp' on '/usr/bin/nc'`
std::string ConditionOn(const Condition& condition, const MatchContext& context,
                        const Event& event) {
  std::string text = ConditionName(condition, context.ruleset);
  if (const FieldName* field = FieldOf(condition)) {
    if (!event.Has(*field)) return Shown(text) + ": the event has no such field";
    text += " on '" + std::string(CutAtCharacter(event.First(*field), kShownBytes)) + '\'';
    if (!field->is_argument() && event.Find(*field).HasSeveral()) text += " and other values";
  }
  if (std::holds_alternative<SourceCondition>(condition)) {
    const auto addresses = event.Find("srcip");
    if (addresses.empty()) return Shown(text) + ": the event has no source address";
    text += " on";
    for (const Field& address : addresses) text += " '" + std::string(address.value) + '\'';
  } else if (const auto* origin = std::get_if<OriginCondition>(&condition)) {
    text += " on '" + std::string(OriginText(*origin, context, event)) + '\'';
  } else if (std::holds_alternative<TimeCondition>(condition)) {
    text += " at " + LocalTime(event, "%H:%M");
  } else if (std::holds_alternative<WeekdayCondition>(condition)) {
    text += " on " + LocalTime(event, "%A");
  } else if (std::holds_alternative<NeverCondition>(condition)) {
    text += ", which never holds on audit events";
  }
  return Shown(text);
}

std::string Frequency(const Composite& composite) {
  return std::to_string(composite.frequency) + " events in " +
         std::to_string(composite.timeframe_ms / 1000) + " s";
}

/// The conditions of the rule alone that do not hold.
std::vector<std::string> OwnFaults(const Rule& rule, const MatchContext& context,
                                   const Event& event) {
  std::vector<std::string> faults;
  if (event.full_log().size() < rule.least_log_bytes) {
    faults.push_back("a full log of " + std::to_string(rule.least_log_bytes) + " bytes: it has " +
                     std::to_string(event.full_log().size()));
  }
  for (const Condition& condition : rule.conditions) {
    if (!Holds(condition, context, event)) {
      faults.push_back(ConditionOn(condition, context, event));
    }
  }
  return faults;
}

/// Whether there is a rule whose answers the composite counts.
bool IsFed(const Rule& composite, const Ruleset& ruleset) {
  const std::size_t place = composite.composite->place;
  return std::any_of(ruleset.rules.begin(), ruleset.rules.end(), [&](const Rule& rule) {
    return !rule.gate && std::find(rule.counted_by.begin(), rule.counted_by.end(), place) !=
                             rule.counted_by.end();
  });
}

/// Collects what stands between a rule and being tried, from the root down.
class Path {
 public:
  Path(const Trace& trace, const MatchContext& context, const Event& event)
      : trace_(trace), context_(context), event_(event) {}

  std::vector<std::string> faults;

  const TraceStep* Tried(std::size_t rule) const {
    for (const TraceStep& step : trace_.steps) {
      if (step.rule == rule) return &step;
    }
    return nullptr;
  }

  /// Adds what kept a rule that holds from being the answer; nothing when it is.
  void AddBelow(std::size_t rule) {
    AddTaker(context_.ruleset.rules[rule].children.rules, "its child");
    if (context_.ruleset.rules[rule].gate) faults.push_back("it being no gate (noalert)");
  }

  /// Adds what kept the rule from being tried; nothing when it was.
  void Follow(std::size_t rule) {
    if (Tried(rule) != nullptr) return;
    const auto& roots = RootsFor(context_.ruleset, event_).rules;
    if (std::find(roots.begin(), roots.end(), rule) != roots.end()) {
      AddTaker(Before(roots, rule), "which is tried before it");
      return;
    }
    const Ruleset& ruleset = context_.ruleset;
    const auto& others = (event_.is_own() ? ruleset.roots : ruleset.own_roots).rules;
    if (std::find(others.begin(), others.end(), rule) != others.end()) {
      faults.push_back(event_.is_own() ? "the event being one of the plugin's own"
                                       : "it being for events of the plugin's own");
      return;
    }
    const std::size_t parent = BestParent(rule);
    Follow(parent);
    const TraceStep* step = Tried(parent);
    if (step != nullptr && step->result == TraceStep::Result::kHeld) {
      AddTaker(Before(ruleset.rules[parent].children.rules, rule), "which is tried before it");
      return;
    }
    const Rule& above = ruleset.rules[parent];
    for (const std::string& fault : OwnFaults(above, context_, event_)) {
      faults.push_back("its parent " + above.id + ": " + fault);
    }
    if (step != nullptr && step->result == TraceStep::Result::kTooFew) {
      faults.push_back("its parent " + above.id + ": " + ExplainStep(*step, context_, event_));
    }
  }

 private:
  /// The parent that came closest.
  std::size_t BestParent(std::size_t rule) const {
    std::size_t best = rule;
    int best_score = -1;
    for (std::size_t i = 0; i < context_.ruleset.rules.size(); ++i) {
      const auto& children = context_.ruleset.rules[i].children.rules;
      if (std::find(children.begin(), children.end(), rule) == children.end()) continue;
      const TraceStep* step = Tried(i);
      const int score = step == nullptr ? 0 : step->result == TraceStep::Result::kHeld ? 2 : 1;
      if (score > best_score) best = i, best_score = score;
    }
    return best;
  }

  static std::vector<std::size_t> Before(const std::vector<std::size_t>& siblings,
                                         std::size_t rule) {
    return {siblings.begin(), std::find(siblings.begin(), siblings.end(), rule)};
  }

  /// Adds the first of the rules that took the event.
  void AddTaker(const std::vector<std::size_t>& rules, const std::string& relation) {
    for (const std::size_t other : rules) {
      const TraceStep* step = Tried(other);
      const Rule& taker = context_.ruleset.rules[other];
      if (step == nullptr || step->result != TraceStep::Result::kHeld || taker.gate) continue;
      faults.push_back(RuleName(taker) + ", " + relation + ", not taking the event");
      return;
    }
  }

  const Trace& trace_;
  const MatchContext& context_;
  const Event& event_;
};

}  // namespace

std::string ExplainStep(const TraceStep& step, const MatchContext& context, const Event& event) {
  const Rule& rule = context.ruleset.rules[step.rule];
  switch (step.result) {
    case TraceStep::Result::kHeld: {
      std::string text = "holds";
      for (const Condition& condition : rule.conditions) {
        text += (text == "holds" ? ": " : "; ") + ConditionOn(condition, context, event);
      }
      return text;
    }
    case TraceStep::Result::kLogTooShort:
      return "does not hold: its maxsize is more than the full log's bytes";
    case TraceStep::Result::kCondition:
      return "does not hold: " + ConditionOn(rule.conditions[step.condition], context, event);
    case TraceStep::Result::kTooFew:
      return "does not hold: " + Frequency(*rule.composite) + ", this is number " +
             std::to_string(step.counted);
    case TraceStep::Result::kBarren:
      return "is a gate that was tried before: no rule below it answers";
    case TraceStep::Result::kSilent:
      return "does not hold: a composite rule of level 0 never does";
  }
  return {};
}

std::vector<std::string> NotTriedAfter(const Trace& trace, std::size_t step,
                                       const Ruleset& ruleset) {
  const TraceStep& taker = trace.steps[step];
  if (taker.result != TraceStep::Result::kHeld || ruleset.rules[taker.rule].gate) return {};
  const auto& own = ruleset.own_roots.rules;
  const bool of_own = std::find(own.begin(), own.end(), trace.steps[0].rule) != own.end();
  const std::vector<std::size_t>* siblings = of_own ? &own : &ruleset.roots.rules;
  for (std::size_t i = step; i-- > 0;) {
    if (trace.steps[i].depth >= taker.depth) continue;
    siblings = &ruleset.rules[trace.steps[i].rule].children.rules;
    break;
  }
  std::vector<std::string> ids;
  const auto place = std::find(siblings->begin(), siblings->end(), taker.rule);
  for (auto after = place; after != siblings->end(); ++after) {
    if (after != place) ids.push_back(ruleset.rules[*after].id);
  }
  return ids;
}

std::vector<std::string> WhyNot(std::size_t rule, const Trace& trace, const MatchContext& context,
                                const Event& event) {
  Path path(trace, context, event);
  path.Follow(rule);
  const Rule& wanted = context.ruleset.rules[rule];
  for (std::string& fault : OwnFaults(wanted, context, event)) {
    path.faults.push_back(std::move(fault));
  }
  const TraceStep* step = path.Tried(rule);
  if (wanted.composite && wanted.level == 0) {
    path.faults.push_back("a level above 0: a composite rule of level 0 never holds");
  } else if (wanted.composite && !IsFed(wanted, context.ruleset)) {
    path.faults.push_back("a rule that it counts: none of them answers at a level above 0");
  } else if (step != nullptr && step->result == TraceStep::Result::kTooFew) {
    path.faults.push_back(Frequency(*wanted.composite) + ": this is number " +
                          std::to_string(step->counted));
  } else if (wanted.composite && step == nullptr) {
    path.faults.push_back(Frequency(*wanted.composite) + " that it counts");
  }
  if (trace.ignored == rule) {
    path.faults.push_back("no alert of it in the " + std::to_string(wanted.ignore_seconds) +
                          " s before, which it ignores");
  } else if (step != nullptr && step->result == TraceStep::Result::kHeld) {
    path.AddBelow(rule);
  }
  return path.faults;
}

}  // namespace tld
