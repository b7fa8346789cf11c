// SPDX-License-Identifier: Apache-2.0
#include "audit/grouper.h"

#include <algorithm>
#include <utility>

#include "base/os.h"
#include "base/text.h"

namespace tld {
namespace {

/// Nodes that are remembered. Twice as many as may have open events, so that forgetting the others
/// is seldom.
constexpr std::size_t kNodes = 2 * Grouper::kOpenEvents;
constexpr std::size_t kNodeBytes = 256;  // of a name that is remembered; host names have fewer
constexpr int kLookBack = 4;             // events that are tried before the index is asked
constexpr std::int64_t kAtOnceMs = 100;  // within so long the records of an event come
constexpr std::size_t kSpareEvents = 16;
constexpr std::size_t kSpareBytes = 16 * 1024;  // of an event's text that is kept

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

Grouper::Grouper(Mode mode, std::function<void(RawEvent&&)> emit)
    : mode_(mode), emit_(std::move(emit)) {}

void Grouper::Add(const RecordHeader& header, std::string_view line, std::int64_t now_ms) {
  ++lines_;
  if (mode_ == Mode::kOffline) NodeOf(header);  // what its time ends, ends before it is added
  const Place place = Find(header, now_ms);
  if (place == open_.end()) {
    ForgetLongName(header.node);
    return;
  }
  if (header.type == record_type::kEoe) {
    End(place);
    return;
  }
  place->last_record_ms = now_ms;
  place->input_bytes += line.size() + 1;
  input_bytes_ += line.size() + 1;
  place->last_line = lines_;
  place->proctitle |= header.type == record_type::kProctitle;
  Store(*place, header.At(line));
  if (IsSingleRecord(header.type)) {
    End(place);
  } else if (mode_ == Mode::kOffline) {
    EmitReady();
  }
  while (bytes_ > kAllBytes && !open_.empty()) EvictOldest();
}

bool Grouper::IsOpen(const RecordHeader& header) {
  if (open_.empty()) return false;
  Identify(header);
  return FindOpen() != open_.end();
}

void Grouper::AddWhole(const RecordHeader& first, const std::vector<RecordLine>& records,
                       std::size_t lines) {
  lines_ += lines;
  if (mode_ == Mode::kOffline && open_.size() >= kOpenEvents) EvictOldest();
  const Place place = Begin(NodeOf(first));
  Identify(first);
  place->event.id = id_;
  std::size_t bytes = 0;
  for (const RecordLine& record : records) bytes += record.line.size() + 1;
  place->event.text.reserve(std::min(bytes, kEventBytes));  // not by doubling
  for (const RecordLine& record : records) Store(*place, record);
  place->complete = true;
  if (mode_ == Mode::kLive) {
    Emit(place);
  } else {
    EmitReady();
  }
  while (bytes_ > kAllBytes && !open_.empty()) EvictOldest();
}

void Grouper::Pass(const RecordHeader& first, std::size_t lines) {
  lines_ += lines;
  ++counters_.events;
  if (mode_ == Mode::kLive || open_.empty()) return;
  NodeOf(first);  // its time ends others
  ForgetLongName(first.node);
  EmitReady();
}

Grouper::Node& Grouper::NodeOf(const RecordHeader& header) {
  Node& node = NodeNamed(header.node);
  // The last record's time, not the latest: one from the future ends what is open and no more.
  if (mode_ == Mode::kOffline) node.last_ms = header.seconds * 1000 + header.milliseconds;
  return node;
}

Grouper::Node& Grouper::NodeNamed(std::string_view name) {
  if (!open_.empty() && open_.back().event.id.node == name) return *open_.back().node;
  const auto found = nodes_.find(name);
  if (found != nodes_.end()) return found->second;
  if (nodes_.size() >= kNodes) {
    std::erase_if(nodes_, [](const auto& node) { return node.second.open == 0; });
  }
  return nodes_[std::string(name)];
}

void Grouper::ForgetLongName(std::string_view name) {
  if (name.size() <= kNodeBytes) return;
  const auto found = nodes_.find(name);
  if (found != nodes_.end() && found->second.open == 0) nodes_.erase(found);
}

void Grouper::Identify(const RecordHeader& header) {
  id_.node = header.node;
  id_.seconds = header.seconds;
  id_.milliseconds = header.milliseconds;
  id_.serial = header.serial;
}

Grouper::Place Grouper::Find(const RecordHeader& header, std::int64_t now_ms) {
  Identify(header);
  Place place = FindOpen();
  if (place != open_.end()) {
    if (mode_ == Mode::kLive || !EndedOffline(*place, lines_ - 1)) return place;
    End(place);  // its time was up before this record: a new event begins
  }
  if (header.type == record_type::kEoe) return open_.end();  // of an event that has ended already
  if (open_.size() >= kOpenEvents) EvictOldest();
  place = Begin(NodeOf(header));  // not before: with the last event of a node its name may go
  place->event.id = id_;
  place->last_record_ms = now_ms;
  Enter(place);
  return place;
}

/// Most records are of one of the events that began last: of one on each processor.
Grouper::Place Grouper::FindOpen() {
  Place place = open_.end();
  for (int i = 0; i < kLookBack && place != open_.begin(); ++i) {
    --place;
    if (!place->complete && place->event.id == id_) return place;
  }
  const auto found = index_.find(id_);
  return found != index_.end() ? found->second : open_.end();
}

Grouper::Place Grouper::Begin(Node& node) {
  if (spare_.empty()) spare_.emplace_back();
  open_.splice(open_.end(), spare_, spare_.begin());
  const Place place = std::prev(open_.end());
  place->node = &node;
  ++node.open;
  if (mode_ == Mode::kLive) {
    place->event.first_line_at_us = static_cast<std::uint64_t>(RealtimeUs());
  }
  return place;
}

void Grouper::Enter(Place place) {
  if (place->entry.empty()) {
    index_.emplace(place->event.id, place);
    return;
  }
  place->entry.key() = place->event.id;
  place->entry.mapped() = place;
  index_.insert(std::move(place->entry));
}

void Grouper::Leave(Place place) { place->entry = index_.extract(place->event.id); }

void Grouper::Store(Open& open, const RecordLine& added) {
  std::string_view line = added.line;
  // Behind the header: a node's name may hold any byte but a blank.
  const std::size_t body = std::min(added.body_begin, line.size());
  const std::size_t end = body + EnrichmentBegin(line.substr(body), added.type);
  RawEvent& event = open.event;
  if (end < line.size() && (event.enrichment.empty() || added.type == record_type::kSyscall)) {
    event.enrichment = line.substr(end + 1);
  }
  line = line.substr(0, end);
  while (line.size() > added.body_begin && line.back() == ' ') line.remove_suffix(1);

  const unsigned bit =
      IdentityBit(added.type, line.substr(std::min(added.body_begin, line.size())));
  const bool identity = bit != 0 && (open.identity & bit) == 0;
  open.identity |= bit;
  const int given_up = identity ? 0 : GivenUp(added.type);
  if (!identity && !HasRoom(event, line.size() + 1)) {
    if (!std::exchange(event.truncated, true)) ++counters_.truncated;
    if (given_up == 2 || !MakeRoom(open, line.size() + 1)) {
      ++counters_.dropped_records;
      return;
    }
  }
  if (!event.text.empty()) event.text += ' ';
  RawRecord& record = event.records.emplace_back();
  record.type = added.type;
  record.begin = event.text.size();
  record.type_begin = record.begin + added.type_begin;
  record.body = record.begin + std::min(added.body_begin, line.size());
  event.text += line;
  record.end = event.text.size();
  record.given_up = given_up;
  if (given_up > 0) ++open.expendable;
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
    records.push_back(record);
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
    const std::int64_t waits_ms = now_ms - place->last_record_ms;
    if (waits_ms >= kTimeoutMs) {
      ++counters_.timed_out;
      End(place);
    } else if (waits_ms >= kAtOnceMs) {  // many may wait, each in the room of a whole event
      place->event.text.shrink_to_fit();
      place->event.records.shrink_to_fit();
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
  if (!place->complete) Leave(place);
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
    const auto noisiest = std::max_element(
        nodes_.begin(), nodes_.end(),
        [](const auto& a, const auto& b) { return a.second.open < b.second.open; });
    place = std::find_if(open_.begin(), open_.end(),
                         [&](const Open& open) { return open.node == &noisiest->second; });
  }
  if (!place->complete) place->event.truncated = true;
  Emit(place);
}

void Grouper::Emit(Place place) {
  input_bytes_ -= place->input_bytes;
  if (!place->complete) Leave(place);
  --place->node->open;
  ForgetLongName(place->event.id.node);
  std::list<Open> ended;
  ended.splice(ended.end(), open_, place);
  RawEvent& event = place->event;
  if (!event.records.empty()) {
    bytes_ -= event.text.size() + 1;
    ++counters_.events;
    emit_(std::move(event));
  }
  if (spare_.size() >= kSpareEvents || event.text.capacity() > kSpareBytes) return;
  Index::node_type entry = std::move(place->entry);
  RawEvent memory = std::move(event);
  memory.text.clear();
  memory.records.clear();
  memory.enrichment.clear();
  memory.truncated = false;
  *place = Open{};
  place->event = std::move(memory);
  place->entry = std::move(entry);
  spare_.splice(spare_.end(), ended);
}

bool Grouper::EndedOffline(const Open& open, std::uint64_t lines) const {
  if (open.proctitle && lines >= open.last_line + kLinesAfterProctitle) return true;
  return open.node->last_ms - open.event.id.TimeMs() > kTimeoutMs;
}

}  // namespace tld
