// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

/// A thin owner of what SQLite hands out. Every call's result is looked at; nothing throws.
namespace tld {

/// A prepared statement, used again and again.
class Statement {
 public:
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  void Bind(int place, std::int64_t value);
  /// The text must stay until Step has returned.
  void Bind(int place, std::string_view text);

  /// SQLITE_ROW, SQLITE_DONE or an error.
  int Step();
  std::int64_t Number(int column) const;
  /// Valid until the next Step or Reset.
  std::string_view Text(int column) const;
  void Reset();

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// Why an SQLite call failed.
struct DatabaseError {
  int code = 0;  ///< SQLITE_FULL and such; 0 = no error
  std::string message;
};

class Database {
 public:
  enum class Mode { kWrite, kRead, kImmutable };

  /// Defensive, without trust in the schema of the file. No other process is waited for.
  static Result<Database> Open(const std::string& path, Mode mode);

  /// How long a call waits for another connection's lock.
  void WaitForOthers(int ms);
  /// A statement that still runs so long from now ends with SQLITE_INTERRUPT.
  void GiveUpAfter(std::int64_t ms);
  /// Runs statements that give no rows.
  bool Run(const std::string& sql);
  Result<Statement> Prepare(std::string_view sql);
  /// The first column of the first row as text; empty without one.
  std::string AskText(std::string_view sql);
  /// The first column of the first row; 0 without one.
  std::int64_t Ask(std::string_view sql);
  /// Of the last call that failed.
  DatabaseError LastError() const;
  /// Rows that the last statement changed.
  std::int64_t Changes() const;

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  explicit Database(sqlite3* database) : database_(database) {}
  std::unique_ptr<std::int64_t> until_ms_;  // monotonic; SQLite has its address
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace tld
