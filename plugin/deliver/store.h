// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "alert/alert.h"
#include "deliver/database.h"

namespace tld {

/// Alerts on disk, for the search and for what delivers them: one SQLite file in WAL mode, written
/// by the sensor alone. Alerts wait in memory for the next Tick, which commits them together; what
/// cannot be written waits on, up to kMostPendingBytes, and what is over that is counted as lost.
/// Nothing here blocks for another process or fails the caller: what is wrong is in problem(), is
/// tried again, and a file that is no database any more is set aside for a new one.
class Store {
 public:
  /// So long the first alert after a while waits for others, to be committed with them.
  static constexpr std::int64_t kBatchMs = 10;
  /// From one commit to the next, unless much is waiting; the longest that an alert waits. A commit
  /// writes some pages of each index, however few alerts it has.
  static constexpr std::int64_t kApartMs = 50;
  static constexpr std::size_t kMuchBytes = 256 * 1024;
  static constexpr std::size_t kMostPendingBytes = 8u << 20;
  /// PRAGMA user_version. A file of a newer version is not touched.
  static constexpr std::int64_t kSchema = 2;

  /// Stands in a column for a field that has several values: only the document tells.
  static constexpr std::string_view kSeveral = "\x01";

  static constexpr int kSevere = 7;  ///< level

  struct Options {
    std::string path;  ///< empty = no store
    int days = 90;     ///< alerts that were stored longer ago go
    /// The oldest go while the alerts take more than this, those below kSevere first, but none that
    /// is still to be delivered.
    std::uint64_t size_bytes = std::uint64_t{1024} << 20;
    /// The file never becomes larger: before, the oldest go whoever still needs them.
    std::uint64_t most_bytes = std::uint64_t{2048} << 20;
  };

  struct Counters {
    std::uint64_t stored = 0;
    std::uint64_t lost = 0;
    std::uint64_t removed = 0;              ///< for their age or the size
    std::uint64_t removed_undelivered = 0;  ///< of these, before all destinations had them
    std::uint64_t removed_severe = 0;       ///< of these, for the size and of kSevere and up
    std::uint64_t set_aside = 0;            ///< files that were no database any more
  };

  /// Opens nothing: the first Tick does, so that a bad disk cannot hold up the start.
  explicit Store(Options options) : options_(std::move(options)) {}
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  void Configure(Options options);
  bool enabled() const { return !options_.path.empty(); }

  /// `document` is the alert as JSON; a copy waits, without the room that it was written in.
  void Add(const Alert& alert, const Sender& sender, std::string_view document,
           std::int64_t now_ms);
  /// Alerts with a higher number are still to be delivered; without a number none is.
  void KeepAfter(std::optional<std::int64_t> id) { keep_after_ = id; }

  /// Commits what is due, and removes what is too old or too much. `now_ms` is monotonic, `now_us`
  /// of the real time.
  void Tick(std::int64_t now_ms, std::int64_t now_us);
  /// Commits all, if it can; waits half a second at most for whoever has locked the file.
  void Flush();

  /// When Tick has work, in milliseconds from now; nothing when there is none.
  std::optional<std::int64_t> WaitMs(std::int64_t now_ms) const;
  std::size_t pending() const { return pending_.size(); }
  const Counters& counters() const { return counters_; }
  /// Grows with each commit.
  std::uint64_t commits() const { return commits_; }
  /// What is wrong at present; empty = nothing.
  const std::string& problem() const { return problem_; }

 private:
  struct Row {
    std::string instance;
    std::int64_t seq;
    std::int64_t time_us;
    std::string rule;
    std::int64_t level;
    std::string host;
    std::string auid;
    std::string command;
    std::string exe;
    std::string document;

    std::size_t bytes() const { return sizeof *this + document.size(); }
  };

  std::int64_t DueMs() const;  ///< REQUIRES: something is pending
  bool Commit();
  bool Write();
  bool OpenFile();
  bool Prepare(Database& database);
  bool Migrate(Database& database);
  /// Notes the last error; true when it was mended and a second try makes sense.
  bool Fail();
  void SetAside();
  std::int64_t MakeRoom(bool undelivered_too);
  std::optional<std::vector<std::int64_t>> Oldest(const std::string& among);
  std::int64_t Remove(const std::vector<std::int64_t>& ids, const std::string& where,
                      bool undelivered_too);
  std::uint64_t UsedBytes();
  bool IsFull();
  bool LogIsTooLarge();
  std::int64_t CleanOnce(std::int64_t now_us);
  void Clean(std::int64_t now_ms);
  void CloseFile();

  Options options_;
  std::optional<Database> database_;
  std::optional<Statement> insert_;
  std::deque<Row> pending_;
  std::size_t pending_bytes_ = 0;
  std::int64_t oldest_pending_ms_ = 0;
  std::int64_t committed_ms_ = 0;
  std::int64_t retry_ms_ = 0;  ///< no try before this
  std::int64_t clean_at_ms_ = 0;
  std::optional<std::int64_t> keep_after_;
  std::uint64_t commits_ = 0;
  int corrupt_in_a_row_ = 0;
  int locked_in_a_row_ = 0;
  std::int64_t last_id_ = 0;  ///< that was given
  /// Up to this number no alert below kSevere is left: looking for one reads all in between.
  std::int64_t no_lesser_to_ = 0;
  /// From the monotonic to the real time at the first Tick: a clock that is set later must not make
  /// alerts old.
  std::optional<std::int64_t> clock_us_;
  std::int64_t tick_us_ = 0;  ///< real time of the last Tick, by that clock
  Counters counters_;
  std::string problem_;
};

}  // namespace tld
