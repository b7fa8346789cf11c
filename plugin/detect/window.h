// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/event.h"
#include "detect/pattern.h"
#include "detect/ruleset.h"

namespace tld {

/// Where an event comes from, for `hostname` and `location`.
struct Origin {
  std::string_view host;      ///< of this machine; an event's own `node=` goes before it
  std::string_view location;  ///< the name of the input
};

/// What evaluation remembers between events: how often rules answered, when they were alerted, and
/// the events that composite rules count. Belongs to one ruleset and starts empty with it; not kept
/// over a restart. All times are the events' own. One thread.
///
/// An event is remembered once for all composites; each of these has its own record of which
/// events it may still count. Bounded: events in kMostBytes, the oldest out first; those that some
/// composite could still have counted are told by evictions(). Their logs are only shown, so they
/// have a bound of their own, and the oldest go without their events.
class Windows {
 public:
  /// About 4,000 events that are compared by two short fields.
  static constexpr std::size_t kMostBytes = 1u << 20;
  static constexpr std::size_t kMostLogBytes = 1u << 20;
  /// Of an event's full log so much is kept, for `previous_output`.
  static constexpr std::size_t kMostOfLog = 4096;

  /// Keeps a reference to the ruleset.
  explicit Windows(const Ruleset& ruleset);
  Windows(const Windows&) = delete;
  Windows& operator=(const Windows&) = delete;

  /// Takes over what concerns rules that both rulesets have, by their ids.
  void TakeOver(Windows&& old);

  /// Counts an answer of the rule; returns how many it had since the hour of the event began.
  std::uint64_t CountFired(std::size_t rule, const Event& event);

  /// True when the rule has `ignore` and was alerted less than that before or after the event. If
  /// not, the event counts as its alert.
  bool Ignores(std::size_t rule, const Event& event);

  /// Names of remembered events, newest first.
  using Counted = std::vector<std::uint64_t>;
  /// The events that count for a composite rule together with this one.
  Counted Count(std::size_t composite_rule, const Event& event, const Origin& origin);
  /// The rule will not count them again.
  void UseUp(std::size_t composite_rule, const Counted& counted);
  /// Their logs, of the newest ten, as far as they are still there.
  std::vector<std::string> Logs(const Counted& counted) const;

  /// Remembers an event by its answer for the composites that count it, but for those that it has
  /// made fire.
  void Remember(std::size_t answer, const Event& event, const Origin& origin,
                const std::vector<std::size_t>& fired, MatchScratch& scratch);

  /// Events that went out although a composite could still have counted them.
  std::uint64_t evictions() const { return evictions_; }
  std::size_t remembered() const { return events_.size(); }

 private:
  /// `if_matched_regex` of several composites, looked for together: nearly all logs hold none.
  struct LiteralLogs {
    std::vector<char> by_place;  // whether a composite's is nothing but literals
    OsMatch any;                 // of them all
  };
  static LiteralLogs CollectLogs(const Ruleset& ruleset);

  /// What the first comparisons of a composite see: equal for equal values, and for no others. 0
  /// where an event has not just one value, and where no field is compared.
  using Marks = std::array<std::uint64_t, 2>;

  struct Fired {
    std::int64_t hour = -1;
    std::uint64_t times = 0;
  };
  struct RememberedField {
    std::size_t field;  // index into Ruleset::compared_fields
    std::string value;
  };
  struct RememberedEvent {
    std::size_t answer;
    std::int64_t ms;
    std::string node;
    std::string location;
    std::vector<RememberedField> fields;
    std::string log;           // empty once it had to go
    std::size_t mentions = 0;  // composites that may count it, or might when it came
  };

  /// An event that a composite may count. Most are judged by this alone: it stands close to the
  /// others, and somebody may make thousands of them.
  struct Mention {
    std::uint64_t event = 0;  // its name
    std::int64_t ms = 0;
    Marks marks;
  };

  static std::size_t BytesOf(const RememberedEvent& event);
  Mention MentionOf(std::uint64_t name, const Composite& composite) const;
  std::vector<std::size_t> FieldsOf(const std::vector<std::size_t>& places) const;
  RememberedEvent Keep(std::size_t answer, const Event& event, const Origin& origin,
                       const std::vector<std::size_t>& fields) const;
  void Evict(const EventId& now);
  void EvictLogs();
  const RememberedEvent& At(std::uint64_t name) const { return events_[name - first_]; }

  const Ruleset& ruleset_;
  LiteralLogs literal_logs_;
  std::vector<Fired> fired_;                           // by rule
  std::vector<std::optional<std::int64_t>> alert_ms_;  // by rule; for `ignore`
  std::vector<std::deque<Mention>> memories_;          // by place in Ruleset::composites
  std::deque<RememberedEvent> events_;
  std::uint64_t first_ = 0;  // name of events_.front(); the next has the next number
  std::size_t bytes_ = 0;    // without logs
  std::size_t log_bytes_ = 0;
  std::uint64_t first_log_ = 0;  // those before have none
  std::int64_t longest_ms_ = 0;  // timeframe of a composite
  std::uint64_t evictions_ = 0;
};

}  // namespace tld
