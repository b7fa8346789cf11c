// SPDX-License-Identifier: Apache-2.0
#include "audit/grouper.h"

#include <algorithm>
#include <utility>

#include "base/os.h"
#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kNodes = 1024;  // nodes whose newest time is remembered offline

/// PATH records are told apart by their `item=`; 2 stands for all above 1.
int PathItem(std::string_view body) {
  for (RawField field; NextRawField(body, field);) {
    if (field.name != "item") continue;
    return field.value == "0" ? 0 : field.value == "1" ? 1 : 2;
  }
  return 2;
}

/// The bit of a kind of record that says who ran what; 0 for all others.
unsigned IdentityBit(int type, std::string_view body) {
  switch (type) {
    case record_type::kSyscall:
      return 1;
    case record_type::kExecve:
      return 2;
    case record_type::kCwd:
      return 4;
    case record_type::kProctitle:
      return 8;
    case record_type::kPath: {
      const int item = PathItem(body);
      return item == 0 ? 16 : item == 1 ? 32 : 0;
    }
    default:
      return 0;
  }
}

/// 0: never given up for another record; the highest goes first.
int PayloadRank(int type) {
  switch (type) {
    case record_type::kExecve:
      return 2;
    case record_type::kSockaddr:
    case record_type::kPath:
      return 1;
    default:
      return 0;
  }
}

}  // namespace

const RawRecord* RawEvent::Find(int type) const {
  for (const RawRecord& record : records) {
    if (record.type == type) return &record;
  }
  return nullptr;
}

const RawRecord& RawEvent::MainRecord() const {
  const RawRecord* syscall = Find(record_type::kSyscall);
  return syscall != nullptr ? *syscall : records.front();
}

std::vector<std::string_view> RawEvent::TypeNames() const {
  std::vector<std::string_view> names;
  for (const RawRecord& record : records) {
    if (std::find(names.begin(), names.end(), record.type_name) == names.end()) {
      names.push_back(record.type_name);
    }
  }
  return names;
}

std::vector<std::string> RawEvent::Keys() const {
  for (const int type : {record_type::kSyscall, record_type::kConfigChange}) {
    const RawRecord* record = Find(type);
    if (record == nullptr) continue;
    std::vector<std::string> keys = KeyValues(Body(*record));
    if (!keys.empty()) return keys;
  }
  return {};
}

Grouper::Grouper(Mode mode, std::function<void(RawEvent&&)> emit)
    : mode_(mode), emit_(std::move(emit)) {}

void Grouper::Add(const RecordHeader& header, std::string_view line, std::int64_t now_ms) {
  ++lines_;
  if (mode_ == Mode::kOffline) NoteTime(header);
  const Place place = Find(header, now_ms);
  if (place == open_.end()) return;
  if (header.type == record_type::kEoe) {
    End(place);
    return;
  }
  place->last_record_ms = now_ms;
  place->input_bytes += line.size() + 1;
  input_bytes_ += line.size() + 1;
  place->last_line = lines_;
  place->proctitle |= header.type == record_type::kProctitle;
  Store(*place, header, line);
  if (IsSingleRecord(header.type)) {
    End(place);
  } else if (mode_ == Mode::kOffline) {
    EmitReady();
  }
  while (bytes_ > kAllBytes && !open_.empty()) EvictOldest();
}

void Grouper::AddJoined(const EventId& id, const std::vector<JoinedRecord>& records) {
  ++lines_;
  if (open_.size() >= kOpenEvents) EvictOldest();
  const Place place = open_.insert(open_.end(), Open{});
  place->event.id = id;
  place->event.first_line_at_us = static_cast<std::uint64_t>(RealtimeUs());
  for (const JoinedRecord& record : records) {
    if (record.header.type != record_type::kEoe) Store(*place, record.header, record.line);
  }
  place->complete = true;
  EmitReady();
}

Grouper::Place Grouper::Find(const RecordHeader& header, std::int64_t now_ms) {
  const EventId id = header.Id();
  if (const auto found = index_.find(id); found != index_.end()) {
    if (mode_ == Mode::kLive || !EndedOffline(*found->second, lines_ - 1)) return found->second;
    End(found->second);  // its time was up before this record: a new event begins
  }
  if (header.type == record_type::kEoe) return open_.end();  // of an event that has ended already
  if (open_.size() >= kOpenEvents) EvictOldest();
  Open open;
  open.event.id = id;
  open.event.first_line_at_us = static_cast<std::uint64_t>(RealtimeUs());
  open.last_record_ms = now_ms;
  const Place place = open_.insert(open_.end(), std::move(open));
  index_.emplace(id, place);
  return place;
}

void Grouper::Store(Open& open, const RecordHeader& header, std::string_view line) {
  const std::size_t end = EnrichmentBegin(line);
  RawEvent& event = open.event;
  if (end < line.size() && (event.enrichment.empty() || header.type == record_type::kSyscall)) {
    event.enrichment = line.substr(end + 1);
  }
  line = line.substr(0, end);
  while (line.size() > header.body_begin && line.back() == ' ') line.remove_suffix(1);

  const unsigned bit =
      IdentityBit(header.type, line.substr(std::min(header.body_begin, line.size())));
  const bool identity = bit != 0 && (open.identity & bit) == 0;
  open.identity |= bit;
  const bool full =
      event.text.size() + line.size() + 1 > kEventBytes || event.records.size() >= kEventRecords;
  if (full && !identity) {
    if (!std::exchange(event.truncated, true)) ++counters_.truncated;
    if (PayloadRank(header.type) == 2 || !MakeRoom(open, line.size() + 1)) {
      ++counters_.dropped_records;
      return;
    }
  }
  if (!event.text.empty()) event.text += ' ';
  RawRecord record;
  record.type = header.type;
  record.type_name = header.type_name;
  record.begin = event.text.size();
  record.type_begin = record.begin + header.type_begin;
  record.body = record.begin + std::min(header.body_begin, line.size());
  event.text += line;
  record.end = event.text.size();
  event.records.push_back(std::move(record));
  bytes_ += line.size() + 1;
}

bool Grouper::MakeRoom(Open& open, std::size_t bytes) {
  RawEvent& event = open.event;
  const auto first_execve =
      std::find_if(event.records.begin(), event.records.end(),
                   [](const RawRecord& r) { return r.type == record_type::kExecve; }) -
      event.records.begin();
  const auto given_up = [&](std::size_t i, int rank) {
    const RawRecord& r = event.records[i];
    if (PayloadRank(r.type) != rank || i == 0) return false;
    if (r.type == record_type::kExecve) return static_cast<std::ptrdiff_t>(i) != first_execve;
    return r.type != record_type::kPath || PathItem(event.Body(r)) > 1;
  };
  const auto fits = [&] {
    return event.text.size() + bytes <= kEventBytes && event.records.size() < kEventRecords;
  };
  for (int rank = 2; rank > 0 && !fits(); --rank) {
    for (std::size_t i = event.records.size(); i-- > 0 && !fits();) {
      if (!given_up(i, rank)) continue;
      const RawRecord victim = event.records[i];
      const std::size_t cut = victim.end - victim.begin + 1;  // with the blank before it
      event.text.erase(victim.begin - 1, cut);
      event.records.erase(event.records.begin() + static_cast<std::ptrdiff_t>(i));
      for (std::size_t j = i; j < event.records.size(); ++j) {
        RawRecord& later = event.records[j];
        later.begin -= cut;
        later.type_begin -= cut;
        later.body -= cut;
        later.end -= cut;
      }
      bytes_ -= cut;
      ++counters_.dropped_records;
    }
  }
  return fits();
}

void Grouper::Tick(std::int64_t now_ms) {
  for (Place place = open_.begin(); place != open_.end();) {
    const Place next = std::next(place);
    if (now_ms - place->last_record_ms >= kTimeoutMs) {
      ++counters_.timed_out;
      End(place);
    }
    place = next;
  }
}

void Grouper::Flush() {
  while (!open_.empty()) Emit(open_.begin());
}

void Grouper::End(Place place) {
  if (mode_ == Mode::kLive) {
    Emit(place);
    return;
  }
  if (!place->complete) index_.erase(place->event.id);
  place->complete = true;
  EmitReady();
}

void Grouper::EmitReady() {
  while (!open_.empty() && (open_.front().complete || EndedOffline(open_.front(), lines_))) {
    Emit(open_.begin());
  }
}

void Grouper::EvictOldest() {
  ++counters_.evicted;
  Emit(open_.begin());
}

void Grouper::Emit(Place place) {
  RawEvent event = std::move(place->event);
  input_bytes_ -= place->input_bytes;
  if (!place->complete) index_.erase(event.id);
  open_.erase(place);
  bytes_ -= std::min(bytes_, event.text.size() + 1);
  if (event.records.empty()) return;
  ++counters_.events;
  emit_(std::move(event));
}

bool Grouper::EndedOffline(const Open& open, std::uint64_t lines) const {
  if (open.proctitle && lines >= open.last_line + kLinesAfterProctitle) return true;
  const auto newest = newest_ms_.find(open.event.id.node);
  return newest != newest_ms_.end() && newest->second - open.event.id.TimeMs() > kTimeoutMs;
}

void Grouper::NoteTime(const RecordHeader& header) {
  const std::int64_t time = header.seconds * 1000 + header.milliseconds;
  if (newest_ms_.size() >= kNodes) newest_ms_.clear();  // they are told again by the next records
  std::int64_t& newest = newest_ms_[std::string(header.node)];
  newest = std::max(newest, time);
}

}  // namespace tld
