// SPDX-License-Identifier: Apache-2.0
#include "detect/window.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/os.h"
#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kMostLogs = 10;
constexpr std::size_t kMostValues = 64;     // of one field
constexpr std::size_t kVerbatimBytes = 63;  // a longer value is remembered by its digest
constexpr std::string_view kEllipsis = "…";
/// Events end up to 2 s after others that began later: so much longer a memory keeps what it
/// no longer counts.
constexpr std::int64_t kDisorderMs = 60'000;

/// What is compared of a value. A digest has 64 characters, so none is equal to a text.
std::string Comparable(std::string_view value) {
  return value.size() <= kVerbatimBytes ? std::string(value) : Sha256Hex(value);
}

std::vector<std::string> ComparableValues(const Event& event, const FieldName& field) {
  std::vector<std::string> values;
  event.Any(field, [&](std::string_view value) {
    values.push_back(Comparable(value));
    return values.size() == kMostValues;
  });
  return values;
}

/// The names of the fields that a composite rule compares.
std::set<std::string_view> ComparedBy(const Ruleset& ruleset, std::size_t rule) {
  std::set<std::string_view> names;
  for (const Comparison& c : ruleset.rules[rule].composite->comparisons) {
    if (c.part == Comparison::Part::kField) names.insert(ruleset.compared_fields[c.field].text());
  }
  return names;
}

/// Of a value, for comparison with others. The salt is of this process: nobody can make two values
/// of one mark.
std::uint64_t MarkOf(const std::string& value) {
  static const std::uint64_t salt = Random64();
  Sha256 sum;
  sum.Add({reinterpret_cast<const char*>(&salt), sizeof salt});
  sum.Add(value);
  std::uint64_t mark;
  std::memcpy(&mark, sum.Finish().data(), sizeof mark);
  return mark | 1;
}

std::int64_t Distance(std::int64_t a, std::int64_t b) { return std::abs(a - b); }

/// What a text takes beside itself.
std::size_t HeapBytes(const std::string& text) {
  return text.capacity() > std::string().capacity() ? text.capacity() + 1 : 0;
}

}  // namespace

Windows::Windows(const Ruleset& ruleset)
    : ruleset_(ruleset),
      literal_logs_(CollectLogs(ruleset)),
      fired_(ruleset.rules.size()),
      alert_ms_(ruleset.rules.size()),
      memories_(ruleset.composites.size()) {
  for (const std::size_t rule : ruleset.composites) {
    longest_ms_ = std::max(longest_ms_, ruleset.rules[rule].composite->timeframe_ms);
  }
}

Windows::LiteralLogs Windows::CollectLogs(const Ruleset& ruleset) {
  std::vector<char> by_place;
  std::vector<std::string> all;
  for (const std::size_t rule : ruleset.composites) {
    const auto& log = ruleset.rules[rule].composite->log;
    const auto parts = log ? log->OnlyParts() : std::nullopt;
    by_place.push_back(parts ? 1 : 0);
    if (parts) all.insert(all.end(), parts->begin(), parts->end());
  }
  return {std::move(by_place), OsMatch::OfParts(std::move(all))};
}

void Windows::TakeOver(Windows&& old) {
  std::unordered_map<std::string_view, std::size_t> places;
  const Ruleset& before = old.ruleset_;
  for (std::size_t i = 0; i < ruleset_.rules.size(); ++i) places.emplace(ruleset_.rules[i].id, i);
  std::vector<std::optional<std::size_t>> now(before.rules.size());
  for (std::size_t i = 0; i < before.rules.size(); ++i) {
    const auto found = places.find(before.rules[i].id);
    if (found == places.end()) continue;
    now[i] = found->second;
    fired_[found->second] = old.fired_[i];
    alert_ms_[found->second] = old.alert_ms_[i];
  }
  // An event whose answer is gone stays, so that the names of the others do, but nothing counts it.
  for (std::size_t place = 0; place < before.composites.size(); ++place) {
    const auto rule = now[before.composites[place]];
    if (!rule || !ruleset_.rules[*rule].composite) continue;
    const std::size_t own = ruleset_.rules[*rule].composite->place;
    // An event keeps what the composites of its time compared of it.
    if (ComparedBy(before, before.composites[place]) != ComparedBy(ruleset_, *rule)) continue;
    for (const Mention& mention : old.memories_[place]) {
      const auto answer = now[old.At(mention.event).answer];
      if (!answer) continue;
      const auto& counted_by = ruleset_.rules[*answer].counted_by;
      if (std::find(counted_by.begin(), counted_by.end(), own) == counted_by.end()) continue;
      memories_[own].push_back(mention);
    }
  }
  events_ = std::move(old.events_);
  for (RememberedEvent& event : events_) {
    event.answer = now[event.answer].value_or(0);
    // Values are known by the number of their field, which the new ruleset may have given away.
    std::vector<RememberedField> fields;
    for (RememberedField& field : event.fields) {
      const std::string& name = before.compared_fields[field.field].text();
      for (std::size_t i = 0; i < ruleset_.compared_fields.size(); ++i) {
        if (ruleset_.compared_fields[i].text() != name) continue;
        fields.push_back({i, std::move(field.value)});
        break;
      }
    }
    fields.shrink_to_fit();
    event.fields = std::move(fields);
  }
  first_ = old.first_;
  // Marks are in the order of the rule's comparisons, which may be another now.
  for (std::size_t place = 0; place < memories_.size(); ++place) {
    const Composite& composite = *ruleset_.rules[ruleset_.composites[place]].composite;
    for (Mention& mention : memories_[place]) mention = MentionOf(mention.event, composite);
  }
  bytes_ = 0;
  for (const RememberedEvent& event : events_) bytes_ += BytesOf(event);
  log_bytes_ = old.log_bytes_;
  first_log_ = old.first_log_;
  evictions_ = old.evictions_;
}

std::uint64_t Windows::CountFired(std::size_t rule, const Event& event) {
  Fired& fired = fired_[rule];
  const std::int64_t hour = event.id().seconds / 3600;
  if (fired.hour != hour) fired = {hour, 0};
  return ++fired.times;
}

bool Windows::Ignores(std::size_t rule, const Event& event) {
  const std::int64_t span = std::int64_t{1000} * ruleset_.rules[rule].ignore_seconds;
  const std::int64_t ms = event.id().TimeMs();
  if (span == 0) return false;
  if (alert_ms_[rule] && Distance(*alert_ms_[rule], ms) < span) return true;
  alert_ms_[rule] = ms;
  return false;
}

namespace {

/// One comparison, with what of the event at hand it needs worked out once.
struct Compared {
  const Comparison& comparison;
  std::vector<std::string> values;
};

template <class Remembered>
bool Meets(const Compared& compared, const Remembered& before, const Event& event,
           const Origin& origin) {
  const bool differ = compared.comparison.differ;
  switch (compared.comparison.part) {
    case Comparison::Part::kHost:
      return (before.node == event.id().node) != differ;
    case Comparison::Part::kLocation:
      return (before.location == origin.location) != differ;
    case Comparison::Part::kField:
      break;
  }
  const bool common =
      std::any_of(before.fields.begin(), before.fields.end(), [&](const auto& field) {
        return field.field == compared.comparison.field &&
               std::find(compared.values.begin(), compared.values.end(), field.value) !=
                   compared.values.end();
      });
  return common != differ;
}

}  // namespace

Windows::Counted Windows::Count(std::size_t rule, const Event& event, const Origin& origin) {
  const Composite& composite = *ruleset_.rules[rule].composite;
  std::vector<Compared> compared;
  for (const Comparison& c : composite.comparisons) {
    compared.push_back({c, {}});
    if (c.part == Comparison::Part::kField) {
      compared.back().values = ComparableValues(event, ruleset_.compared_fields[c.field]);
    }
  }
  const std::int64_t ms = event.id().TimeMs();
  std::deque<Mention>& memory = memories_[composite.place];
  std::erase_if(memory, [&](const Mention& mention) {
    return ms - mention.ms > composite.timeframe_ms + kDisorderMs &&
           At(mention.event).node == event.id().node;
  });
  if (memory.empty()) return {};
  Marks marks{};
  for (std::size_t i = 0; i < std::min(marks.size(), compared.size()); ++i) {
    if (compared[i].values.size() == 1) marks[i] = MarkOf(compared[i].values[0]);
  }
  const auto may_meet = [&](const Mention& mention) {
    if (Distance(mention.ms, ms) > composite.timeframe_ms) return false;
    for (std::size_t i = 0; i < marks.size(); ++i) {
      if (marks[i] == 0 || mention.marks[i] == 0) continue;
      if ((marks[i] == mention.marks[i]) == compared[i].comparison.differ) return false;
    }
    return true;
  };
  Counted counted;
  for (auto mention = memory.rbegin(); mention != memory.rend(); ++mention) {
    if (!may_meet(*mention)) continue;
    const RememberedEvent& before = At(mention->event);
    if (!composite.all_nodes && before.node != event.id().node) continue;
    const bool meets = std::all_of(compared.begin(), compared.end(), [&](const Compared& c) {
      return Meets(c, before, event, origin);
    });
    if (meets) counted.push_back(mention->event);
  }
  return counted;
}

void Windows::UseUp(std::size_t rule, const Counted& counted) {
  std::erase_if(memories_[ruleset_.rules[rule].composite->place], [&](const Mention& mention) {
    return std::binary_search(counted.rbegin(), counted.rend(), mention.event);
  });
}

std::vector<std::string> Windows::Logs(const Counted& counted) const {
  std::vector<std::string> logs;
  for (const std::uint64_t name : counted) {
    if (logs.size() == kMostLogs) break;
    if (const std::string& log = At(name).log; !log.empty()) logs.push_back(log);
  }
  return logs;
}

void Windows::Remember(std::size_t answer, const Event& event, const Origin& origin,
                       const std::vector<std::size_t>& fired, MatchScratch& scratch) {
  std::vector<std::size_t> places;
  std::optional<bool> holds_literal;
  for (const std::size_t place : ruleset_.rules[answer].counted_by) {
    const std::size_t rule = ruleset_.composites[place];
    const Composite& composite = *ruleset_.rules[rule].composite;
    if (event.is_own() && !composite.own_events) continue;
    if (literal_logs_.by_place[place] != 0) {
      if (!holds_literal) holds_literal = literal_logs_.any.Matches(event.full_log());
      if (!*holds_literal) continue;
    }
    const auto& log = composite.log;
    if (log && !log->Matches(event.full_log(), scratch)) continue;
    if (std::find(fired.begin(), fired.end(), rule) == fired.end()) places.push_back(place);
  }
  if (places.empty()) return;
  const std::uint64_t name = first_ + events_.size();
  events_.push_back(Keep(answer, event, origin, FieldsOf(places)));
  events_.back().mentions = places.size();
  for (const std::size_t place : places) {
    const Composite& composite = *ruleset_.rules[ruleset_.composites[place]].composite;
    memories_[place].push_back(MentionOf(name, composite));
  }
  bytes_ += BytesOf(events_.back());
  log_bytes_ += HeapBytes(events_.back().log);
  Evict(event.id());
  EvictLogs();
}

Windows::Mention Windows::MentionOf(std::uint64_t name, const Composite& composite) const {
  const RememberedEvent& event = At(name);
  Mention mention{name, event.ms, {}};
  for (std::size_t i = 0; i < std::min(mention.marks.size(), composite.comparisons.size()); ++i) {
    const Comparison& comparison = composite.comparisons[i];
    if (comparison.part != Comparison::Part::kField) continue;
    const RememberedField* only = nullptr;
    std::size_t values = 0;
    for (const RememberedField& field : event.fields) {
      if (field.field != comparison.field) continue;
      only = &field;
      ++values;
    }
    if (values == 1) mention.marks[i] = MarkOf(only->value);
  }
  return mention;
}

std::size_t Windows::BytesOf(const RememberedEvent& event) {
  std::size_t bytes = sizeof event + HeapBytes(event.node) + HeapBytes(event.location);
  bytes += event.mentions * sizeof(Mention);
  for (const RememberedField& field : event.fields) bytes += sizeof field + HeapBytes(field.value);
  return bytes;
}

/// The fields that these composites compare, each once.
std::vector<std::size_t> Windows::FieldsOf(const std::vector<std::size_t>& places) const {
  std::vector<std::size_t> fields;
  for (const std::size_t place : places) {
    for (const Comparison& c : ruleset_.rules[ruleset_.composites[place]].composite->comparisons) {
      if (c.part != Comparison::Part::kField) continue;
      if (std::find(fields.begin(), fields.end(), c.field) == fields.end())
        fields.push_back(c.field);
    }
  }
  return fields;
}

Windows::RememberedEvent Windows::Keep(std::size_t answer, const Event& event, const Origin& origin,
                                       const std::vector<std::size_t>& fields) const {
  RememberedEvent kept;
  kept.answer = answer;
  kept.ms = event.id().TimeMs();
  kept.node = event.id().node;
  kept.location = origin.location;
  // No more room than it needs: a string that is cut, or that grows, keeps what it had.
  const std::string& log = event.full_log();
  const bool whole = log.size() <= kMostOfLog;
  kept.log.reserve(std::min(log.size(), kMostOfLog));
  kept.log += whole ? log : CutAtCharacter(log, kMostOfLog - kEllipsis.size());
  if (!whole) kept.log += kEllipsis;
  for (const std::size_t i : fields) {
    for (std::string& value : ComparableValues(event, ruleset_.compared_fields[i])) {
      kept.fields.push_back({i, std::move(value)});
    }
  }
  kept.fields.shrink_to_fit();
  return kept;
}

/// Keeps the memory in its bounds, and no longer than a composite may count what is in it; other
/// nodes have other clocks. What goes out is named by no composite's memory any more.
void Windows::Evict(const EventId& now) {
  const std::int64_t now_ms = now.TimeMs();
  const auto expired = [&](const RememberedEvent& event) {
    return event.node == now.node && now_ms - event.ms > longest_ms_ + kDisorderMs;
  };
  while (!events_.empty() && (bytes_ > kMostBytes || expired(events_.front()))) {
    const RememberedEvent& oldest = events_.front();
    bool missed = false;
    for (std::size_t place = 0; place < memories_.size(); ++place) {
      std::deque<Mention>& memory = memories_[place];
      const bool named = !memory.empty() && memory.front().event == first_;
      if (!named) continue;
      memory.pop_front();
      const Composite& composite = *ruleset_.rules[ruleset_.composites[place]].composite;
      missed |= Distance(oldest.ms, now_ms) <= composite.timeframe_ms;
    }
    evictions_ += missed ? 1 : 0;
    bytes_ -= BytesOf(oldest);
    log_bytes_ -= HeapBytes(oldest.log);
    events_.pop_front();
    ++first_;
  }
}

void Windows::EvictLogs() {
  first_log_ = std::max(first_log_, first_);
  for (; log_bytes_ > kMostLogBytes; ++first_log_) {
    std::string& log = events_[first_log_ - first_].log;
    log_bytes_ -= HeapBytes(log);
    std::string().swap(log);
  }
}

}  // namespace tld
