// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "alert/alert.h"
#include "audit/grouper.h"
#include "audit/line_reader.h"
#include "audit/parser.h"
#include "audit/record.h"
#include "audit/whole_event.h"
#include "detect/engine.h"
#include "detect/prefilter.h"
#include "program/policy.h"

namespace tld {

/// The way of the data: bytes, lines, events, answers. The same live and offline. One thread.
class Pipeline {
 public:
  struct Options {
    Grouper::Mode mode = Grouper::Mode::kOffline;
    bool prefilter = true;
    bool trace = false;
    std::string location;  ///< name of the input
    std::uint32_t own_uid = 0;
    std::vector<std::uint32_t> own_pids;  ///< events of these processes are counted, not judged
  };

  struct Counters {
    std::uint64_t bytes = 0;
    std::uint64_t not_records = 0;  ///< lines that are no audit record
    std::uint64_t filtered = 0;     ///< events that no rule could answer, not parsed
    std::uint64_t own = 0;          ///< events of the plugin itself
    std::uint64_t judged = 0;       ///< events that went through the rules
  };

  /// What became of an event. Refers to what is valid during the call.
  struct Outcome {
    const Event& event;
    const Rule* rule;  ///< null: no answer
    const std::optional<Answer>& answer;
    const Trace& trace;
    const Policy& policy;
    const MatchContext& context;

    /// True when a document is to be written.
    bool IsAlert() const { return rule != nullptr && answer->IsAlert(policy.ruleset); }
    /// The alert, but for its number and when it was seen. REQUIRES: IsAlert().
    Alert ToAlert() const;
  };

  Pipeline(Options options, std::shared_ptr<const Policy> policy,
           std::function<void(const Outcome&)> take);
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  void Feed(std::string_view bytes, std::int64_t now_ms);
  /// Judges an event that the plugin has made itself (own_event.h).
  void TakeOwn(RawEvent raw) { Judge(raw, nullptr); }
  /// Live: ends events whose time is up.
  void Tick(std::int64_t now_ms);
  /// The end of one of several files: what is left of its last line is a line.
  void EndLine();
  /// Ends all open events, as after an empty line that a person typed.
  void EndParagraph() { grouper_.Flush(); }
  /// The end of the input.
  void Finish(std::int64_t now_ms);

  /// Takes a new policy from the next event on. Counts of rules that stay are kept.
  void SetPolicy(std::shared_ptr<const Policy> policy);
  void SetLocation(std::string location) { options_.location = std::move(location); }

  const std::string& location() const { return options_.location; }
  const Policy& policy() const { return *policy_; }
  const Counters& counters() const { return counters_; }
  const LineReader::Counters& line_counters() const { return lines_.counters(); }
  const Grouper::Counters& group_counters() const { return grouper_.counters(); }
  std::size_t open_events() const { return grouper_.open(); }
  /// Bytes of input that are not judged yet.
  std::size_t open_bytes() const { return grouper_.open_input_bytes() + lines_.partial_bytes(); }
  const Windows& windows() const { return *windows_; }
  std::uint64_t limit_hits() const { return scratch_.limit_hits(); }

 private:
  LineReader::Taken TakeWhole(std::string_view input);
  void TakeLine(std::string_view line, std::int64_t now_ms);
  bool TakeJoined(std::string_view line, const RecordHeader& first);
  void TakeEvent(RawEvent&& raw);
  void Judge(RawEvent& raw, const Candidates* candidates);
  bool IsOwn(const Event& event) const;

  Options options_;
  std::shared_ptr<const Policy> policy_;
  std::function<void(const Outcome&)> take_;
  LineReader lines_;
  Grouper grouper_;
  Parser parser_;
  // Of the event at hand; their memory serves the next.
  WholeEvent whole_;
  Event event_;
  MatchScratch scratch_;
  std::unique_ptr<Windows> windows_;
  std::unique_ptr<Prefilter> prefilter_;
  Trace trace_;
  Counters counters_;
};

}  // namespace tld
