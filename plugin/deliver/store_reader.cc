// SPDX-License-Identifier: Apache-2.0
#include "deliver/store_reader.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/os.h"

namespace tld {
namespace {

constexpr int kBusyMs = 2000;  // for a checkpoint of the writer
constexpr std::size_t kMostBytes = 1u << 20;

bool HasLog(const std::string& path) {
  struct stat st {};
  return stat((path + "-wal").c_str(), &st) == 0 && st.st_size > 0;
}

std::int64_t Nanoseconds(const struct stat& st) {
  return st.st_mtim.tv_sec * 1'000'000'000 + st.st_mtim.tv_nsec;
}

}  // namespace

Error StoreReader::Failed() const { return Error{path_ + ": " + database_.LastError().message}; }

Result<StoreReader> StoreReader::Open(const std::string& path) {
  struct stat st {};
  const bool readable = stat(path.c_str(), &st) == 0 && eaccess(path.c_str(), R_OK) == 0;
  if (!readable) {
    const int why = errno;
    std::string text = OsError(path, why).message;
    if (why == EACCES) text += "; root and the group adm may read the alert store";
    if (why == ENOENT) text += "; 'tldctl doctor' says why nothing was stored";
    return Error{text};
  }
  const bool logged = FileExists(path + "-wal");
  Result<Database> database =
      Database::Open(path, logged ? Database::Mode::kRead : Database::Mode::kImmutable);
  if (!database) return database.error();
  StoreReader reader(*std::move(database), path);
  reader.immutable_ = !logged;
  reader.device_ = st.st_dev;
  reader.inode_ = st.st_ino;
  reader.size_ = st.st_size;
  reader.changed_ns_ = Nanoseconds(st);
  reader.database_.WaitForOthers(kBusyMs);
  reader.database_.Run("PRAGMA cache_size=-256");
  if (!reader.database_.Run("SELECT count(*) FROM sqlite_master")) {
    // On a medium that cannot be written the index of the log cannot be made.
    if (reader.database_.LastError().code != SQLITE_CANTOPEN || !logged) return reader.Failed();
    Result<Database> lying = Database::Open(path, Database::Mode::kImmutable);
    if (!lying) return lying.error();
    reader.database_ = *std::move(lying);
    reader.immutable_ = true;
    if (HasLog(path)) {
      reader.caveat_ = path + "-wal cannot be read from here; the last alerts may be missing";
    }
  }
  Result<Statement> identity = reader.database_.Prepare("SELECT id FROM store");
  if (!identity || identity->Step() != SQLITE_ROW) {
    return Error{path + ": is no alert store of this version"};
  }
  reader.identity_ = identity->Text(0);
  return reader;
}

bool StoreReader::Outdated() const {
  struct stat st {};
  if (stat(path_.c_str(), &st) != 0) return true;
  if (st.st_dev != device_ || st.st_ino != inode_) return true;
  return immutable_ && (HasLog(path_) || st.st_size != size_ || Nanoseconds(st) != changed_ns_);
}

Result<std::int64_t> StoreReader::Number(Result<Statement> statement,
                                         std::optional<std::int64_t> parameter) {
  if (!statement) return Failed();
  if (parameter) statement->Bind(1, *parameter);
  const int rc = statement->Step();
  if (rc == SQLITE_DONE) return std::int64_t{0};
  if (rc != SQLITE_ROW) return Failed();
  return statement->Number(0);
}

Result<std::int64_t> StoreReader::CountAfter(std::int64_t id, int level) {
  return Number(database_.Prepare("SELECT count(*) FROM alert WHERE id > ? AND level >= " +
                                  std::to_string(level)),
                id);
}

Result<std::int64_t> StoreReader::Last() {
  return Number(database_.Prepare("SELECT max(id) FROM alert"), {});
}

Result<std::int64_t> StoreReader::LastBefore(std::int64_t stored_us) {
  return Number(
      database_.Prepare("SELECT id FROM alert WHERE stored_us < ? ORDER BY id DESC LIMIT 1"),
      stored_us);
}

Result<std::vector<StoredAlert>> StoreReader::After(std::int64_t id, std::size_t most) {
  Result<Statement> rows = database_.Prepare(
      "SELECT id, instance, seq, time_us, rule, level, host, document FROM alert "
      "WHERE id > ? ORDER BY id");
  if (!rows) return Failed();
  rows->Bind(1, id);
  std::vector<StoredAlert> alerts;
  int rc = SQLITE_DONE;
  for (std::size_t bytes = 0; alerts.size() < most && bytes < kMostBytes;) {
    rc = rows->Step();
    if (rc != SQLITE_ROW) break;
    StoredAlert alert;
    alert.id = rows->Number(0);
    alert.instance = rows->Text(1);
    alert.seq = static_cast<std::uint64_t>(rows->Number(2));
    alert.time_us = rows->Number(3);
    alert.rule = rows->Text(4);
    alert.level = static_cast<int>(rows->Number(5));
    alert.host = rows->Text(6);
    alert.document = rows->Text(7);
    bytes += alert.document.size();
    alerts.push_back(std::move(alert));
  }
  if (rc != SQLITE_ROW && rc != SQLITE_DONE) return Failed();
  return alerts;
}

}  // namespace tld
