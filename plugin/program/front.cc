// SPDX-License-Identifier: Apache-2.0
#include "program/front.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "program/byte_queue.h"
#include "program/shared.h"
#include "program/signals.h"

namespace tld {
namespace {

constexpr int kPipeBytes = 1 << 20;
constexpr std::size_t kReadAtOnce = 1 << 20;  // before the pipe gets its turn
constexpr std::int64_t kFirstBackoffMs = 100;
constexpr std::int64_t kLastBackoffMs = 30'000;
constexpr std::int64_t kHealthyMs = 60'000;  // a sensor that lived so long starts with no back-off
constexpr std::int64_t kHungMs = 120'000;    // longer than the largest policy takes to load
constexpr std::int64_t kDrainMs = 5'000;     // at the end of the input

class Front {
 public:
  Front(FrontStart start, SharedPage<FrontCounters> counters, SharedPage<SensorCounters> sensor,
        SignalReader signals)
      : start_(std::move(start)),
        counters_(std::move(counters)),
        sensor_counters_(std::move(sensor)),
        signals_(std::move(signals)),
        queue_(start_.queue_bytes) {}

  int Run() {
    while (!Finished()) {
      now_ms_ = MonotonicMs();
      if (sensor_ == 0 && now_ms_ >= next_start_ms_ && !start_.drain_only) StartSensor();
      WatchSensor();
      Poll();
      now_ms_ = MonotonicMs();
      ReadSignals();
      if (!input_ended_) ReadInput();
      WriteSensor();
      EndSensor();
    }
    return 0;
  }

 private:
  /// All read, all passed on, and the sensor has ended by itself or its time is up.
  bool Finished() {
    if (!input_ended_) return false;
    if (sensor_ == 0 && start_.drain_only) return true;
    if (sensor_ == 0) return queue_.empty() || now_ms_ - ended_ms_ > kDrainMs;
    if (now_ms_ - ended_ms_ <= kDrainMs) return false;
    kill(sensor_, SIGKILL);
    return true;
  }

  void Poll() {
    pollfd fds[3] = {{input_ended_ ? -1 : STDIN_FILENO, POLLIN, 0},
                     {signals_.fd(), POLLIN, 0},
                     {queue_.empty() ? -1 : pipe_.get(), POLLOUT, 0}};
    int timeout = -1;
    if (sensor_ == 0 && !start_.drain_only)
      timeout = static_cast<int>(std::max<std::int64_t>(next_start_ms_ - now_ms_, 0));
    if (input_ended_) timeout = 50;
    poll(fds, 3, timeout);
  }

  void ReadSignals() {
    while (const auto signal = signals_.Next()) {
      switch (signal->number) {
        case SIGTERM:
          // systemd signals all of auditd's group before auditd has passed on its last events.
          if (signal->sender == start_.parent) {
            terminate_ = true;
          } else {
            ++counters_->foreign_sigterms;
          }
          break;
        case SIGHUP:
          if (sensor_ != 0) kill(sensor_, SIGHUP);
          break;
        default:
          Reap();
      }
    }
  }

  void ReadInput() {
    std::size_t total = 0;
    while (total < kReadAtOnce) {
      const std::span<char> space = queue_.Space();
      const ssize_t n = read(STDIN_FILENO, space.data(), space.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        const bool nothing_now = n < 0 && errno == EAGAIN;
        if (!nothing_now || terminate_) {
          input_ended_ = true;
          ended_ms_ = now_ms_;
          next_start_ms_ = std::min(next_start_ms_, now_ms_);
        }
        break;
      }
      queue_.Commit(static_cast<std::size_t>(n));
      total += static_cast<std::size_t>(n);
    }
    counters_->bytes_read += total;
    counters_->lines_dropped = queue_.dropped().lines;
    counters_->bytes_dropped = queue_.dropped().bytes;
    NoteQueue();
  }

  void NoteQueue() {
    counters_->queue_bytes = queue_.size();
    if (queue_.size() > counters_->queue_peak) counters_->queue_peak = queue_.size();
  }

  void WriteSensor() {
    if (start_.drain_only) queue_.Clear();
    if (skipping_) {
      std::uint64_t skipped = 0;
      skipping_ = !queue_.PopLine(skipped);
      counters_->bytes_lost += skipped;
    }
    while (pipe_ && !queue_.empty()) {
      const std::string_view bytes = queue_.Front();
      const ssize_t n = write(pipe_.get(), bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;  // full, or the sensor is gone: SIGCHLD tells
      queue_.Pop(static_cast<std::size_t>(n));
      given_ += static_cast<std::uint64_t>(n);
    }
    NoteQueue();
  }

  /// The end of its input is how the sensor is told to finish.
  void EndSensor() {
    if (input_ended_ && queue_.empty() && pipe_) pipe_.Reset();
  }

  void StartSensor() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
      BackOff();
      return;
    }
    Fd read_end(ends[0]);
    Fd write_end(ends[1]);
    fcntl(write_end.get(), F_SETPIPE_SZ, kPipeBytes);
    static_cast<void>(SetNonBlocking(write_end.get()));
    ++counters_->sensor_starts;
    const pid_t pid = fork();
    if (pid < 0) {
      BackOff();
      return;
    }
    if (pid == 0) {
      write_end.Reset();
      queue_.Clear();
      close(STDIN_FILENO);
      start_.sensor.front_pid = getppid();
      _exit(RunSensor(start_.sensor, std::move(read_end), std::move(start_.control), counters_,
                      sensor_counters_));
    }
    sensor_ = pid;
    sensor_started_ms_ = now_ms_;
    pipe_ = std::move(write_end);
    given_ = 0;
  }

  /// A sensor that has input and takes none of it for long hangs: it is replaced.
  void WatchSensor() {
    const std::uint64_t done = sensor_counters_->bytes_done;
    if (done != done_before_ || queue_.empty() || sensor_ == 0) {
      done_before_ = done;
      progress_ms_ = now_ms_;
    } else if (now_ms_ - progress_ms_ > kHungMs) {
      kill(sensor_, SIGKILL);
      progress_ms_ = now_ms_;
    }
  }

  void Reap() {
    int status = 0;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
      if (pid == sensor_) SensorEnded();
    }
  }

  void SensorEnded() {
    sensor_ = 0;
    pipe_.Reset();
    counters_->bytes_lost += given_ - std::min<std::uint64_t>(given_, sensor_counters_->bytes_done);
    given_ = 0;
    sensor_counters_->bytes_done = 0;
    skipping_ = !queue_.at_line_start();
    if (now_ms_ - sensor_started_ms_ >= kHealthyMs) backoff_ms_ = kFirstBackoffMs;
    BackOff();
  }

  void BackOff() {
    next_start_ms_ = now_ms_ + backoff_ms_;
    if (input_ended_) next_start_ms_ = now_ms_;
    backoff_ms_ = std::min(backoff_ms_ * 2, kLastBackoffMs);
  }

  FrontStart start_;
  SharedPage<FrontCounters> counters_;
  SharedPage<SensorCounters> sensor_counters_;
  SignalReader signals_;
  ByteQueue queue_;
  Fd pipe_;
  pid_t sensor_ = 0;
  std::uint64_t done_before_ = 0;
  std::int64_t progress_ms_ = 0;
  std::uint64_t given_ = 0;  // bytes, to the sensor that runs
  bool skipping_ = false;    // the rest of a line whose start a dead sensor had
  bool input_ended_ = false;
  bool terminate_ = false;
  std::int64_t now_ms_ = 0;
  std::int64_t ended_ms_ = 0;
  std::int64_t sensor_started_ms_ = 0;
  std::int64_t next_start_ms_ = 0;
  std::int64_t backoff_ms_ = kFirstBackoffMs;
};

}  // namespace

int RunFront(FrontStart start) {
  static_cast<void>(SetNonBlocking(STDIN_FILENO));
  Result<SharedPage<FrontCounters>> counters = SharedPage<FrontCounters>::Create();
  Result<SharedPage<SensorCounters>> sensor = SharedPage<SensorCounters>::Create();
  Result<SignalReader> signals = SignalReader::Create();
  if (!counters || !sensor || !signals) return 1;
  return Front(std::move(start), *std::move(counters), *std::move(sensor), *std::move(signals))
      .Run();
}

}  // namespace tld
