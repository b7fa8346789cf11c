// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

#include "audit/record.h"

namespace tld {

/// A record inside RawEvent::text.
struct RawRecord {
  int type = 0;
  std::size_t begin = 0;       ///< of the line, at node= if there is one
  std::size_t type_begin = 0;  ///< at `type=`
  std::size_t body = 0;        ///< after the header
  std::size_t end = 0;
  int given_up = 0;  ///< when there is no room: 0 never, 2 first
};

/// All records of one event, in the order of their arrival.
struct RawEvent {
  EventId id;
  /// The records joined by one blank, without EOE and without enrichment: the "full log".
  std::string text;
  std::vector<RawRecord> records;
  /// auditd's names for the SYSCALL record, else for the first record that has some: `AUID="alice"
  /// UID="root" …`. Display only.
  std::string enrichment;
  bool truncated = false;  ///< a cap dropped records or ended the event early
  /// CLOCK_REALTIME when its first record was read; offline 0.
  std::uint64_t first_line_at_us = 0;

  /// As in the record: SYSCALL.
  std::string_view TypeName(const RawRecord& r) const;
  std::string_view Body(const RawRecord& r) const {
    return std::string_view(text).substr(r.body, r.end - r.body);
  }
  /// The first record of a type, or null.
  const RawRecord* Find(int type) const;
  /// A report of this plugin about itself (own_event.h).
  bool IsReport() const {
    const RawRecord* own = Find(record_type::kOwn);
    return own != nullptr && TypeName(*own) == kHealthType;
  }
  /// One of ours, else SYSCALL if there is one, else the first. REQUIRES: there is a record.
  const RawRecord& MainRecord() const;
  /// The type names of all records, each once, in order. Views into `text`, which themselves live
  /// in `memory`.
  std::pmr::vector<std::string_view> TypeNames(
      std::pmr::memory_resource* memory = std::pmr::get_default_resource()) const;
  /// Calls `take(key)` for the keys of the SYSCALL record, else for those of the CONFIG_CHANGE
  /// record. Never from anywhere else, so that no argument or file name passes for a key.
  template <class Take>
  void ForEachKey(Take&& take) const {
    for (const int type : {record_type::kSyscall, record_type::kConfigChange}) {
      const RawRecord* record = Find(type);
      if (record != nullptr && tld::ForEachKey(Body(*record), take)) return;
    }
  }

  std::string_view Line(const RawRecord& r) const {
    return std::string_view(text).substr(r.begin, r.end - r.begin);
  }
};

}  // namespace tld
