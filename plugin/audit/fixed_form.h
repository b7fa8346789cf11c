// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "audit/event.h"
#include "audit/field_names.h"
#include "audit/record.h"

/// The kernel's own records of a command are written in one form: `name=value` between blanks,
/// values quoted or hexadecimal where they come from outside. Those are read here, at a fraction of
/// what libauparse takes; all others, and those of another form, are left to it.
namespace tld {

/// A record in that form. Views point into the record.
class FixedRecord {
 public:
  /// False where the record is of another type or form. `body` is what follows the header, without
  /// enrichment.
  bool Read(int type, std::string_view body);

  /// Adds the fields of a SYSCALL, PATH, CWD or PROCTITLE record.
  void AddTo(Event& event);

  struct Value {
    const NamePair* name = nullptr;  ///< null where the kernel has no such field in these records
    std::string_view text;
  };
  /// In the order of the record.
  std::span<const Value> values() const { return {values_.data(), count_}; }

 private:
  static constexpr std::size_t kMostFields = 64;  // the kernel writes 27 at most
  int type_ = 0;
  std::array<Value, kMostFields> values_;
  std::size_t count_ = 0;
  std::string decoded_;  // a value at a time
};

}  // namespace tld
