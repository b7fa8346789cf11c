// SPDX-License-Identifier: Apache-2.0
#include "program/recognizer.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "base/text.h"

namespace tld {
namespace {

constexpr std::string_view kSuspicious = "suspicious-programs";
constexpr std::int64_t kAnswerMs = 5'000;
/// A program of root's that was looked at is looked at again after this: who can change it within
/// can do more.
constexpr std::int64_t kGuardedMs = 1'000;
constexpr std::size_t kMostAsked = 4096;
constexpr std::size_t kMostGone = 512;
/// A program whose file is gone, and that still runs so long after that was found, is told.
constexpr std::int64_t kGoneMs = 1'000;

unsigned Hexadecimal(std::string_view digits) {
  unsigned value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

/// Where nobody but root makes files.
bool IsOfTheSystem(std::string_view path) {
  return path.starts_with("/usr/") || path.starts_with("/bin/") || path.starts_with("/sbin/");
}

}  // namespace

Recognizer::Recognizer(int talk, Take take)
    : witness_(talk), programs_(witness_), take_(std::move(take)) {}

void Recognizer::SetPolicy(const Policy& policy) {
  const std::vector<List>& lists = policy.ruleset.lists;
  const auto list = std::find_if(lists.begin(), lists.end(),
                                 [](const List& l) { return l.name() == kSuspicious; });
  list_ = list == lists.end() ? nullptr : &*list;
  host_ = policy.host;
  asked_.clear();
  programs_.SetList(list_);
}

std::optional<Recognizer::Place> Recognizer::PlaceOf(const RawEvent& raw) {
  for (const RawRecord& record : raw.records) {
    if (record.type != record_type::kPath) continue;
    std::string_view body = raw.Body(record);
    bool first = false;
    Place place;
    std::uint64_t mode = 0;
    bool roots = false;
    for (RawField field; NextRawField(body, field);) {
      if (field.name == "item") first = field.value == "0";
      if (field.name == "inode") place.inode = ParseNumber(field.value).value_or(0);
      if (field.name == "dev") {
        const std::size_t colon = field.value.find(':');
        if (colon == field.value.npos) continue;
        place.device = makedev(Hexadecimal(field.value.substr(0, colon)),
                               Hexadecimal(field.value.substr(colon + 1)));
      }
      if (field.name == "mode") mode = std::strtoul(std::string(field.value).c_str(), nullptr, 8);
      if (field.name == "ouid") roots = field.value == "0";
    }
    place.guarded = roots && (mode & 022) == 0;
    if (first && place.inode != 0) return place;
  }
  return {};
}

int Recognizer::RankByName(const Event& event) const {
  int rank = 0;
  for (const Field& name : event.Find("audit.program")) {
    if (const auto colour = list_->Find(name.value)) rank = std::max(rank, RankOf(*colour));
  }
  return rank;
}

void Recognizer::Consider(const Event& event, std::int64_t now_ms) {
  now_ms_ = now_ms;
  if (list_ == nullptr || event.is_own() || event.arguments().empty()) return;
  if (event.First("audit.success") != "yes") return;
  const std::string& node = event.id().node;
  if (!node.empty() && node != host_) return;
  if (!programs_.listed()) {
    // In the first moments after a start that says nothing; later the witness does not work.
    if (!began_ms_) began_ms_ = now_ms;
    if (now_ms - *began_ms_ > kAnswerMs) witness_.Count(Unseen::kNoAnswer);
    return;
  }
  const std::optional<Place> place = PlaceOf(event.raw());
  if (!place) return;
  const int rank = RankByName(event);
  bool script = false;
  bool loader = false;
  for (const Field& way : event.Find("audit.identity.via")) {
    script |= way.value == "script";
    loader |= way.value == "loader";
  }
  for (const ListedProgram& program : programs_.all()) {
    if (loader || program.inode != place->inode || program.device != place->device) continue;
    if (program.rank > rank) {
      ++counters_.recognized;
      take_(MakeIdentityEvent(event.raw(), {program.name, program.path, "inode", {}}));
    }
    return;
  }
  const bool higher = std::any_of(programs_.all().begin(), programs_.all().end(),
                                  [&](const ListedProgram& p) { return p.rank > rank; });
  if (!higher) return;
  const Look exe{std::string(event.First("audit.exe")), *place, false};
  std::string_view file;
  for (const Field& named : event.Find("audit.identity.file")) file = named.value;
  if ((script || loader) && !file.empty()) {
    // PATH names the script or the loader. That there is a script is no more than the arguments
    // say: whichever of the two has the inode is looked at. What a loader is given has none in the
    // records.
    const Place behind = loader ? Place{} : *place;
    Ask(event, {std::string(file), behind, true}, rank, now_ms);
  }
  const bool lately = place->guarded && IsOfTheSystem(exe.path) && AskedLately(*place, now_ms);
  if (!lately) Ask(event, exe, rank, now_ms);
}

bool Recognizer::AskedLately(const Place& place, std::int64_t now_ms) {
  if (asked_.size() >= kMostAsked) asked_.clear();
  const auto [asked, is_new] = asked_.try_emplace(place.inode, now_ms);
  if (is_new || now_ms - asked->second >= kGuardedMs) {
    asked->second = now_ms;
    return false;
  }
  return true;
}

void Recognizer::Ask(const Event& event, const Look& look, int rank, std::int64_t now_ms) {
  ++counters_.asked;
  // `<too_long>` is what the kernel says of a path that it has no room for.
  if (look.path.empty() || look.path[0] != '/' || look.path.size() > kMostPathBytes) {
    witness_.Count(Unseen::kFailed);
    return;
  }
  const std::size_t bytes = event.raw().text.size();
  const std::uint64_t id = witness_.NewId();
  const bool may_vanish = !look.follow && !IsOfTheSystem(look.path);
  const std::uint64_t pid =
      may_vanish ? ParseNumber(event.First("audit.pid")).value_or(0) : std::uint64_t{0};
  if (waiting_.size() >= kMostWaiting || waiting_bytes_ + bytes > kMostWaitingBytes ||
      !programs_.Taught() ||
      !witness_.Ask({.follow = look.follow ? 1u : 0u,
                     .id = id,
                     .inode = look.place.inode,
                     .device = look.place.device,
                     .pid = pid},
                    look.path)) {
    GiveUp(event.raw(), Unseen::kBusy);
    return;
  }
  waiting_bytes_ += bytes;
  Waiting& waiting = waiting_[id];
  waiting.event = event.raw();
  waiting.rank = rank;
  waiting.asked_ms = now_ms;
  waiting.pid = pid;
}

void Recognizer::ReadAnswers() {
  WitnessAnswer answer;
  std::string_view rest;
  while (witness_.Receive(answer, rest)) {
    if (answer.id == 0) {
      StartAnew();
    } else if (!programs_.TakeAnswer(answer, rest)) {
      TakeAnswer(answer);
    }
  }
}

/// The witness has just started; what its predecessor was asked is lost.
void Recognizer::StartAnew() {
  for (const auto& [id, waiting] : waiting_) GiveUp(waiting.event, Unseen::kNoAnswer);
  waiting_.clear();
  waiting_bytes_ = 0;
  gone_ = 0;
  witness_.StartAnew();
  programs_.StartAnew();
}

void Recognizer::TakeAnswer(const WitnessAnswer& answer) {
  const auto found = waiting_.find(answer.id);
  if (found == waiting_.end()) return;
  Waiting& asked = found->second;
  if (asked.gone != Unseen::kSeen) {
    if (answer.unseen == Unseen::kSeen) take_(MakeUnseenEvent(asked.event, NameOf(asked.gone)));
    Forget(found);
    return;
  }
  if (answer.unseen == Unseen::kTooSlow) {
    GiveUp(asked.event, Unseen::kTooSlow);
  } else {
    witness_.Count(answer.unseen);
  }
  if (answer.unseen == Unseen::kSeen) Compare(asked, answer);
  if (answer.removed && asked.pid != 0 && gone_ < kMostGone) {
    ++gone_;
    asked.gone = answer.unseen;
    asked.sent = false;
    asked.asked_ms = now_ms_;
    return;
  }
  if (answer.removed && asked.pid != 0) GiveUp(asked.event, Unseen::kBusy);
  Forget(found);
}

/// Whoever keeps the witness busy, so that it does not see what he runs, is told with it.
void Recognizer::GiveUp(const RawEvent& event, Unseen why) {
  witness_.Count(why);
  take_(MakeUnseenEvent(event, NameOf(why)));
}

void Recognizer::Compare(const Waiting& asked, const WitnessAnswer& answer) {
  const ListedProgram* best = nullptr;
  for (const ListedProgram& program : programs_.all()) {
    if (program.sha256 != answer.sha256 || program.rank <= asked.rank) continue;
    if (best == nullptr || program.rank > best->rank) best = &program;
  }
  if (best == nullptr) return;
  ++counters_.recognized;
  take_(
      MakeIdentityEvent(asked.event, {best->name, best->path, "sha256", HexEncode(answer.sha256)}));
}

void Recognizer::Forget(Waitings::iterator waiting) {
  if (waiting->second.gone != Unseen::kSeen) --gone_;
  waiting_bytes_ -= waiting->second.event.text.size();
  waiting_.erase(waiting);
}

std::uint64_t Recognizer::Unwitnessed() const {
  std::uint64_t sum = 0;
  for (const Unseen why :
       {Unseen::kRefused, Unseen::kTooSlow, Unseen::kFailed, Unseen::kBusy, Unseen::kNoAnswer}) {
    sum += witness_.counts()[static_cast<std::size_t>(why)];
  }
  return sum;
}

/// A file is often removed right after its program ran, as by every ./configure. That it is gone
/// while the program runs on is what an attacker wants.
void Recognizer::AskWhetherItRuns(std::int64_t now_ms) {
  for (auto& [id, waiting] : waiting_) {
    if (waiting.sent || now_ms - waiting.asked_ms < kGoneMs) continue;
    waiting.sent = witness_.Ask({.kind = WitnessQuestion::Kind::kRuns,
                                 .id = id,
                                 .time_ns = waiting.event.id.TimeMs() * 1'000'000,
                                 .pid = waiting.pid},
                                {});
    if (waiting.sent) waiting.asked_ms = now_ms;
  }
}

void Recognizer::KeepHouse(std::int64_t now_ms) {
  now_ms_ = now_ms;
  for (auto waiting = waiting_.begin(); waiting != waiting_.end();) {
    const auto next = std::next(waiting);
    if (now_ms - waiting->second.asked_ms > kAnswerMs) {
      GiveUp(waiting->second.event, Unseen::kNoAnswer);
      Forget(waiting);
    }
    waiting = next;
  }
  AskWhetherItRuns(now_ms);
  programs_.KeepHouse(now_ms);
}

}  // namespace tld
