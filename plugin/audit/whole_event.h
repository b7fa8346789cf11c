// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "audit/record.h"

namespace tld {

/// An event that stands whole in the input: from its SYSCALL record to EOE, line behind line, with
/// nothing between. As the kernel writes events, and as most of them arrive. Views point into the
/// input.
struct WholeEvent {
  static constexpr std::size_t kMostRecords = 32;

  RecordHeader header;              ///< of the SYSCALL record
  std::string_view body;            ///< of the SYSCALL record, without enrichment
  std::vector<RecordLine> records;  ///< in order, without EOE
  std::size_t bytes = 0;            ///< of all its lines, newlines included
  std::size_t lines = 0;
};

/// Reads the event that `input`, which begins with a line, begins with; the memory of the one
/// before serves it. False where it does not stand whole there, or has records that are rare: it is
/// to be read line by line then, and `event` is of no use.
bool ReadWholeEvent(std::string_view input, WholeEvent& event);

}  // namespace tld
