// SPDX-License-Identifier: Apache-2.0
#include "program/front.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <limits>
#include <utility>

#include "program/byte_queue.h"
#include "program/child.h"
#include "program/pace.h"
#include "program/shared.h"
#include "program/signals.h"

namespace tld {
namespace {

constexpr std::size_t kReadAtOnce = 1 << 20;  // before the sensor is woken
constexpr std::int64_t kDrainMs = 5'000;      // at the end of the input

std::uint64_t CountLines(std::string_view bytes) {
  std::uint64_t lines = 0;
  for (std::size_t at = 0; (at = bytes.find('\n', at)) != bytes.npos; ++at) ++lines;
  return lines;
}

/// The counters of all roles.
struct Pages {
  SharedPage<FrontCounters> front;
  SharedPage<SensorCounters> sensor;
  SharedPage<CourierCounters> courier;
  SharedPage<WitnessCounters> witness;
};

/// What the roles share besides: the eventfd that calls the courier, and both ends of the witness's
/// socket. The front keeps them open, so that either side may be started anew.
struct Links {
  Fd bell;
  Fd sensor_to_witness;
  Fd witness_to_sensor;
};

class Front {
 public:
  Front(FrontStart start, Pages&& pages, SignalReader signals, Links links, ByteQueue&& queue)
      : start_(std::move(start)),
        counters_(std::move(pages.front)),
        sensor_counters_(std::move(pages.sensor)),
        courier_counters_(std::move(pages.courier)),
        witness_counters_(std::move(pages.witness)),
        signals_(std::move(signals)),
        links_(std::move(links)),
        queue_(std::move(queue)) {}

  int Run() {
    while (!Finished()) {
      now_ms_ = MonotonicMs();
      if (!start_.drain_only && sensor_.IsDue(now_ms_)) StartSensor();
      if (!input_ended_ && courier_wanted_ && courier_.IsDue(now_ms_)) StartCourier();
      if (!input_ended_ && !start_.drain_only && witness_.IsDue(now_ms_)) StartWitness();
      const bool signalled = Poll();
      now_ms_ = MonotonicMs();
      WatchSensor();
      if (signalled) ReadSignals();
      const bool rests = !terminate_ && pace_.WaitUs(MonotonicUs()) > 0;
      if (!input_ended_ && !rests) ReadInput();
    }
    if (courier_.pid != 0) kill(courier_.pid, SIGTERM);
    if (witness_.pid != 0) kill(witness_.pid, SIGKILL);
    return 0;
  }

 private:
  /// All read, all passed on, and the sensor has ended by itself or its time is up.
  bool Finished() {
    if (!input_ended_) return false;
    if (sensor_.pid == 0 && start_.drain_only) return true;
    if (sensor_.pid == 0) return queue_.empty() || now_ms_ - ended_ms_ > kDrainMs;
    if (now_ms_ - ended_ms_ <= kDrainMs) return false;
    kill(sensor_.pid, SIGKILL);
    return true;
  }

  /// Waits for something to do; true when there are signals.
  bool Poll() {
    // Without a courier the bell calls for one; with one it is the courier's.
    const bool no_courier = courier_.pid == 0 && !courier_wanted_ && !start_.drain_only;
    const std::int64_t now_us = MonotonicUs();
    const std::int64_t rest_us = pace_.WaitUs(now_us);
    WakeSensor(now_us);  // by the same clock: what it puts off, the rest's end brings back
    const bool sensor_is_behind = !queue_.empty();
    queue_.Reclaim();
    pollfd fds[3] = {{input_ended_ || rest_us > 0 ? -1 : STDIN_FILENO, POLLIN, 0},
                     {signals_.fd(), POLLIN, 0},
                     {no_courier && !input_ended_ ? links_.bell.get() : -1, POLLIN, 0}};
    std::int64_t timeout = std::numeric_limits<int>::max();
    if (sensor_.pid == 0 && !start_.drain_only) timeout = sensor_.next_start_ms - now_ms_;
    if (courier_.pid == 0 && courier_wanted_) {
      timeout = std::min(timeout, courier_.next_start_ms - now_ms_);
    }
    if (witness_.pid == 0 && !start_.drain_only) {
      timeout = std::min(timeout, witness_.next_start_ms - now_ms_);
    }
    if (sensor_is_behind) timeout = std::min<std::int64_t>(timeout, 1000);  // watched, reclaimed
    if (input_ended_) timeout = 50;
    std::int64_t timeout_us = std::max<std::int64_t>(timeout, 0) * 1000;
    if (rest_us > 0) timeout_us = std::min(timeout_us, rest_us);
    const timespec time{timeout_us / 1'000'000, timeout_us % 1'000'000 * 1000};
    ppoll(fds, 3, &time, nullptr);
    if ((fds[2].revents & POLLIN) != 0) courier_wanted_ = true;
    return fds[1].revents != 0;
  }

  void ReadSignals() {
    while (const auto signal = signals_.Next()) {
      switch (signal->number) {
        case SIGTERM:
          // systemd signals all of auditd's group before auditd has passed on its last events.
          if (signal->sender == start_.parent) terminate_ = true;
          break;
        case SIGHUP:
          if (sensor_.pid != 0) kill(sensor_.pid, SIGHUP);
          break;
        default:
          Reap();
      }
    }
  }

  void ReadInput() {
    std::size_t total = 0;
    std::uint64_t records = 0;
    while (total < kReadAtOnce) {
      const std::span<char> space = queue_.Space();
      const ssize_t n = read(STDIN_FILENO, space.data(), space.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        const bool nothing_now = n < 0 && errno == EAGAIN;
        if (!nothing_now || terminate_) EndInput();
        break;
      }
      const std::string_view bytes(space.data(), static_cast<std::size_t>(n));
      records += CountLines(bytes);
      queue_.Commit(bytes.size());
      total += bytes.size();
    }
    pace_.AfterRead(records, total, MonotonicUs());
    counters_->bytes_read += total;
    counters_->lines_dropped = queue_.dropped().lines;
    counters_->bytes_dropped = queue_.dropped().bytes;
    if (queue_.size() > counters_->queue_peak) counters_->queue_peak = queue_.size();
  }

  /// The end of the pipe is how the sensor is told to finish with what is in the queue.
  void EndInput() {
    queue_.CommitEnd();
    input_ended_ = true;
    ended_ms_ = now_ms_;
    sensor_.next_start_ms = std::min(sensor_.next_start_ms, now_ms_);
    wake_.Reset();
  }

  /// While the dispatcher empties its queue, more comes in a moment: the sensor is not woken for
  /// each step of it.
  bool Gathers(std::int64_t now_us) const {
    return !input_ended_ && !terminate_ && pace_.Gathers(queue_.size(), now_us);
  }

  void WakeSensor(std::int64_t now_us) {
    if (start_.drain_only) queue_.Clear();
    if (wake_ && !Gathers(now_us) && queue_.WakesReader()) {
      // One that is gone is told by SIGCHLD, and a full pipe wakes as well.
      static_cast<void>(write(wake_.get(), "", 1));
    }
  }

  void StartSensor() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
      sensor_.BackOff(now_ms_);
      return;
    }
    Fd read_end(ends[0]);
    Fd write_end(ends[1]);
    static_cast<void>(SetNonBlocking(read_end.get()));
    static_cast<void>(SetNonBlocking(write_end.get()));
    ++counters_->sensor_starts;
    if (Fork(sensor_)) {
      write_end.Reset();
      SensorEnds sensor{QueueReader(std::move(queue_)), std::move(read_end),
                        std::move(start_.control), std::move(links_.bell),
                        std::move(links_.sensor_to_witness)};
      LeaveFront();
      start_.sensor.front_pid = getppid();
      _exit(RunSensor(start_.sensor, std::move(sensor),
                      {counters_, sensor_counters_, courier_counters_, witness_counters_}));
    }
    if (sensor_.pid == 0) return;
    if (!input_ended_) wake_ = std::move(write_end);
  }

  void StartCourier() {
    ++counters_->courier_starts;
    const pid_t front = getpid();
    if (!Fork(courier_)) return;
    const Fd bell = std::move(links_.bell);
    LeaveFront();
    EndWith(front, SIGTERM);
    _exit(RunCourier(start_.courier, bell.get(), counters_, sensor_counters_, courier_counters_));
  }

  void StartWitness() {
    ++counters_->witness_starts;
    const pid_t front = getpid();
    if (!Fork(witness_)) return;
    Fd talk = std::move(links_.witness_to_sensor);
    LeaveFront();
    EndWith(front, SIGKILL);
    counters_.MakeReadOnly();
    sensor_counters_.MakeReadOnly();
    courier_counters_.MakeReadOnly();
    _exit(RunWitness(start_.witness, std::move(talk), witness_counters_));
  }

  /// True in the new process.
  bool Fork(Child& child) {
    const pid_t pid = fork();
    if (pid == 0) return true;
    if (pid < 0) {
      child.BackOff(now_ms_);
    } else {
      child.Started(pid, now_ms_);
    }
    return false;
  }

  /// In a new process: it has nothing of the front's but what it has taken before.
  void LeaveFront() {
    wake_.Reset();
    queue_.Unmap();
    start_.control.Reset();
    links_ = {};
    close(STDIN_FILENO);
  }

  /// However the front ends. Not the sensor, which has its input to finish.
  static void EndWith(pid_t front, int signal) {
    prctl(PR_SET_PDEATHSIG, signal);
    if (getppid() != front) _exit(0);
  }

  /// A sensor that has input and takes none of it for long hangs: it is replaced.
  void WatchSensor() {
    const bool waits = sensor_.pid != 0 && !queue_.empty();
    if (hang_.Hangs(waits, queue_.Released(), now_ms_)) kill(sensor_.pid, SIGKILL);
  }

  void Reap() {
    int status = 0;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
      if (pid == sensor_.pid) SensorEnded();
      if (pid == courier_.pid) CourierEnded(status);
      if (pid == witness_.pid) {
        ++counters_->witness_deaths;
        witness_.Ended(now_ms_);
      }
    }
  }

  void SensorEnded() {
    if (!input_ended_) ++counters_->sensor_deaths;
    sensor_.Ended(now_ms_);
    if (input_ended_) sensor_.next_start_ms = now_ms_;
    wake_.Reset();
    counters_->bytes_lost += queue_.ReaderEnded() + sensor_counters_->bytes_open.exchange(0);
    counters_->alerts_lost += sensor_counters_->alerts_unstored.exchange(0);
    counters_->syslog_lines_lost += sensor_counters_->syslog_lines_unsent.exchange(0);
  }

  /// One that has nothing to do ends well and waits for the bell; one that has other settings now
  /// begins anew.
  void CourierEnded(int status) {
    courier_.Ended(now_ms_);
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code == kCourierIdle) courier_wanted_ = false;
    if (code == kCourierIdle || code == kCourierAgain) {
      courier_.next_start_ms = now_ms_;
      courier_.backoff_ms = Child::kFirstBackoffMs;
    } else {
      ++counters_->courier_deaths;
    }
  }

  FrontStart start_;
  SharedPage<FrontCounters> counters_;
  SharedPage<SensorCounters> sensor_counters_;
  SharedPage<CourierCounters> courier_counters_;
  SharedPage<WitnessCounters> witness_counters_;
  SignalReader signals_;
  Links links_;
  ByteQueue queue_;
  Pace pace_;
  Fd wake_;  // a pipe: a byte in it wakes the sensor, its end ends it
  Child sensor_;
  Child courier_;
  Child witness_;
  bool courier_wanted_ = false;
  HangWatch hang_;
  bool input_ended_ = false;
  bool terminate_ = false;
  std::int64_t now_ms_ = 0;
  std::int64_t ended_ms_ = 0;
};

/// A small queue is better than no plugin: where memory is not promised beyond what there is
/// (vm.overcommit_memory=2), there may be none for the whole.
Result<ByteQueue> MakeQueue(FrontStart& start) {
  for (std::size_t bytes = start.queue_bytes;; bytes /= 2) {
    Result<ByteQueue> queue = ByteQueue::Create(bytes);
    if (queue && bytes < start.queue_bytes) {
      start.sensor.problems.push_back("there is memory for a queue of " +
                                      std::to_string(bytes >> 20) + " MiB only");
    }
    if (queue || bytes <= ByteQueue::kFewestChunks * ByteQueue::kChunk) return queue;
  }
}

}  // namespace

int RunFront(FrontStart start) {
  static_cast<void>(SetNonBlocking(STDIN_FILENO));
  Result<SharedPage<FrontCounters>> counters = SharedPage<FrontCounters>::Create();
  Result<SharedPage<SensorCounters>> sensor = SharedPage<SensorCounters>::Create();
  Result<SharedPage<CourierCounters>> courier = SharedPage<CourierCounters>::Create();
  Result<SignalReader> signals = SignalReader::Create();
  Result<SharedPage<WitnessCounters>> witness = SharedPage<WitnessCounters>::Create();
  Links links{Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), {}, {}};
  int talk[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, talk) == 0) {
    links.sensor_to_witness = Fd(talk[0]);
    links.witness_to_sensor = Fd(talk[1]);
  }
  Result<ByteQueue> queue = MakeQueue(start);
  if (!counters || !sensor || !courier || !witness || !signals || !links.bell ||
      !links.witness_to_sensor || !queue) {
    return 1;
  }
  return Front(std::move(start),
               {*std::move(counters), *std::move(sensor), *std::move(courier), *std::move(witness)},
               *std::move(signals), std::move(links), *std::move(queue))
      .Run();
}

}  // namespace tld
