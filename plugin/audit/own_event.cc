// SPDX-License-Identifier: Apache-2.0
#include "audit/own_event.h"

#include "base/text.h"

namespace tld {
namespace {

/// The opposite of DecodeUntrusted.
std::string Encoded(std::string_view value) {
  for (const char c : value) {
    if (c == '"' || c <= ' ' || c >= 0x7f) return HexEncode(value);
  }
  return '"' + std::string(value) + '"';
}

/// Puts a record of ours before those that the event has.
void PutFirst(RawEvent& event, std::string_view type, const std::string& fields) {
  RawRecord record;
  record.type = record_type::kOwn;
  std::string line;
  if (!event.id.node.empty()) line = "node=" + event.id.node + ' ';
  record.type_begin = line.size();
  line += "type=" + std::string(type) + " msg=audit(" + event.id.Stamp() + "): ";
  record.body = line.size();
  line += fields;
  record.end = line.size();
  for (RawRecord& other : event.records) {
    for (std::size_t* place : {&other.begin, &other.type_begin, &other.body, &other.end}) {
      *place += line.size() + 1;
    }
  }
  event.text = event.records.empty() ? line : line + ' ' + event.text;
  event.records.insert(event.records.begin(), record);
}

}  // namespace

RawEvent MakeIdentityEvent(const RawEvent& exec, const SameProgram& same) {
  RawEvent event = exec;
  std::string fields = "name=" + Encoded(same.name) + " via=" + same.via;
  if (!same.sha256.empty()) fields += " sha256=" + same.sha256;
  fields += " same_as=" + Encoded(same.path);
  PutFirst(event, kIdentityType, fields);
  return event;
}

RawEvent MakeUnseenEvent(const RawEvent& seen, std::string_view what) {
  RawEvent event = seen;
  PutFirst(event, kIdentityType, "unseen=" + std::string(what));
  return event;
}

RawEvent MakeHealthEvent(std::string_view what, std::string_view text, std::int64_t time_us,
                         std::uint64_t serial) {
  RawEvent event;
  event.id.seconds = time_us / 1'000'000;
  event.id.milliseconds = static_cast<std::uint32_t>(time_us / 1000 % 1000);
  event.id.serial = serial;
  event.first_line_at_us = static_cast<std::uint64_t>(time_us);
  PutFirst(event, kHealthType, "what=" + std::string(what) + " text=" + Encoded(text));
  return event;
}

}  // namespace tld
