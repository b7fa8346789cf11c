// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "audit/record.h"

namespace tld {

/// An event that stands whole in the input: from its SYSCALL record to EOE, line behind line, with
/// nothing between. As the kernel writes events, and as most of them arrive. Views point into the
/// input.
struct WholeEvent {
  static constexpr std::size_t kMostRecords = 32;

  RecordHeader header;    ///< of the SYSCALL record
  std::string_view body;  ///< of the SYSCALL record, without enrichment
  /// The records' types, in order, without EOE.
  std::array<std::string_view, kMostRecords> type_names;
  std::size_t records = 0;
  std::size_t bytes = 0;  ///< of all its lines, newlines included
  std::size_t lines = 0;
};

/// The event that `input`, which begins with a line, begins with. Nothing where it does not stand
/// whole there, or has records that are rare: it is to be read line by line then.
std::optional<WholeEvent> ReadWholeEvent(std::string_view input, HeaderReader& headers);

}  // namespace tld
