// SPDX-License-Identifier: Apache-2.0
#include "detect/engine.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kDescriptionLimit = 1024;
constexpr std::size_t kFieldLimit = 2 * kDescriptionLimit;  // more would not be seen
constexpr std::string_view kEllipsis = "…";

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
  const EngineState& state;
  const Event& event;

  bool operator()(const LogCondition& c) const {
    return c.pattern.Matches(event.full_log(), state.scratch) != c.negate;
  }
  bool operator()(const FieldCondition& c) const {
    if (!event.Has(c.field)) return false;
    const bool any = event.Any(
        c.field, [&](std::string_view value) { return c.pattern.Matches(value, state.scratch); });
    return any != c.negate;
  }
  bool operator()(const ListCondition& c) const {
    if (!event.Has(c.field)) return false;
    const List& list = state.ruleset.lists[c.list];
    const bool negated =
        c.lookup == ListLookup::kNotMatchKey || c.lookup == ListLookup::kNotAddressMatchKey;
    // A negated look-up holds when it holds for every value.
    const bool any = event.Any(
        c.field, [&](std::string_view value) { return ListHolds(c, list, value) != negated; });
    return any != negated;
  }
  bool operator()(const OriginCondition& c) const {
    const std::string_view node = event.id().node;
    const std::string_view text = c.part == OriginCondition::Part::kLocation ? state.origin.location
                                  : node.empty()                             ? state.origin.host
                                                                             : node;
    return !text.empty() && c.pattern.Matches(text, state.scratch) != c.negate;
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

/// The first condition of the rule that does not hold.
std::optional<std::size_t> FirstFailed(const Rule& rule, const EngineState& state,
                                       const Event& event) {
  if (event.full_log().size() < rule.least_log_bytes) return rule.conditions.size();
  for (std::size_t i = 0; i < rule.conditions.size(); ++i) {
    if (!Holds(rule.conditions[i], state, event)) return i;
  }
  return {};
}

/// A place in the walk: the siblings to try, and from which on.
struct Level {
  const std::vector<std::size_t>* siblings;
  std::size_t next = 0;
};

}  // namespace

void Windows::TakeOver(const Ruleset& now, const Ruleset& before, const Windows& old) {
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < before.rules.size(); ++i) places.emplace(before.rules[i].id, i);
  for (std::size_t i = 0; i < now.rules.size(); ++i) {
    const auto found = places.find(now.rules[i].id);
    if (found != places.end()) fired_[i] = old.fired_[found->second];
  }
}

std::uint64_t Windows::CountFired(std::size_t rule, std::int64_t event_seconds) {
  Fired& fired = fired_[rule];
  const std::int64_t hour = event_seconds / 3600;
  if (fired.hour != hour) fired = {hour, 0};
  return ++fired.times;
}

const FieldName* FieldOf(const Condition& condition) {
  if (const auto* field = std::get_if<FieldCondition>(&condition)) return &field->field;
  if (const auto* list = std::get_if<ListCondition>(&condition)) return &list->field;
  return nullptr;
}

bool Holds(const Condition& condition, const EngineState& state, const Event& event) {
  return std::visit(Holder{state, event}, condition);
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

std::optional<Answer> Evaluate(const EngineState& state, const Event& event, Trace* trace) {
  // Greedy and depth first: the first sibling that holds takes the event. Only a gate without an
  // answer below it lets the search go on behind it, so the walk keeps the levels it came through.
  const Ruleset& ruleset = state.ruleset;
  std::vector<Level> path{{&ruleset.roots}};
  std::vector<std::size_t> taken;
  while (true) {
    Level& level = path.back();
    if (level.next == level.siblings->size()) {
      path.pop_back();
      if (taken.empty()) return {};
      const std::size_t rule = taken.back();
      if (!ruleset.rules[rule].gate) {
        return Answer{rule, state.windows.CountFired(rule, event.id().seconds)};
      }
      taken.pop_back();
      continue;
    }
    const std::size_t index = (*level.siblings)[level.next++];
    const Rule& rule = ruleset.rules[index];
    const auto failed = FirstFailed(rule, state, event);
    if (trace != nullptr) {
      trace->push_back({index, path.size() - 1, !failed, failed.value_or(0)});
    }
    if (failed) continue;
    taken.push_back(index);
    path.push_back({&rule.children});
  }
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

namespace {

struct Namer {
  const Ruleset& ruleset;

  std::string operator()(const LogCondition&) const { return "match on the full log"; }
  std::string operator()(const FieldCondition& c) const { return "field " + c.field.text(); }
  std::string operator()(const ListCondition& c) const {
    return "list " + ruleset.lists[c.list].name() + " on " + c.field.text();
  }
  std::string operator()(const OriginCondition& c) const {
    return c.part == OriginCondition::Part::kHost ? "hostname" : "location";
  }
  std::string operator()(const SourceCondition&) const { return "srcip"; }
  std::string operator()(const TimeCondition&) const { return "time"; }
  std::string operator()(const WeekdayCondition&) const { return "weekday"; }
  std::string operator()(const NeverCondition&) const { return "never true on audit events"; }
};

}  // namespace

std::string ConditionName(const Condition& condition, const Ruleset& ruleset) {
  return std::visit(Namer{ruleset}, condition);
}

}  // namespace tld
