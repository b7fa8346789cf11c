// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "base/os.h"

namespace tld {

/// Sends lines to the local syslog socket as `<PRI>Mmm dd hh:mm:ss TAG[PID]: TEXT`, the form that
/// syslog(3) writes. Never blocks: syslog(3) itself does when the receiver is slow. Lines wait in a
/// bounded queue while the receiver is slow or away; beyond it they are dropped and counted. More
/// lines than the rate allows are counted and told by one line when the interval ends: journald
/// would drop them without a word that names them.
///
/// Where journald stands behind that socket, as on hosts with systemd, lines go to journald by its
/// own protocol instead, with their fields; it passes them on to another syslog as it does with
/// all.
class Syslog {
 public:
  struct Options {
    std::string socket = "/dev/log";
    std::string journal = "/run/systemd/journal";  ///< directory of journald's sockets
    int facility = 3;                              ///< RFC 5424 table 1; 3 is daemon
    std::size_t rate_burst = 9000;                 ///< lines an interval; 0 = no limit
    std::int64_t rate_interval_s = 30;

    bool operator==(const Options&) const = default;
  };
  struct Counters {
    std::uint64_t sent = 0;
    std::uint64_t dropped = 0;     ///< the queue was full, or the run ended
    std::uint64_t suppressed = 0;  ///< the rate was exceeded
  };

  static constexpr std::size_t kQueueLines = 4096;
  static constexpr std::size_t kQueueBytes = 4u << 20;
  static constexpr std::int64_t kProblemMs = 5000;  ///< that nothing is taken so long is a problem

  explicit Syslog(Options options);
  /// Takes new options; lines that wait and counters stay.
  void Configure(Options options);

  enum class Rate { kLimited, kUrgent };

  /// Queues a line for Flush; severe and urgent ones, and each sixteenth, send all that wait.
  /// `severity` as RFC 5424 numbers it. `text` is one line, made safe by its formatter. `fields`
  /// (alert/journal.h) are for journald alone.
  void Send(int severity, std::string_view text, std::int64_t now_ms, Rate rate = Rate::kLimited,
            std::string_view fields = {});

  /// Sends what waits. Call after the Sends of a turn, when the descriptor is writable, and at
  /// least every 200 ms while lines wait: a receiver that went away has no descriptor to poll.
  void Flush(std::int64_t now_ms);

  /// Tells now what the rate has held back, for the end of the run.
  void TellSuppressed(std::int64_t now_ms);
  /// What waits still is dropped, and counted, at the end of the run.
  void DropWaiting();

  /// To poll for writing while lines wait; -1 without a connection.
  int fd() const { return socket_.get(); }
  std::size_t waiting() const { return queue_.size(); }
  /// True while lines go to journald by its own protocol.
  bool to_journal() const { return to_journal_; }
  /// Why no line was taken for kProblemMs, until none waits; empty while all is well.
  const std::string& problem() const { return problem_; }
  const Counters& counters() const { return counters_; }
  const Options& options() const { return options_; }

 private:
  struct Line {
    int severity = 0;
    std::string header;  // of syslog
    std::string text;
    std::string fields;

    std::size_t bytes() const { return header.size() + text.size() + fields.size(); }
  };
  static constexpr std::size_t kAtOnce = 16;  // lines that are sent by one call

  bool Connect(std::int64_t now_ms);
  bool JournalIsBehind() const;
  std::string JournalEntry(const Line& line) const;
  bool MakeRoom(int severity, std::size_t bytes);
  int SendSome();
  bool GoesOn(int error, std::int64_t now_ms);
  void TakeFirst();
  void JudgeProgress(bool took_some, std::int64_t now_ms);
  bool WithinRate(std::int64_t now_ms);
  void EndInterval(std::int64_t now_ms);
  void Queue(int severity, std::string_view text, std::string_view fields);

  Options options_;
  Fd socket_;
  bool to_journal_ = false;
  std::int64_t next_connect_ms_ = 0;
  std::deque<Line> queue_;
  std::size_t queued_bytes_ = 0;
  std::size_t untried_ = 0;                     // lines since the last attempt to send
  int error_ = 0;                               // of the last attempt that failed
  std::optional<std::int64_t> stuck_since_ms_;  // no line was taken since, and some wait
  std::string problem_;
  std::int64_t interval_began_ms_ = 0;
  std::size_t in_interval_ = 0;
  std::uint64_t suppressed_in_interval_ = 0;
  Counters counters_;
};

/// The number of a facility by its name in syslog.conf(5), such as `daemon`; -1 when unknown.
int FacilityNumber(std::string_view name);

}  // namespace tld
