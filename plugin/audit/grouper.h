// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "audit/raw_event.h"
#include "audit/record.h"

namespace tld {

/// Collects records into complete events by (node, seconds, milliseconds, serial).
///
/// Live, an event ends at its EOE record or 2 s of monotonic time after its last record; the
/// clock of the records never counts, so a step of it holds up nothing. Offline (logs on disk have
/// no EOE) it ends at EOE, after PROCTITLE once 32 lines without a record of its own have passed,
/// when a record of the same node more than 2 s later is seen, or at the end of the input; events
/// then come in the order of their first records, whatever the clock of this host says.
///
/// Bounded by the caps below. At a cap an event is cut or evaluated early, never lost: what says
/// who ran what is kept, and the payload of EXECVE goes first.
class Grouper {
 public:
  enum class Mode { kLive, kOffline };

  static constexpr std::size_t kOpenEvents = 2048;
  static constexpr std::size_t kAllBytes = 32u << 20;
  static constexpr std::size_t kEventBytes = 1u << 20;
  static constexpr std::size_t kEventRecords = 4096;
  static constexpr std::int64_t kTimeoutMs = 2000;
  static constexpr std::uint64_t kLinesAfterProctitle = 32;

  struct Counters {
    std::uint64_t events = 0;
    std::uint64_t timed_out = 0;        ///< live events ended by the clock
    std::uint64_t evicted = 0;          ///< evaluated early since kOpenEvents or kAllBytes was hit
    std::uint64_t truncated = 0;        ///< events that lost records to a cap
    std::uint64_t dropped_records = 0;  ///< by the caps of one event
  };

  /// `emit` gets each event once, and may leave it as it is: its memory serves the next ones.
  Grouper(Mode mode, std::function<void(RawEvent&&)> emit);

  /// Takes one record. `line` includes the header and any enrichment; times as RawEvent says.
  void Add(const RecordHeader& header, std::string_view line, std::int64_t now_ms);

  /// Whether a record of this event came before, and its end did not.
  bool IsOpen(const RecordHeader& header);

  /// Takes an event that stood whole in so many lines, and merges with no other: none is open with
  /// its identity, or it stood on one line. `records` has all but EOE.
  void AddWhole(const RecordHeader& first, const std::vector<RecordLine>& records,
                std::size_t lines);

  /// Counts such an event that nobody needs. It takes no place.
  void Pass(const RecordHeader& first, std::size_t lines);

  /// Live: ends the events whose time is up. Call at least every 500 ms while open() is not 0.
  void Tick(std::int64_t now_ms);

  /// The end of the input, or of a paragraph: ends all events.
  void Flush();

  std::size_t open() const { return open_.size(); }
  std::size_t open_bytes() const { return bytes_; }
  /// Bytes of input, with newlines, that went into the open events.
  std::size_t open_input_bytes() const { return input_bytes_; }
  const Counters& counters() const { return counters_; }

 private:
  /// What is known of a machine whose records come.
  struct Node {
    std::size_t open = 0;      // events
    std::int64_t last_ms = 0;  // offline: the time of its last record
  };
  struct NodeHash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  struct Open;
  using Place = std::list<Open>::iterator;
  using Index = std::unordered_map<EventId, Place, EventIdHash>;
  struct Open {
    RawEvent event;
    std::int64_t last_record_ms = 0;  // monotonic
    std::size_t input_bytes = 0;
    std::uint64_t last_line = 0;  // offline: lines_ at the last record
    std::size_t expendable = 0;   // records with given_up above 0
    unsigned identity = 0;        // which kinds of identity records it has, a bit each
    bool proctitle = false;
    bool complete = false;  // offline: waits for earlier events
    Node* node = nullptr;
    Index::node_type entry;  // of a spare one, to be used again
  };

  /// Offline it knows the record's time then. Until the next event ends.
  Node& NodeOf(const RecordHeader& header);
  Node& NodeNamed(std::string_view name);
  /// Of a node without events; those with few bytes stay for a while.
  void ForgetLongName(std::string_view name);
  /// Puts the event's identity into id_.
  void Identify(const RecordHeader& header);
  Place Find(const RecordHeader& header, std::int64_t now_ms);
  /// The one with identity id_, or open_.end().
  Place FindOpen();
  Place Begin(Node& node);
  void Enter(Place place);
  void Leave(Place place);
  void Store(Open& open, const RecordLine& record);
  static bool HasRoom(const RawEvent& event, std::size_t bytes);
  bool MakeRoom(Open& open, std::size_t bytes);
  void End(Place place);
  void Emit(Place place);
  void EmitReady();
  /// Ends the oldest event; live, of the node that has most open: a noisy one does not hurt the
  /// others.
  void EvictOldest();
  bool EndedOffline(const Open& open, std::uint64_t lines) const;

  Mode mode_;
  std::function<void(RawEvent&&)> emit_;
  std::list<Open> open_;   // by first record
  std::list<Open> spare_;  // ended ones, for their memory
  Index index_;
  EventId id_;  // of the record at hand
  std::unordered_map<std::string, Node, NodeHash, std::equal_to<>> nodes_;
  std::size_t bytes_ = 0;
  std::size_t input_bytes_ = 0;
  std::uint64_t lines_ = 0;
  Counters counters_;
};

}  // namespace tld
