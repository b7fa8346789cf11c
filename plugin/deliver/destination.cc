// SPDX-License-Identifier: Apache-2.0
#include "deliver/destination.h"

#include <algorithm>
#include <utility>

#include "base/os.h"
#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kBatch = 64;
constexpr std::size_t kMostOpen = 512;  // records under way before the receiver is waited for
constexpr std::int64_t kFirstPauseMs = 500;
constexpr std::int64_t kLastPauseMs = 60'000;
constexpr std::int64_t kStorePauseMs = 1000;
constexpr int kBelieved = 3;             // tries that find no store
constexpr std::int64_t kAwaitMs = 300;   // for an acknowledgement, before one looks for new alerts
constexpr std::int64_t kCountMs = 1000;  // between two counts of what waits
/// The bell rings at each commit; this is for a file that was put in place by hand.
constexpr std::int64_t kIdleMs = 30'000;

/// Notes that a call may block, for whoever watches.
class Busy {
 public:
  explicit Busy(DestinationState& state) : state_(state) { state_.busy_since_ms = MonotonicMs(); }
  ~Busy() { state_.busy_since_ms = 0; }

 private:
  DestinationState& state_;
};

}  // namespace

void Destination::Run() {
  while (!bell_.stopped()) {
    const std::uint64_t rings = bell_.rings();
    if (!Ready()) continue;
    if (!SendSome()) Rest(rings);
  }
  // What is acknowledged by now need not be sent again by the next run.
  if (cursor_) static_cast<void>(Acknowledge(0));
}

/// The store, the cursor and, when there is something to send, the receiver.
bool Destination::Ready() {
  if (reader_ && reader_->Outdated()) reader_.reset();
  if (!reader_ && !OpenStore()) {
    bell_.WaitAfter(bell_.rings(), kStorePauseMs);
    return false;
  }
  const bool placed = (cursor_ && cursor_->store == reader_->identity()) || PlaceCursor();
  if (placed) {
    if (cursor_->id == kept_ && std::exchange(own_problem_, false)) Say("", false);
    return true;
  }
  bell_.Sleep(kStorePauseMs);
  return false;
}

bool Destination::OpenStore() {
  // Until the first alert there is none.
  if (!FileExists(setup_.store_path)) return false;
  Result<StoreReader> reader = StoreReader::Open(setup_.store_path);
  if (!reader) {
    // While it is being made it is none for a moment.
    if (++unreadable_ >= kBelieved) {
      SayOwn("the alert store cannot be read: " + reader.message());
    }
    return false;
  }
  unreadable_ = 0;
  reader_ = *std::move(reader);
  return true;
}

bool Destination::PlaceCursor() {
  if (!cursors_) {
    Result<Cursors> cursors = Cursors::Open(setup_.cursor_path);
    if (!cursors) {
      SayOwn("the file of cursors cannot be used: " + cursors.message());
      return false;
    }
    cursors_ = *std::move(cursors);
  }
  Result<std::optional<Cursor>> known = cursors_->Find(setup_.remote.name);
  if (!known) {
    SayOwn("the file of cursors cannot be read: " + known.message());
    return false;
  }
  Cursor cursor{reader_->identity(), 0};
  if (*known && (*known)->store == cursor.store) {
    cursor.id = (*known)->id;
  } else if (!*known && !setup_.cursors_lost) {
    const Result<std::int64_t> before = reader_->LastBefore(setup_.since_us);
    if (!before) {
      SayOwn("the alert store cannot be read: " + before.message());
      return false;
    }
    cursor.id = *before;
  }
  if (Status saved = cursors_->Save(setup_.remote.name, cursor); !saved) {
    SayOwn("the file of cursors cannot be written: " + saved.message());
    return false;
  }
  link_.reset();
  open_.clear();
  cursor_ = cursor;
  kept_ = cursor.id;
  read_ = cursor.id;
  state_.cursor = static_cast<std::uint64_t>(cursor.id);
  state_.known = true;
  return true;
}

bool Destination::Wanted(const StoredAlert& alert) const {
  const Remote& remote = setup_.remote;
  if (alert.level < remote.level) return false;
  // One that cannot be read is for SendOne to count.
  return remote.groups.empty() || InGroups(alert.document, remote.groups).value_or(true);
}

bool Destination::SendSome() {
  const Result<std::vector<StoredAlert>> alerts = reader_->After(read_, kBatch);
  if (!alerts) {
    SayOwn("the alert store cannot be read: " + alerts.message());
    reader_.reset();
    return false;
  }
  CountQueued();
  for (const StoredAlert& alert : *alerts) {
    if (bell_.stopped()) return true;
    if (Wanted(alert) && !SendOne(alert)) return true;
    read_ = alert.id;
  }
  if (alerts->empty()) return false;
  // Either may lose the link: there is more to send then.
  static_cast<void>(open_.size() < kMostOpen ? Acknowledge(0) : Settle());
  return true;
}

void Destination::CountQueued() {
  const std::int64_t now = MonotonicMs();
  if (now - counted_ms_ < kCountMs && state_.queued != 0) return;
  counted_ms_ = now;
  if (const Result<std::int64_t> queued = reader_->CountAfter(cursor_->id, setup_.remote.level)) {
    state_.queued = static_cast<std::uint64_t>(*queued);
  }
}

/// False when the link is lost, which is told and has been paused for.
bool Destination::SendOne(const StoredAlert& alert) {
  const std::optional<std::string> record = WireRecord(setup_.remote, alert);
  if (!record) {  // would come back for ever
    ++state_.unreadable;
    return true;
  }
  // A receiver that has closed an idle connection has lost nothing.
  if (link_ && open_.empty() && !link_->Await(0)) link_.reset();
  if (!link_ && !OpenReceiver()) return false;
  const Busy busy(state_);
  if (Status sent = link_->Send(*record); !sent) {
    Lose(sent.message(), false);
    return false;
  }
  open_.push_back(alert.id);
  return true;
}

bool Destination::OpenReceiver() {
  const Busy busy(state_);
  LinkResult opened = OpenLink(setup_.remote);
  if (const auto* error = std::get_if<LinkError>(&opened)) {
    Lose(error->message, error->certificate);
    return false;
  }
  link_ = std::move(std::get<std::unique_ptr<Link>>(opened));
  acknowledged_before_ = 0;
  return true;
}

/// Moves the cursor over what the link says is acknowledged, waiting so long for more, and over
/// what nobody wants behind it. False when the link is lost.
bool Destination::Acknowledge(std::int64_t ms) {
  if (link_ && !open_.empty()) {
    const Busy busy(state_);
    if (Status standing = link_->Await(ms); !standing) {
      Lose(standing.message(), false);
      return false;
    }
  }
  Advance();
  return true;
}

void Destination::Advance() {
  for (; link_ && acknowledged_before_ < link_->acknowledged(); ++acknowledged_before_) {
    cursor_->id = open_.front();
    open_.pop_front();
    ++state_.delivered;
    pause_ms_ = 0;
    if (!own_problem_) Say("", false);
  }
  if (open_.empty()) cursor_->id = read_;
  Keep();
}

/// Where it could not be written before, too.
void Destination::Keep() {
  if (cursor_->id == kept_) return;
  if (Status saved = cursors_->Save(setup_.remote.name, *cursor_); saved) {
    kept_ = cursor_->id;
  } else {
    SayOwn("the file of cursors cannot be written: " + saved.message());
  }
  state_.cursor = static_cast<std::uint64_t>(cursor_->id);
}

/// Waits until the receiver has caught up.
bool Destination::Settle() {
  while (!open_.empty() && !bell_.stopped()) {
    if (!Acknowledge(kAwaitMs)) return false;
  }
  return true;
}

/// Nothing to send: what is under way is waited for, then the bell.
void Destination::Rest(std::uint64_t rings) {
  if (!Acknowledge(kAwaitMs) || !open_.empty()) return;
  state_.queued = 0;
  bell_.WaitAfter(rings, kIdleMs);
}

/// Everything from the cursor on is sent again, after a pause that grows and scatters: many hosts
/// must not come back in one moment.
void Destination::Lose(const std::string& problem, bool certificate) {
  if (!open_.empty()) Advance();
  Say(problem, certificate);
  ++state_.failures;
  link_.reset();
  open_.clear();
  read_ = cursor_->id;
  pause_ms_ = std::clamp(pause_ms_ * 2, kFirstPauseMs, kLastPauseMs);
  const auto half = static_cast<std::uint64_t>(pause_ms_ / 2);
  state_.busy_since_ms = 0;
  bell_.Sleep(static_cast<std::int64_t>(half + Random64() % (half + 1)));
}

void Destination::SayOwn(const std::string& problem) {
  own_problem_ = true;
  Say(problem, false);
}

void Destination::Say(const std::string& problem, bool certificate) {
  state_.certificate = certificate;
  state_.problem.Set(CutAtCharacter(problem, 199));
}

}  // namespace tld
