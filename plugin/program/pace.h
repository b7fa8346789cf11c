// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace tld {

/// When the front reads its input. At rest it reads each record as it comes. Under load it lets
/// records gather, so that auditd works as if it had no plugin: its dispatcher writes each record
/// by itself, and each write that finds a reader asleep on the socket, and each record that finds
/// the dispatcher asleep on its queue, costs auditd a wake-up, about as much as all else that it
/// does for a record. While the socket is full the dispatcher stands still, and its queue (q_depth)
/// takes the records without any. So the front sleeps on a timer until the socket has long been
/// full, then takes what came, and in short steps what the dispatcher writes from its queue.
class Pace {
 public:
  /// From so many records a second on it is load: a command makes six, within one millisecond.
  static constexpr std::int64_t kBusyPerSecond = 5'000;
  static constexpr std::int64_t kWindowUs = 4'000;
  /// Of the fastest storm seen (75,000 records a second) that long gathers fewer than 400 records:
  /// the socket takes about 160, and auditd's queue 1200 and more.
  static constexpr std::int64_t kRestUs = 5'000;
  /// As long as the dispatcher needs to fill the socket from its queue.
  static constexpr std::int64_t kRefillUs = 300;
  /// Fewer bytes are not worth a wake-up of the reader behind the front.
  static constexpr std::size_t kGatherBytes = 128 * 1024;

  /// To be called after each read, with what it brought. Times are monotonic.
  void AfterRead(std::uint64_t records, std::size_t bytes, std::int64_t now_us) {
    records_ += static_cast<std::int64_t>(records);
    const std::int64_t elapsed_us = now_us - begun_us_;
    if (elapsed_us >= kWindowUs) {
      busy_ = records_ * 1'000'000 / elapsed_us >= kBusyPerSecond;
      records_ = 0;
      begun_us_ = now_us;
    }
    const std::int64_t rest_us = !busy_ ? 0 : WasFull(records, bytes) ? kRefillUs : kRestUs;
    read_at_us_ = now_us + rest_us;
    refills_ = rest_us == kRefillUs;
  }

  /// How long to leave the input alone; 0 = not at all.
  std::int64_t WaitUs(std::int64_t now_us) const {
    return std::max<std::int64_t>(read_at_us_ - now_us, 0);
  }

  /// True while the dispatcher fills the socket again: what has been read waits for what comes in a
  /// moment. Never past the rest, since nothing might come.
  bool Gathers(std::size_t waiting, std::int64_t now_us) const {
    return refills_ && WaitUs(now_us) > 0 && waiting < kGatherBytes;
  }

 private:
  /// A record takes its bytes and about 960 more of the socket's 212,992 (net.core.wmem_default);
  /// more than half of it is as good as full.
  static bool WasFull(std::uint64_t records, std::size_t bytes) {
    return records * 960 + bytes >= 120'000;
  }

  std::int64_t records_ = 0;  // of this window
  std::int64_t begun_us_ = 0;
  bool busy_ = false;
  std::int64_t read_at_us_ = 0;  // the end of the rest
  bool refills_ = false;         // it is kRefillUs
};

}  // namespace tld
