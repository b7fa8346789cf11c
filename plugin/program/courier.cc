// SPDX-License-Identifier: Apache-2.0
#include "program/courier.h"

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/text.h"
#include "deliver/bell.h"
#include "deliver/destination.h"
#include "program/remote_state.h"
#include "program/sandbox.h"
#include "program/signals.h"

namespace tld {
namespace {

constexpr std::int64_t kLookMs = 5000;
/// A thread that was in one call for so long hangs: some calls of libraries have no limit.
constexpr std::int64_t kHungMs = 300'000;
constexpr std::int64_t kLockMs = 5000;  // for another courier to end
constexpr std::int64_t kEndMs = 1000;   // for threads to end by themselves
constexpr int kFailed = 1;

class Courier {
 public:
  Courier(const CourierStart& start, int bell, const SensorCounters& sensor, CourierCounters& own,
          SignalReader signals)
      : start_(start),
        front_(getppid()),
        bell_fd_(bell),
        sensor_(sensor),
        own_(own),
        signals_(std::move(signals)) {}

  int Run() {
    TakeBell();  // before the settings are read: what rings now is about later ones
    seen_policy_ = sensor_.policies;
    Result<RemoteState> state = LoadRemoteState(start_.remotes_file);
    if (!state) return kFailed;  // the sensor tells that it could not write it
    state_ = *std::move(state);
    if (state_.remotes.empty()) return kCourierIdle;
    if (!TakeSpareGroup()) return kFailed;
    // A change of the group has taken the signal off that is due when the front ends.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != front_) return kCourierAgain;
    if (!Lock()) return lock_ ? kCourierAgain : kFailed;
    const Result<bool> lost = Cursors::Repair(CursorPath());
    if (!lost) return Problem(lost.message());
    if (start_.confine) {
      const Result<int> restricted = RestrictFiles({start_.writable, true, true});
      if (!restricted) return Problem(restricted.message());
      if (Status confined = ConfineCourier(); !confined) return Problem(confined.message());
    }
    StartThreads(*lost);
    const int status = Watch();
    EndThreads();
    return status;
  }

 private:
  std::string Directory() const { return DirectoryOf(state_.store_path); }
  std::string CursorPath() const { return Directory() + "/courier.db"; }

  /// One courier at a time: when auditd replaces the plugin, the old one may still be ending.
  /// Nobody else can open the file.
  bool Lock() {
    const std::string path = Directory() + "/courier.lock";
    lock_.Reset(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock_ || fchmod(lock_.get(), 0600) != 0) {
      Problem(OsError("cannot lock " + path).message);
      lock_.Reset();
      return false;
    }
    const std::int64_t told_ms = MonotonicMs() + kLockMs;
    while (flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK && errno != EINTR) {  // a file system without locks
        Problem(OsError("cannot lock " + path).message);
        lock_.Reset();
        return false;
      }
      if (MonotonicMs() > told_ms) Problem("another courier holds " + path);
      pollfd fd{signals_.fd(), POLLIN, 0};
      if (poll(&fd, 1, 200) > 0 && Terminated()) return false;
    }
    return true;
  }

  /// What keeps all destinations from their work.
  int Problem(const std::string& text) {
    for (std::size_t i = 0; i < state_.remotes.size(); ++i) {
      Forget(own_.destinations[i]);
      own_.destinations[i].problem.Set(text);
    }
    own_.remotes = Key();
    return kFailed;
  }

  /// What is counted there is of the courier before, and of its remotes.
  static void Forget(DestinationState& state) {
    state.known = false;
    state.busy_since_ms = 0;
    for (auto* count :
         {&state.cursor, &state.delivered, &state.failures, &state.queued, &state.unreadable}) {
      *count = 0;
    }
  }

  std::uint64_t Key() const {
    std::vector<Remote> remotes;
    for (const RemoteState::One& one : state_.remotes) remotes.push_back(one.remote);
    return RemotesKey(remotes);
  }

  void StartThreads(bool cursors_lost) {
    for (std::size_t i = 0; i < state_.remotes.size(); ++i) {
      Destination::Setup setup;
      setup.remote = state_.remotes[i].remote;
      setup.store_path = state_.store_path;
      setup.cursor_path = CursorPath();
      setup.since_us = state_.remotes[i].since_us;
      setup.cursors_lost = cursors_lost;
      DestinationState& state = own_.destinations[i];
      Forget(state);
      state.problem.Set("");
      running_.fetch_add(1);
      // A thread may hang in a library when this process is to end, so it is not joined.
      std::thread([this, setup = std::move(setup), &state] {
        Destination(setup, ring_, state).Run();
        running_.fetch_sub(1);
      }).detach();
    }
    own_.remotes = Key();
  }

  int Watch() {
    while (true) {
      pollfd fds[] = {{bell_fd_, POLLIN, 0}, {signals_.fd(), POLLIN, 0}};
      poll(fds, 2, static_cast<int>(kLookMs));
      if (Terminated()) return kCourierAgain;
      if (TakeBell()) ring_.Ring();
      if (const std::uint64_t policy = sensor_.policies; policy != seen_policy_) {
        seen_policy_ = policy;
        const Result<RemoteState> now = LoadRemoteState(start_.remotes_file);
        if (!now || !(*now == state_)) return kCourierAgain;
      }
      if (Hangs()) return kFailed;
    }
  }

  bool TakeBell() const {
    std::uint64_t rings = 0;
    return read(bell_fd_, &rings, sizeof rings) == static_cast<ssize_t>(sizeof rings);
  }

  bool Terminated() {
    bool terminated = false;
    while (const auto signal = signals_.Next()) terminated |= signal->number == SIGTERM;
    return terminated;
  }

  bool Hangs() const {
    const std::int64_t now = MonotonicMs();
    return std::any_of(own_.destinations.begin(),
                       own_.destinations.begin() + static_cast<long>(state_.remotes.size()),
                       [&](const DestinationState& state) {
                         const std::int64_t since = state.busy_since_ms;
                         return since != 0 && now - since > kHungMs;
                       });
  }

  void EndThreads() {
    ring_.Stop();
    const std::int64_t until = MonotonicMs() + kEndMs;
    while (running_ > 0 && MonotonicMs() < until) poll(nullptr, 0, 5);
  }

  const CourierStart& start_;
  pid_t front_;
  int bell_fd_;
  const SensorCounters& sensor_;
  CourierCounters& own_;
  SignalReader signals_;
  RemoteState state_;
  Fd lock_;
  std::uint64_t seen_policy_ = 0;
  Bell ring_;
  std::atomic<int> running_{0};
};

}  // namespace

int RunCourier(const CourierStart& start, int bell, SharedPage<FrontCounters>& front,
               SharedPage<SensorCounters>& sensor, SharedPage<CourierCounters>& own) {
  front.MakeReadOnly();
  sensor.MakeReadOnly();
  Result<SignalReader> signals = SignalReader::Create();
  if (!signals || !GiveUpCapabilities()) return kFailed;
  mallopt(M_ARENA_MAX, 1);  // a few threads that mostly wait: memory counts more
  // Detached threads may use it until the process is gone.
  auto* courier = new Courier(start, bell, *sensor, *own, *std::move(signals));
  return courier->Run();
}

}  // namespace tld
