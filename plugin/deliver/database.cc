// SPDX-License-Identifier: Apache-2.0
#include "deliver/database.h"

#include <sqlite3.h>

#include <utility>

#include "base/os.h"

namespace tld {

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

void Statement::Bind(int place, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), place, value);
}

void Statement::Bind(int place, std::string_view text) {
  sqlite3_bind_text64(statement_.get(), place, text.data(), text.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
}

int Statement::Step() { return sqlite3_step(statement_.get()); }

std::int64_t Statement::Number(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

void Statement::Reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

void Database::Close::operator()(sqlite3* database) const { sqlite3_close_v2(database); }

Result<Database> Database::Open(const std::string& path, Mode mode) {
  std::string name = path;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  if (mode != Mode::kWrite) {
    flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
    std::string quoted;  // '?', '#' and '%' mean something in a URI
    for (const char c : path) {
      if (c == '?' || c == '#' || c == '%') {
        quoted += c == '?' ? "%3f" : c == '#' ? "%23" : "%25";
      } else {
        quoted += c;
      }
    }
    name = "file:" + quoted + (mode == Mode::kImmutable ? "?immutable=1" : "?mode=ro");
  }
  sqlite3* handle = nullptr;
  const int rc = sqlite3_open_v2(name.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(handle);
  if (rc != SQLITE_OK) return Error{path + ": " + database.LastError().message};
  sqlite3_extended_result_codes(handle, 0);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_busy_timeout(handle, 0);
  return database;
}

void Database::WaitForOthers(int ms) { sqlite3_busy_timeout(database_.get(), ms); }

void Database::GiveUpAfter(std::int64_t ms) {
  until_ms_ = std::make_unique<std::int64_t>(MonotonicMs() + ms);
  const auto is_late = [](void* until_ms) {
    return MonotonicMs() > *static_cast<std::int64_t*>(until_ms) ? 1 : 0;
  };
  constexpr int kInstructions = 1000;  // of SQLite's machine between two looks at the clock
  sqlite3_progress_handler(database_.get(), kInstructions, is_late, until_ms_.get());
}

bool Database::Run(const std::string& sql) {
  return sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
}

Result<Statement> Database::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()), &statement,
                         nullptr) != SQLITE_OK) {
    return Error{LastError().message};
  }
  return Statement(statement);
}

std::string Database::AskText(std::string_view sql) {
  Result<Statement> statement = Prepare(sql);
  return statement && statement->Step() == SQLITE_ROW ? std::string(statement->Text(0))
                                                      : std::string();
}

std::int64_t Database::Ask(std::string_view sql) {
  Result<Statement> statement = Prepare(sql);
  return statement && statement->Step() == SQLITE_ROW ? statement->Number(0) : 0;
}

DatabaseError Database::LastError() const {
  if (!database_) return {SQLITE_NOMEM, "out of memory"};
  return {sqlite3_errcode(database_.get()), sqlite3_errmsg(database_.get())};
}

std::int64_t Database::Changes() const { return sqlite3_changes64(database_.get()); }

}  // namespace tld
