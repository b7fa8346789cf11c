// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "alert/stored.h"
#include "base/result.h"
#include "deliver/database.h"

namespace tld {

/// Reads the alert store while the plugin writes it, after a crash, or when it was closed well and
/// even from a medium that cannot be written. Holds no lock between two calls. One thread.
class StoreReader {
 public:
  /// Where no `-wal` file is, nobody writes: the file is read as it lies. What is wrong is said in
  /// the error; a store that does not exist yet is one, too.
  static Result<StoreReader> Open(const std::string& path);

  /// True when the name leads to another file now, or somebody has begun to write a file that was
  /// read as it lay: open anew.
  bool Outdated() const;

  /// Of the file; new with each one that is begun.
  const std::string& identity() const { return identity_; }

  /// How many alerts from that level up there are after that number.
  Result<std::int64_t> CountAfter(std::int64_t id, int level);
  /// The number of the last alert; 0 in an empty store.
  Result<std::int64_t> Last();
  /// The number of the last alert that was stored before that time.
  Result<std::int64_t> LastBefore(std::int64_t stored_us);

  /// Alerts after that number, in order: at most `most`, and not many more than 1 MiB. All levels:
  /// the caller moves on over those that it does not want.
  Result<std::vector<StoredAlert>> After(std::int64_t id, std::size_t most);

  /// For the search.
  Database& database() { return database_; }
  /// Says what cannot be seen this way; empty = everything can.
  const std::string& caveat() const { return caveat_; }

 private:
  StoreReader(Database database, std::string path)
      : database_(std::move(database)), path_(std::move(path)) {}
  Error Failed() const;
  Result<std::int64_t> Number(Result<Statement> statement, std::optional<std::int64_t> parameter);

  Database database_;
  std::string path_;
  std::string identity_;
  std::string caveat_;
  bool immutable_ = false;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  off_t size_ = 0;
  std::int64_t changed_ns_ = 0;
};

}  // namespace tld
