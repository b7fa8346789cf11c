// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "deliver/database.h"

namespace tld {

/// How far a destination has got.
struct Cursor {
  std::string store;    ///< identity of the store; numbers of another mean nothing
  std::int64_t id = 0;  ///< of the last alert that is delivered
};

/// The cursors of all destinations, in a file of their own beside the store, so that what delivers
/// never holds the lock of what stores. Each thread has its own connection.
class Cursors {
 public:
  /// Makes the file where there is none.
  static Result<Cursors> Open(const std::string& path);

  /// For use before any thread has opened it: a file that is no database is set aside, and true
  /// tells that cursors were lost with it.
  static Result<bool> Repair(const std::string& path);

  Result<std::optional<Cursor>> Find(const std::string& destination);
  Status Save(const std::string& destination, const Cursor& cursor);

 private:
  Cursors(Database database, Statement find, Statement save)
      : database_(std::move(database)), find_(std::move(find)), save_(std::move(save)) {}

  Database database_;
  Statement find_;
  Statement save_;
};

}  // namespace tld
