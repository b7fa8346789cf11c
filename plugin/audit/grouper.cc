// SPDX-License-Identifier: Apache-2.0
#include "audit/grouper.h"

#include <algorithm>
#include <utility>

#include "base/os.h"
#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kNodes = 1024;  // nodes whose last time is remembered offline

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

/// RawRecord::given_up of a record that is not the first of its kind.
int GivenUp(int type) {
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
  if (const RawRecord* own = Find(record_type::kOwn)) return *own;
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
  if (!records.empty()) NoteTime(records.front().header);
  ++open_by_node_[id.node];
  const Place place = open_.insert(open_.end(), Open{});
  place->event.id = id;
  place->event.first_line_at_us = static_cast<std::uint64_t>(RealtimeUs());
  for (const JoinedRecord& record : records) {
    if (record.header.type != record_type::kEoe) Store(*place, record.header, record.line);
  }
  place->complete = true;
  EmitReady();
  while (bytes_ > kAllBytes && !open_.empty()) EvictOldest();
}

Grouper::Place Grouper::Find(const RecordHeader& header, std::int64_t now_ms) {
  const EventId id = header.Id();
  if (const auto found = index_.find(id); found != index_.end()) {
    if (mode_ == Mode::kLive || !EndedOffline(*found->second, lines_ - 1)) return found->second;
    End(found->second);  // its time was up before this record: a new event begins
  }
  if (header.type == record_type::kEoe) return open_.end();  // of an event that has ended already
  if (open_.size() >= kOpenEvents) EvictOldest();
  ++open_by_node_[id.node];
  Open open;
  open.event.id = id;
  open.event.first_line_at_us = static_cast<std::uint64_t>(RealtimeUs());
  open.last_record_ms = now_ms;
  const Place place = open_.insert(open_.end(), std::move(open));
  index_.emplace(id, place);
  return place;
}

void Grouper::Store(Open& open, const RecordHeader& header, std::string_view line) {
  const std::size_t end = EnrichmentBegin(line, header.type);
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
  const int given_up = identity ? 0 : GivenUp(header.type);
  if (!identity && !HasRoom(event, line.size() + 1)) {
    if (!std::exchange(event.truncated, true)) ++counters_.truncated;
    if (given_up == 2 || !MakeRoom(open, line.size() + 1)) {
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
  record.given_up = given_up;
  if (given_up > 0) ++open.expendable;
  event.records.push_back(std::move(record));
  bytes_ += line.size() + 1;
}

bool Grouper::HasRoom(const RawEvent& event, std::size_t bytes) {
  return event.text.size() + bytes <= kEventBytes && event.records.size() < kEventRecords;
}

/// Gives records up, the last ones first, in portions: the cost of a record stays the same however
/// many come.
bool Grouper::MakeRoom(Open& open, std::size_t bytes) {
  constexpr std::size_t kPortion = 16;  // of the caps
  RawEvent& event = open.event;
  std::size_t freed = 0;
  std::size_t count = 0;
  for (int rank = 2; rank > 0 && open.expendable > 0; --rank) {
    for (auto record = event.records.rbegin(); record != event.records.rend(); ++record) {
      if (freed >= bytes + kEventBytes / kPortion || count >= kEventRecords / kPortion) break;
      if (record->given_up != rank) continue;
      record->given_up = -1;
      freed += record->end - record->begin + 1;
      ++count;
      --open.expendable;
    }
  }
  if (count == 0) return HasRoom(event, bytes);
  std::string text;
  std::vector<RawRecord> records;
  for (RawRecord& record : event.records) {
    if (record.given_up < 0) continue;
    if (!text.empty()) text += ' ';
    const std::size_t shift = record.begin - text.size();
    text += event.Line(record);
    record.begin -= shift;
    record.type_begin -= shift;
    record.body -= shift;
    record.end -= shift;
    records.push_back(std::move(record));
  }
  event.text = std::move(text);
  event.records = std::move(records);
  bytes_ -= freed;
  counters_.dropped_records += count;
  return HasRoom(event, bytes);
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
  Place place = open_.begin();
  if (mode_ == Mode::kLive) {
    const auto noisiest =
        std::max_element(open_by_node_.begin(), open_by_node_.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    place = std::find_if(open_.begin(), open_.end(),
                         [&](const Open& open) { return open.event.id.node == noisiest->first; });
  }
  if (!place->complete) place->event.truncated = true;
  Emit(place);
}

void Grouper::Emit(Place place) {
  RawEvent event = std::move(place->event);
  input_bytes_ -= place->input_bytes;
  if (!place->complete) index_.erase(event.id);
  if (const auto node = open_by_node_.find(event.id.node); --node->second == 0) {
    open_by_node_.erase(node);
  }
  open_.erase(place);
  bytes_ -= std::min(bytes_, event.text.size() + 1);
  if (event.records.empty()) return;
  ++counters_.events;
  emit_(std::move(event));
}

bool Grouper::EndedOffline(const Open& open, std::uint64_t lines) const {
  if (open.proctitle && lines >= open.last_line + kLinesAfterProctitle) return true;
  const auto last = last_ms_.find(open.event.id.node);
  return last != last_ms_.end() && last->second - open.event.id.TimeMs() > kTimeoutMs;
}

/// The last record's time, not the latest: one from the future ends what is open and no more.
void Grouper::NoteTime(const RecordHeader& header) {
  if (last_ms_.size() >= kNodes) last_ms_.clear();  // they are told again by the next records
  last_ms_[std::string(header.node)] = header.seconds * 1000 + header.milliseconds;
}

}  // namespace tld
