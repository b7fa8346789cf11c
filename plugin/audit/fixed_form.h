// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "audit/event.h"
#include "audit/record.h"

/// The kernel's own records of a command are written in one form: `name=value` between blanks,
/// values quoted or hexadecimal where they come from outside. Those are read here, at a fraction of
/// what libauparse takes; all others, and those of another form, are left to it.
namespace tld {

/// The fields of one record, in order. Views point into the record.
class FixedRecord {
 public:
  /// False where the record is of another type or form. `body` is what follows the header, without
  /// enrichment.
  bool Read(int type, std::string_view body);

  std::span<const RawField> fields() const { return {fields_.data(), count_}; }

 private:
  static constexpr std::size_t kMostFields = 64;  // the kernel writes 27 at most
  std::array<RawField, kMostFields> fields_;
  std::size_t count_ = 0;
};

/// Adds the fields of a SYSCALL, PATH, CWD or PROCTITLE record.
void AddFixedForm(int type, std::span<const RawField> fields, Event& event);

}  // namespace tld
