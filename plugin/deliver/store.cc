// SPDX-License-Identifier: Apache-2.0
#include "deliver/store.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "audit/event.h"
#include "base/os.h"
#include "base/text.h"

namespace tld {
namespace {

constexpr std::int64_t kRetryMs = 1000;
constexpr std::int64_t kNumbersLeftOut = 1'000'000;  // when a file is opened
constexpr int kBelieved = 3;  // tries that find the file damaged or locked, one after the other
constexpr std::int64_t kFlushMs =
    500;  // for others to unlock the file; the end of a run has several
constexpr useconds_t kUnlockUs = 10'000;
constexpr std::int64_t kCleanMs = 10'000;
constexpr std::int64_t kMoreMs = 200;       // when there is more to remove
constexpr std::int64_t kMostCleanMs = 100;  // in one go: the sensor judges nothing meanwhile
constexpr std::int64_t kMostRemoved = 500;  // by one statement
constexpr std::uint64_t kReserve = 16;      // the last 1/16 of the file is for what comes next
constexpr std::int64_t kDayUs = std::int64_t{86'400} * 1'000'000;
constexpr std::int64_t kPageBytes = 4096;
constexpr std::uint64_t kLeastLogBytes = 64u << 20;

/// From each version to the next, the first from an empty file. Never change one that was released.
/// The columns besides the document are what people search by.
constexpr const char* kMigrations[] = {R"(
CREATE TABLE alert (
  id INTEGER PRIMARY KEY,
  instance TEXT NOT NULL,
  seq INTEGER NOT NULL,
  time_us INTEGER NOT NULL,
  stored_us INTEGER NOT NULL,
  rule TEXT NOT NULL,
  level INTEGER NOT NULL,
  host TEXT NOT NULL,
  auid TEXT NOT NULL,
  command TEXT NOT NULL,
  exe TEXT NOT NULL,
  document TEXT NOT NULL,
  UNIQUE (instance, seq)
);
CREATE INDEX alert_time ON alert (time_us);
CREATE INDEX alert_rule ON alert (rule, time_us);
CREATE INDEX alert_level ON alert (level, time_us);
CREATE INDEX alert_auid ON alert (auid, time_us);
CREATE INDEX alert_command ON alert (command, time_us);
CREATE INDEX alert_exe ON alert (exe, time_us);
)",
                                       // What cursors of destinations refer to.
                                       R"(
CREATE TABLE store (id TEXT NOT NULL);
INSERT INTO store VALUES (lower(hex(randomblob(8))));
)"};
static_assert(std::size(kMigrations) == Store::kSchema);

constexpr std::string_view kInsert =
    "INSERT OR IGNORE INTO alert (instance, seq, time_us, stored_us, rule, level, host, auid, "
    "command, exe, document, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// The value for a column, or the mark for a field of which the document tells more: it has several
/// values, or one that is no UTF-8 and stands there in another form.
std::string ColumnValue(const Event& event, KnownField field) {
  const auto values = event.Find(field);
  if (values.HasSeveral()) return std::string(Store::kSeveral);
  if (!values.empty() && !IsUtf8(values.front().value)) return std::string(Store::kSeveral);
  return values.empty() ? std::string() : std::string(values.front().value);
}

}  // namespace

Store::~Store() { Flush(); }

void Store::Configure(Options options) {
  if (options.path != options_.path) {
    Flush();
    CloseFile();
    no_lesser_to_ = 0;
    problem_.clear();
    retry_ms_ = 0;
  }
  if (options.path.empty()) {  // what could not be written has nowhere to go
    counters_.lost += pending_.size();
    pending_.clear();
    pending_bytes_ = 0;
  }
  options_ = std::move(options);
  if (database_) {
    database_->Run("PRAGMA max_page_count=" +
                   std::to_string(options_.most_bytes / static_cast<std::uint64_t>(kPageBytes)));
  }
}

void Store::Add(const Alert& alert, const Sender& sender, std::string_view document,
                std::int64_t now_ms) {
  if (!enabled()) return;
  if (pending_bytes_ > kMostPendingBytes) {
    ++counters_.lost;
    return;
  }
  if (pending_.empty()) oldest_pending_ms_ = now_ms;
  Row row;
  row.instance = sender.InstanceText();
  row.seq = static_cast<std::int64_t>(alert.seq);
  row.time_us = alert.time_us;
  row.rule = alert.rule->id;
  row.level = alert.rule->level;
  row.host = sender.host;
  row.document = document;
  if (alert.about_event()) {
    const Event& event = *alert.event;
    if (!event.id().node.empty()) row.host = event.id().node;
    row.auid = ColumnValue(event, "audit.auid");
    row.command = ColumnValue(event, "audit.command");
    row.exe = ColumnValue(event, "audit.exe");
  }
  pending_bytes_ += row.bytes();
  pending_.push_back(std::move(row));
}

std::int64_t Store::DueMs() const {
  const std::int64_t apart_ms = pending_bytes_ < kMuchBytes ? committed_ms_ + kApartMs : 0;
  return std::max({oldest_pending_ms_ + kBatchMs, apart_ms, retry_ms_});
}

std::optional<std::int64_t> Store::WaitMs(std::int64_t now_ms) const {
  if (!enabled() || pending_.empty()) return {};
  return std::max<std::int64_t>(DueMs() - now_ms, 0);
}

void Store::Tick(std::int64_t now_ms, std::int64_t now_us) {
  if (!clock_us_) clock_us_ = now_us - now_ms * 1000;
  tick_us_ = now_ms * 1000 + *clock_us_;
  if (!enabled() || now_ms < retry_ms_) return;
  if (!pending_.empty() && now_ms >= DueMs()) {
    if (LogIsTooLarge() || !Commit()) {
      retry_ms_ = now_ms + kRetryMs;
      return;
    }
    committed_ms_ = now_ms;
    if (IsFull()) clean_at_ms_ = now_ms;
  }
  if (database_ && now_ms >= clean_at_ms_) Clean(now_ms);
}

void Store::Flush() {
  if (!enabled() || pending_.empty()) return;
  const std::int64_t until = MonotonicMs() + kFlushMs;
  while (!Commit() && locked_in_a_row_ > 0 && MonotonicMs() < until) usleep(kUnlockUs);
}

bool Store::Commit() {
  for (int tries = 0; tries < 2; ++tries) {
    if (OpenFile() && Write()) {
      counters_.stored += pending_.size();
      ++commits_;
      pending_.clear();
      pending_bytes_ = 0;
      problem_.clear();
      corrupt_in_a_row_ = 0;
      locked_in_a_row_ = 0;
      return true;
    }
    if (!Fail()) return false;
  }
  return false;
}

bool Store::Write() {
  if (!database_->Run("BEGIN IMMEDIATE")) return false;
  std::int64_t id = last_id_;
  for (const Row& row : pending_) {
    insert_->Reset();
    insert_->Bind(1, row.instance);
    insert_->Bind(2, row.seq);
    insert_->Bind(3, row.time_us);
    insert_->Bind(4, tick_us_ == 0 ? row.time_us : tick_us_);
    insert_->Bind(5, row.rule);
    insert_->Bind(6, row.level);
    insert_->Bind(7, row.host);
    insert_->Bind(8, row.auid);
    insert_->Bind(9, row.command);
    insert_->Bind(10, row.exe);
    insert_->Bind(11, row.document);
    insert_->Bind(12, ++id);
    if (insert_->Step() != SQLITE_DONE) return false;
  }
  insert_->Reset();
  if (!database_->Run("COMMIT")) return false;
  last_id_ = id;
  return true;
}

bool Store::OpenFile() {
  if (database_) return true;
  Result<Database> database = Database::Open(options_.path, Database::Mode::kWrite);
  if (!database) {
    problem_ = "the alert store cannot be opened: " + database.message();
    return false;
  }
  database_ = *std::move(database);
  return Prepare(*database_);
}

bool Store::Prepare(Database& database) {
  // WAL: readers and the writer do not wait for each other. NORMAL: the disk is waited for at
  // checkpoints only; a crash of the machine may lose the last commits, never the file.
  const bool set =
      database.Run("PRAGMA journal_mode=WAL") && database.Run("PRAGMA synchronous=NORMAL") &&
      database.Run("PRAGMA cache_size=-512") && database.Run("PRAGMA journal_size_limit=4194304") &&
      database.Run("PRAGMA max_page_count=" +
                   std::to_string(options_.most_bytes / static_cast<std::uint64_t>(kPageBytes)));
  if (!set) return false;
  if (!Migrate(database)) return false;
  Result<Statement> insert = database.Prepare(kInsert);
  if (!insert) return false;
  insert_ = *std::move(insert);
  // A crash of the machine may take the last commits back, though they were delivered: their
  // numbers must not be those of other alerts.
  const std::int64_t last = database.Ask("SELECT max(id) FROM alert");
  if (database.LastError().code != SQLITE_ROW && database.LastError().code != SQLITE_DONE &&
      database.LastError().code != SQLITE_OK) {
    return false;
  }
  last_id_ = last == 0 ? 0 : last + kNumbersLeftOut;
  return true;
}

bool Store::Migrate(Database& database) {
  const std::int64_t schema = database.Ask("PRAGMA user_version");
  if (schema == kSchema) return true;
  const bool known = schema >= 0 && schema < kSchema && database.LastError().code == SQLITE_OK;
  if (!known || !database.Run("BEGIN IMMEDIATE")) return false;
  for (std::int64_t from = schema; from < kSchema; ++from) {
    if (!database.Run(kMigrations[from])) return false;
  }
  return database.Run("PRAGMA user_version=" + std::to_string(kSchema)) && database.Run("COMMIT");
}

bool Store::Fail() {
  if (!database_) return false;  // OpenFile has said why
  const DatabaseError error = database_->LastError();
  const std::int64_t schema = database_->Ask("PRAGMA user_version");
  if (schema > kSchema) {
    problem_ = "the alert store " + options_.path + " is of a newer version of tld-audisp";
    CloseFile();
    return false;
  }
  // Who opens a file that is new, or that a crash has left, locks it for a moment.
  locked_in_a_row_ = error.code == SQLITE_BUSY ? locked_in_a_row_ + 1 : 0;
  if (locked_in_a_row_ == 0 || locked_in_a_row_ >= kBelieved) {
    problem_ = "the alert store cannot be written: " + options_.path + ": " + error.message;
  }
  // A read that fails for a moment looks like damage: SQLite tells EIO as corruption.
  corrupt_in_a_row_ = error.code == SQLITE_CORRUPT ? corrupt_in_a_row_ + 1 : 0;
  const bool broken = error.code == SQLITE_NOTADB || corrupt_in_a_row_ >= kBelieved;
  if (insert_) insert_->Reset();
  database_->Run("ROLLBACK");
  // By our own limit, not the disk's: the next try finds room.
  if (error.code == SQLITE_FULL && IsFull()) MakeRoom(true);
  CloseFile();
  if (broken) SetAside();
  return broken;
}

/// One such file is kept, for whoever wants to look; more would fill the disk.
void Store::SetAside() {
  const std::string aside = options_.path + ".corrupt";
  if (rename(options_.path.c_str(), aside.c_str()) != 0) unlink(options_.path.c_str());
  for (const char* suffix : {"-wal", "-shm"}) unlink((options_.path + suffix).c_str());
  no_lesser_to_ = 0;
  ++counters_.set_aside;
}

void Store::CloseFile() {
  insert_.reset();
  database_.reset();
}

/// Whoever runs many commands to have the alert of another one removed would have to make as many
/// severe ones: those go last. The plus has SQLite go by the table and sort nothing.
std::int64_t Store::MakeRoom(bool undelivered_too) {
  const auto lesser =
      Oldest("+level < " + std::to_string(kSevere) + " AND id > " + std::to_string(no_lesser_to_));
  if (!lesser) return -1;
  no_lesser_to_ = lesser->empty() ? last_id_ : lesser->front() - 1;
  if (const std::int64_t removed = Remove(*lesser, "1", undelivered_too); removed != 0)
    return removed;
  const auto oldest = Oldest("1");
  if (!oldest) return -1;
  const std::int64_t removed = Remove(*oldest, "1", undelivered_too);
  counters_.removed_severe += static_cast<std::uint64_t>(std::max<std::int64_t>(removed, 0));
  return removed;
}

/// Numbers of the oldest among those; nothing when the store cannot be read.
std::optional<std::vector<std::int64_t>> Store::Oldest(const std::string& among) {
  Result<Statement> rows = database_->Prepare("SELECT id FROM alert WHERE " + among +
                                              " ORDER BY id LIMIT " + std::to_string(kMostRemoved));
  if (!rows) return {};
  std::vector<std::int64_t> ids;
  int step = rows->Step();
  for (; step == SQLITE_ROW; step = rows->Step()) ids.push_back(rows->Number(0));
  if (step != SQLITE_DONE) return {};
  return ids;
}

/// Removes those of them where it holds; how many, or -1. The last one of all stays: its number
/// must not be given again.
std::int64_t Store::Remove(const std::vector<std::int64_t>& ids, const std::string& where,
                           bool undelivered_too) {
  if (ids.empty()) return 0;
  std::string list;
  for (const std::int64_t id : ids) list += (list.empty() ? "" : ",") + std::to_string(id);
  std::string sql = "DELETE FROM alert WHERE id IN (" + list +
                    ") AND id < (SELECT max(id) FROM alert) AND " + where;
  std::int64_t undelivered = 0;
  if (keep_after_ && !undelivered_too) sql += " AND id <= " + std::to_string(*keep_after_);
  if (keep_after_ && undelivered_too) {
    undelivered =
        std::count_if(ids.begin(), ids.end(), [&](std::int64_t id) { return id > *keep_after_; });
  }
  if (!database_->Run(sql)) return -1;
  const std::int64_t removed = database_->Changes();
  counters_.removed += static_cast<std::uint64_t>(removed);
  counters_.removed_undelivered += static_cast<std::uint64_t>(std::min(undelivered, removed));
  return removed;
}

std::uint64_t Store::UsedBytes() {
  return static_cast<std::uint64_t>(
      (database_->Ask("PRAGMA page_count") - database_->Ask("PRAGMA freelist_count")) * kPageBytes);
}

/// A reader that does not end keeps SQLite from using the log's room again. Of a file that is not
/// open nobody can tell whether the reader is still there: one more batch goes in when it is
/// opened.
bool Store::LogIsTooLarge() {
  if (!database_) return false;
  struct stat st {};
  if (stat((options_.path + "-wal").c_str(), &st) != 0) return false;
  const auto size = static_cast<std::uint64_t>(st.st_size);
  if (size <= std::max(options_.most_bytes / 2, kLeastLogBytes)) return false;
  problem_ = "the alert store cannot be written: a reader holds its log, which has " +
             std::to_string(size >> 20) + " MiB";
  // Shrinks it as soon as the reader has gone.
  database_->Run("PRAGMA wal_checkpoint(TRUNCATE)");
  return stat((options_.path + "-wal").c_str(), &st) == 0 && st.st_size > 0;
}

bool Store::IsFull() { return UsedBytes() > options_.most_bytes - options_.most_bytes / kReserve; }

/// Removes a few of what is to go; how many, or -1.
std::int64_t Store::CleanOnce(std::int64_t now_us) {
  if (IsFull()) return MakeRoom(true);
  if (UsedBytes() > options_.size_bytes) {
    if (const std::int64_t removed = MakeRoom(false); removed != 0) return removed;
  }
  const auto oldest = Oldest("1");
  if (!oldest) return -1;
  return Remove(*oldest, "stored_us < " + std::to_string(now_us - options_.days * kDayUs), false);
}

void Store::Clean(std::int64_t now_ms) {
  const std::int64_t until = MonotonicMs() + kMostCleanMs;
  std::int64_t removed = 0;
  do {
    removed = CleanOnce(tick_us_);
  } while (removed > 0 && MonotonicMs() < until);
  if (removed < 0) Fail();
  clean_at_ms_ = now_ms + (removed > 0 ? kMoreMs : kCleanMs);
}

}  // namespace tld
