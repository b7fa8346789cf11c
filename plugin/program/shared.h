// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstdint>

#include "base/os.h"
#include "base/result.h"
#include "deliver/destination.h"

namespace tld {

/// Counters that one role writes and the other reads, in a page of memory that both have mapped.
/// Numbers and short texts only: a role that went astray can tell wrong things, nothing more.
struct FrontCounters {
  std::atomic<std::uint64_t> bytes_read{0};
  std::atomic<std::uint64_t> lines_dropped{0};  ///< the queue was full
  std::atomic<std::uint64_t> bytes_dropped{0};
  std::atomic<std::uint64_t> bytes_lost{0};  ///< a sensor that died had begun with them
  std::atomic<std::uint64_t> sensor_starts{0};
  std::atomic<std::uint64_t> queue_peak{0};
  std::atomic<std::uint64_t> foreign_sigterms{0};  ///< ignored, since not from auditd
  std::atomic<std::uint64_t> courier_starts{0};
  std::atomic<std::uint64_t> witness_starts{0};
  std::atomic<std::uint64_t> sensor_deaths{0};  ///< ends that were not asked for
  std::atomic<std::uint64_t> courier_deaths{0};
  std::atomic<std::uint64_t> witness_deaths{0};
};

struct SensorCounters {
  /// Bytes that this sensor has from the queue and has not judged yet: of events without their end.
  std::atomic<std::uint64_t> bytes_open{0};
  /// How much of the front's losses was told, by this sensor and those before it.
  std::atomic<std::uint64_t> lines_dropped_told{0};
  std::atomic<std::uint64_t> bytes_lost_told{0};
  std::atomic<std::uint64_t> sensor_deaths_told{0};
  /// Grows with each policy, whose remotes are in the file of remote_state.h then.
  std::atomic<std::uint64_t> policies{0};
};

struct CourierCounters {
  /// RemotesKey of what the courier delivers to: the states are those of these remotes, in their
  /// order.
  std::atomic<std::uint64_t> remotes{0};
  std::array<DestinationState, kMostRemotes> destinations;
};

struct WitnessCounters {
  enum Kernel : std::uint32_t { kNotAsked, kKnown, kNotToBeAsked };
  std::atomic<std::uint32_t> kernel{kNotAsked};
  /// What the kernel says of its audit system (audit_request_status(3)), if known.
  std::atomic<std::uint64_t> kernel_lost{0};
  std::atomic<std::uint64_t> kernel_backlog{0};
  std::atomic<std::uint64_t> kernel_backlog_limit{0};
  std::atomic<std::uint64_t> kernel_enabled{0};
  std::atomic<std::uint64_t> kernel_auditd{0};  ///< its process
};

/// A page of shared memory that holds one T, from before a fork on.
template <class T>
class SharedPage {
 public:
  static Result<SharedPage> Create() {
    void* page =
        mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return OsError("cannot map shared memory");
    return SharedPage(new (page) T());
  }
  SharedPage(SharedPage&& other) noexcept : value_(other.value_) { other.value_ = nullptr; }
  SharedPage& operator=(SharedPage&&) = delete;
  ~SharedPage() { Unmap(); }

  T* operator->() { return value_; }
  const T* operator->() const { return value_; }
  T& operator*() { return *value_; }
  /// For the role that only reads.
  void MakeReadOnly() { mprotect(value_, sizeof(T), PROT_READ); }
  /// For the role that has nothing to do with it.
  void Unmap() {
    if (value_ != nullptr) munmap(value_, sizeof(T));
    value_ = nullptr;
  }

 private:
  explicit SharedPage(T* value) : value_(value) {}
  T* value_;
};

}  // namespace tld
