// SPDX-License-Identifier: Apache-2.0
#include "detect/engine.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory_resource>
#include <unordered_set>
#include <utility>

#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kDescriptionLimit = 1024;
constexpr std::size_t kFieldLimit = 2 * kDescriptionLimit;  // more would not be seen
constexpr std::string_view kEllipsis = "…";
constexpr std::size_t kUsualDepth = 8;  // of rules below each other

/// The longest prefix of an address that ends in a dot and is a key, or the address itself.
std::optional<std::string_view> FindAddress(const List& list, std::string_view address) {
  if (const auto value = list.Find(address)) return value;
  while (!address.empty()) {
    address.remove_suffix(1);
    const std::size_t dot = address.rfind('.');
    if (dot == address.npos) return {};
    address = address.substr(0, dot + 1);
    if (const auto value = list.Find(address)) return value;
  }
  return {};
}

struct Holder {
  const MatchContext& context;
  const Event& event;

  bool operator()(const LogCondition& c) const {
    return c.pattern.Matches(event.full_log(), context.scratch) != c.negate;
  }
  bool operator()(const FieldCondition& c) const {
    if (!event.Has(c.field)) return false;
    if (c.literals != 0 && context.literals != nullptr) {
      return (context.literals->Found()[c.literals] != 0) != c.negate;
    }
    const bool any = event.Any(
        c.field, [&](std::string_view value) { return c.pattern.Matches(value, context.scratch); });
    return any != c.negate;
  }
  bool operator()(const ListCondition& c) const {
    if (!event.Has(c.field)) return false;
    const List& list = context.ruleset.lists[c.list];
    const bool negated =
        c.lookup == ListLookup::kNotMatchKey || c.lookup == ListLookup::kNotAddressMatchKey;
    // A negated look-up holds when it holds for every value.
    const bool any = event.Any(
        c.field, [&](std::string_view value) { return ListHolds(c, list, value) != negated; });
    return any != negated;
  }
  bool operator()(const OriginCondition& c) const {
    const std::string_view text = OriginText(c, context, event);
    return !text.empty() && c.pattern.Matches(text, context.scratch) != c.negate;
  }
  bool operator()(const SourceCondition& c) const {
    bool any = false;
    const auto addresses = event.Find("srcip");
    for (const Field& address : addresses) {
      any |= std::any_of(c.networks.begin(), c.networks.end(),
                         [&](const Network& n) { return n.Contains(address.value); });
    }
    return !addresses.empty() && any != c.negate;
  }
  bool operator()(const TimeCondition& c) const { return c.time.Holds(event.id().seconds); }
  bool operator()(const WeekdayCondition& c) const { return c.days.Holds(event.id().seconds); }
  bool operator()(const NeverCondition&) const { return false; }
};

/// A place in the walk: the siblings to try, and from which on.
struct Level {
  const std::vector<std::size_t>* rules;
  std::size_t next = 0;
  /// Of many siblings, the places of those that may hold; `next` counts them then.
  std::optional<std::pmr::vector<std::uint32_t>> places = {};
};

/// A rule that took the event.
struct Taken {
  std::size_t rule = 0;
  Windows::Counted counted;  ///< by a composite
};

/// One search. What it finds has no effect on the windows before it is concluded.
class Search {
 public:
  Search(const MatchContext& context, Windows& windows, const Event& event, Trace* trace)
      : literals_(context.ruleset.literals, event, &arena_),
        context_(context),
        windows_(windows),
        event_(event),
        trace_(trace) {
    context_.literals = &literals_;
  }

  /// Greedy and depth first: the first sibling that holds takes the event. Only a gate without an
  /// answer below it lets the search go on behind it, so the walk keeps the levels it came through.
  std::optional<Answer> Run() {
    const Candidates* some = context_.candidates;
    std::pmr::vector<Level> levels(&arena_);
    levels.reserve(kUsualDepth);
    path_.reserve(kUsualDepth);
    levels.push_back(LevelOf(some != nullptr ? some->roots : RootsFor(context_.ruleset, event_)));
    while (!levels.empty()) {
      Level& level = levels.back();
      if (const auto rule = Next(level)) {
        if (Try(*rule, levels.size() - 1)) levels.push_back(LevelOf(Children(*rule)));
        continue;
      }
      levels.pop_back();
      if (path_.empty()) return {};
      if (!RuleAt(path_.back().rule).gate) return Conclude();
      barren_.insert(path_.back().rule);
      path_.pop_back();
    }
    return {};
  }

 private:
  const Rule& RuleAt(std::size_t index) const { return context_.ruleset.rules[index]; }

  const Siblings& Children(std::size_t rule) const {
    if (context_.candidates != nullptr) {
      const auto found = context_.candidates->children.find(rule);
      if (found != context_.candidates->children.end()) return found->second;
    }
    return RuleAt(rule).children;
  }

  Level LevelOf(const Siblings& siblings) {
    Level level{&siblings.rules};
    if (trace_ != nullptr || siblings.needs.empty()) return level;
    std::pmr::vector<std::uint32_t>& places = level.places.emplace(&arena_);
    for (const LiteralNumber number : literals_.Numbers()) {
      auto need =
          std::lower_bound(siblings.needs.begin(), siblings.needs.end(), Siblings::Need{number, 0});
      for (; need != siblings.needs.end() && need->literal == number; ++need) {
        places.push_back(need->place);
      }
    }
    std::sort(places.begin(), places.end());
    return level;
  }

  /// The next sibling that may hold. That most cannot is known without a look at them.
  std::optional<std::size_t> Next(Level& level) {
    const std::vector<std::size_t>& rules = *level.rules;
    if (level.places) {
      if (level.next == level.places->size()) return {};
      return rules[(*level.places)[level.next++]];
    }
    auto rule = rules.begin() + static_cast<std::ptrdiff_t>(level.next);
    if (trace_ == nullptr) {
      const FoundLiterals& found = literals_.Found();
      const std::vector<LiteralNumber>& needs = context_.ruleset.needs;
      while (rule != rules.end() && found[needs[*rule]] == 0) ++rule;
    }
    if (rule == rules.end()) return {};
    level.next = static_cast<std::size_t>(rule - rules.begin()) + 1;
    return *rule;
  }

  bool Try(std::size_t index, std::size_t depth) {
    Taken taken{index, {}};
    TraceStep step{index, depth, TraceStep::Result::kHeld, 0, 0};
    step.result = Judge(taken, step);
    if (trace_ != nullptr) trace_->steps.push_back(step);
    if (step.result != TraceStep::Result::kHeld) return false;
    path_.push_back(std::move(taken));
    return true;
  }

  TraceStep::Result Judge(Taken& taken, TraceStep& step) {
    using enum TraceStep::Result;
    const Rule& rule = RuleAt(taken.rule);
    if (barren_.contains(taken.rule)) return kBarren;
    if (event_.full_log().size() < rule.least_log_bytes) return kLogTooShort;
    for (; step.condition < rule.conditions.size(); ++step.condition) {
      if (!Holds(rule.conditions[step.condition], context_, event_)) return kCondition;
    }
    if (!rule.composite) return kHeld;
    if (rule.level == 0) return kSilent;
    taken.counted = windows_.Count(taken.rule, event_, context_.origin);
    step.counted = taken.counted.size() + 1;
    return step.counted < rule.composite->frequency ? kTooFew : kHeld;
  }

  std::optional<Answer> Conclude() {
    Answer answer{path_.back().rule, 0, {}};
    std::vector<std::size_t> fired;
    for (const Taken& taken : path_) {
      if (!RuleAt(taken.rule).composite) continue;
      fired.push_back(taken.rule);
      answer.previous.clear();
      if (taken.counted.size() > 1) answer.previous = windows_.Logs(taken.counted);
      windows_.UseUp(taken.rule, taken.counted);
    }
    if (answer.IsAlert(context_.ruleset) && windows_.Ignores(answer.rule, event_)) {
      if (trace_ != nullptr) trace_->ignored = answer.rule;
      if (path_.size() < 2) return {};
      const Rule& parent = RuleAt(path_[path_.size() - 2].rule);
      if (parent.level == 0 || parent.gate) return {};
      answer = {path_[path_.size() - 2].rule, 0, {}};
    }
    answer.fired_times = windows_.CountFired(answer.rule, event_);
    windows_.Remember(answer.rule, event_, context_.origin, fired, context_.scratch);
    return answer;
  }

  std::array<std::byte, 2048> memory_;  // enough for the shipped rules
  std::pmr::monotonic_buffer_resource arena_{memory_.data(), memory_.size()};
  LiteralHits literals_;
  MatchContext context_;
  Windows& windows_;
  const Event& event_;
  Trace* trace_;
  std::pmr::vector<Taken> path_{&arena_};
  /// Gates that were searched in vain. A gate may stand at very many places, below other gates;
  /// what is below it is the same at each.
  std::unordered_set<std::size_t> barren_;
};

}  // namespace

const Siblings& RootsFor(const Ruleset& ruleset, const Event& event) {
  return event.is_own() ? ruleset.own_roots : ruleset.roots;
}

const FieldName* FieldOf(const Condition& condition) {
  if (const auto* field = std::get_if<FieldCondition>(&condition)) return &field->field;
  if (const auto* list = std::get_if<ListCondition>(&condition)) return &list->field;
  return nullptr;
}

std::string_view OriginText(const OriginCondition& condition, const MatchContext& context,
                            const Event& event) {
  if (condition.part == OriginCondition::Part::kLocation) return context.origin.location;
  return event.id().node.empty() ? context.origin.host : std::string_view(event.id().node);
}

bool Holds(const Condition& condition, const MatchContext& context, const Event& event) {
  return std::visit(Holder{context, event}, condition);
}

bool ListHolds(const ListCondition& c, const List& list, std::string_view value) {
  switch (c.lookup) {
    case ListLookup::kMatchKey:
      return list.Find(value).has_value();
    case ListLookup::kNotMatchKey:
      return !list.Find(value).has_value();
    case ListLookup::kAddressMatchKey:
      return FindAddress(list, value).has_value();
    case ListLookup::kNotAddressMatchKey:
      return !FindAddress(list, value).has_value();
    case ListLookup::kMatchKeyValue: {
      const auto found = list.Find(value);
      return found && c.value && c.value->Matches(*found);
    }
    case ListLookup::kAddressMatchKeyValue: {
      const auto found = FindAddress(list, value);
      return found && c.value && c.value->Matches(*found);
    }
  }
  return false;
}

std::optional<Answer> Evaluate(const MatchContext& context, Windows& windows, const Event& event,
                               Trace* trace) {
  constexpr std::uint64_t kNobody = UINT32_MAX;  // AUDIT_UID_UNSET, linux/audit.h
  context.scratch.Begin(ParseNumber(event.First("audit.auid")).value_or(kNobody));
  return Search(context, windows, event, trace).Run();
}

std::string Describe(const Rule& rule, const Event& event) {
  std::string text;
  for (const DescriptionPart& part : rule.description) {
    AppendShown(text, part.literal);
    if (part.field) AppendShown(text, CutAtCharacter(event.First(*part.field), kFieldLimit));
    if (text.size() > kDescriptionLimit) break;
  }
  if (text.size() <= kDescriptionLimit) return text;
  text = CutAtCharacter(text, kDescriptionLimit - kEllipsis.size());
  return text += kEllipsis;
}

std::string DescriptionText(const Rule& rule) {
  std::string text;
  for (const DescriptionPart& part : rule.description) {
    text += part.literal;
    if (part.field) text += "$(" + part.field->text() + ')';
  }
  return text;
}

namespace {

std::string Quoted(bool negate, const std::string& pattern) {
  return (negate ? " not '" : " '") + pattern + '\'';
}

struct Namer {
  const Ruleset& ruleset;

  std::string operator()(const LogCondition& c) const {
    return "the full log" + Quoted(c.negate, c.pattern.text());
  }
  std::string operator()(const FieldCondition& c) const {
    return "field " + c.field.text() + Quoted(c.negate, c.pattern.text());
  }
  std::string operator()(const ListCondition& c) const {
    const bool negate =
        c.lookup == ListLookup::kNotMatchKey || c.lookup == ListLookup::kNotAddressMatchKey;
    std::string name = (negate ? "not in list " : "list ") + ruleset.lists[c.list].name();
    if (c.value) name += " with value" + Quoted(false, c.value->text());
    return name + ", field " + c.field.text();
  }
  std::string operator()(const OriginCondition& c) const {
    const bool host = c.part == OriginCondition::Part::kHost;
    return (host ? "hostname" : "location") + Quoted(c.negate, c.pattern.text());
  }
  std::string operator()(const SourceCondition& c) const {
    return "srcip" + Quoted(c.negate, c.text);
  }
  std::string operator()(const TimeCondition& c) const { return "time" + Quoted(false, c.text); }
  std::string operator()(const WeekdayCondition& c) const {
    return "weekday" + Quoted(false, c.text);
  }
  std::string operator()(const NeverCondition& c) const { return '<' + c.option + '>'; }
};

}  // namespace

std::string ConditionName(const Condition& condition, const Ruleset& ruleset) {
  return std::visit(Namer{ruleset}, condition);
}

}  // namespace tld
