// SPDX-License-Identifier: Apache-2.0
#include "deliver/cursors.h"

#include <sqlite3.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "base/os.h"

namespace tld {
namespace {

constexpr int kTries = 2;
constexpr int kBusyMs = 5000;  // for another thread of ours

constexpr char kTable[] =
    "CREATE TABLE IF NOT EXISTS cursor ("
    "destination TEXT PRIMARY KEY, store TEXT NOT NULL, id INTEGER NOT NULL) WITHOUT ROWID";

Error Failed(const std::string& path, const Database& database) {
  return Error{path + ": " + database.LastError().message};
}

}  // namespace

Result<Cursors> Cursors::Open(const std::string& path) {
  Result<Database> database = Database::Open(path, Database::Mode::kWrite);
  if (!database) return database.error();
  database->WaitForOthers(kBusyMs);
  if (!database->Run("PRAGMA journal_mode=WAL") || !database->Run("PRAGMA cache_size=-64") ||
      !database->Run("PRAGMA synchronous=NORMAL") || !database->Run(kTable)) {
    return Failed(path, *database);
  }
  Result<Statement> find = database->Prepare("SELECT store, id FROM cursor WHERE destination = ?");
  Result<Statement> save = database->Prepare(
      "INSERT INTO cursor VALUES (?, ?, ?) ON CONFLICT (destination) "
      "DO UPDATE SET store = excluded.store, id = excluded.id");
  if (!find || !save) return Failed(path, *database);
  return Cursors(*std::move(database), *std::move(find), *std::move(save));
}

Result<bool> Cursors::Repair(const std::string& path) {
  if (!FileExists(path)) return false;
  {
    Result<Database> database = Database::Open(path, Database::Mode::kWrite);
    if (!database) return database.error();
    database->WaitForOthers(kBusyMs);
    // What is wrong is told in rows; a read that fails for a moment is no damage.
    for (int tries = 0; tries < kTries; ++tries) {
      if (database->AskText("PRAGMA quick_check(1)") == "ok" && database->Run(kTable) &&
          database->Run("SELECT destination, store, id FROM cursor")) {
        return false;
      }
    }
    const int code = database->LastError().code;
    const bool transient = code == SQLITE_BUSY || code == SQLITE_LOCKED ||
                           code == SQLITE_CANTOPEN || code == SQLITE_IOERR || code == SQLITE_FULL ||
                           code == SQLITE_NOMEM;
    if (transient) return Failed(path, *database);
  }
  if (rename(path.c_str(), (path + ".corrupt").c_str()) != 0) return OsError(path);
  for (const char* suffix : {"-wal", "-shm"}) unlink((path + suffix).c_str());
  return true;
}

Result<std::optional<Cursor>> Cursors::Find(const std::string& destination) {
  find_.Reset();
  find_.Bind(1, destination);
  const int rc = find_.Step();
  std::optional<Cursor> cursor;
  if (rc == SQLITE_ROW) cursor = Cursor{std::string(find_.Text(0)), find_.Number(1)};
  find_.Reset();
  if (rc != SQLITE_ROW && rc != SQLITE_DONE) return Error{database_.LastError().message};
  return cursor;
}

Status Cursors::Save(const std::string& destination, const Cursor& cursor) {
  save_.Reset();
  save_.Bind(1, destination);
  save_.Bind(2, cursor.store);
  save_.Bind(3, cursor.id);
  const int rc = save_.Step();
  save_.Reset();
  if (rc != SQLITE_DONE) return Error{database_.LastError().message};
  return {};
}

}  // namespace tld
