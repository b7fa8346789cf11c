// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

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
  std::atomic<std::uint64_t> bytes_lost{0};         ///< a sensor that died had begun with them
  std::atomic<std::uint64_t> alerts_lost{0};        ///< a sensor that died had not stored them
  std::atomic<std::uint64_t> syslog_lines_lost{0};  ///< nor sent these to syslog
  std::atomic<std::uint64_t> sensor_starts{0};
  std::atomic<std::uint64_t> queue_peak{0};
  std::atomic<std::uint64_t> courier_starts{0};
  std::atomic<std::uint64_t> witness_starts{0};
  std::atomic<std::uint64_t> sensor_deaths{0};  ///< ends that were not asked for
  std::atomic<std::uint64_t> courier_deaths{0};
  std::atomic<std::uint64_t> witness_deaths{0};
};

struct SensorCounters {
  /// Bytes that this sensor has from the queue and has not judged yet: of events without their end.
  std::atomic<std::uint64_t> bytes_open{0};
  std::atomic<std::uint64_t> alerts_unstored{0};      ///< that this sensor has, for the store
  std::atomic<std::uint64_t> syslog_lines_unsent{0};  ///< and for syslog
  /// How much of the front's losses was told, by this sensor and those before it.
  std::atomic<std::uint64_t> lines_dropped_told{0};
  std::atomic<std::uint64_t> bytes_lost_told{0};
  std::atomic<std::uint64_t> alerts_lost_told{0};
  std::atomic<std::uint64_t> syslog_lines_lost_told{0};
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

/// Memory that a process and those forked from it share.
class SharedMemory {
 public:
  static Result<SharedMemory> Create(std::size_t bytes) {
    void* const start = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) return OsError("cannot map shared memory");
    return SharedMemory(static_cast<char*>(start), bytes);
  }
  SharedMemory(SharedMemory&& other) noexcept
      : start_(std::exchange(other.start_, nullptr)), bytes_(other.bytes_) {}
  SharedMemory& operator=(SharedMemory&&) = delete;
  ~SharedMemory() { Unmap(); }

  char* start() const { return start_; }
  /// Gives whole pages back to the system; they are zero when used again.
  void Free(std::size_t begin, std::size_t bytes) { madvise(start_ + begin, bytes, MADV_REMOVE); }
  /// For the role that only reads. It holds an honest one off its own mistakes: code of an
  /// attacker's can take it back.
  void MakeReadOnly() { mprotect(start_, bytes_, PROT_READ); }
  /// For the role that has nothing to do with it.
  void Unmap() {
    if (start_ != nullptr) munmap(std::exchange(start_, nullptr), bytes_);
  }

 private:
  SharedMemory(char* start, std::size_t bytes) : start_(start), bytes_(bytes) {}
  char* start_;
  std::size_t bytes_;
};

/// Shared memory that holds one T, from before a fork on.
template <class T>
class SharedPage {
 public:
  static Result<SharedPage> Create() {
    Result<SharedMemory> memory = SharedMemory::Create(sizeof(T));
    if (!memory) return memory.error();
    new (memory->start()) T();
    return SharedPage(*std::move(memory));
  }

  T* operator->() { return value(); }
  const T* operator->() const { return value(); }
  T& operator*() { return *value(); }
  void MakeReadOnly() { memory_.MakeReadOnly(); }
  void Unmap() { memory_.Unmap(); }

 private:
  explicit SharedPage(SharedMemory&& memory) : memory_(std::move(memory)) {}
  T* value() const { return reinterpret_cast<T*>(memory_.start()); }
  SharedMemory memory_;
};

}  // namespace tld
