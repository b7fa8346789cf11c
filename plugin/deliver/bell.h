// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace tld {

/// Wakes the sending threads: there is something new, or it is time to end. Any thread.
class Bell {
 public:
  void Ring() {
    const std::lock_guard lock(mutex_);
    ++rings_;
    changed_.notify_all();
  }
  void Stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

  bool stopped() const {
    const std::lock_guard lock(mutex_);
    return stopped_;
  }
  /// To be read before one looks for work, so that no ring in between is missed.
  std::uint64_t rings() const {
    const std::lock_guard lock(mutex_);
    return rings_;
  }
  /// Until it rings again, the end, or so many milliseconds have passed.
  void WaitAfter(std::uint64_t rings, std::int64_t ms) const {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(ms),
                      [&] { return stopped_ || rings_ != rings; });
  }
  /// Until the end, or so many milliseconds have passed.
  void Sleep(std::int64_t ms) const {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(ms), [&] { return stopped_; });
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::uint64_t rings_ = 0;
  bool stopped_ = false;
};

}  // namespace tld
