// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "program/shared.h"

namespace tld {

/// The front's bounded queue of bytes, in memory that the sensor reads in place: bytes are copied
/// once, from the socket, and no system call takes them from one process to the other. One process
/// writes, another reads (QueueReader). The reader sees whole lines: when the queue is full they
/// are dropped whole. Only one that has no end within kLongestLine, which auditd writes none of,
/// comes in pieces.
///
/// The memory is cut into chunks. A chunk that was read is the next to be written, so that a queue
/// that is kept short stays in the processor's cache; what a long one has used goes back to the
/// system. A place in the queue is the number of its chunk in order, times kChunk, and the place in
/// the chunk; it only grows.
class ByteQueue {
 public:
  struct Dropped {
    std::uint64_t lines = 0;
    std::uint64_t bytes = 0;
  };

  static constexpr std::size_t kChunk = 128 * 1024;
  static constexpr std::size_t kLongestLine = 64 * 1024;
  static constexpr std::size_t kFewestChunks = 8;

  /// `limit` in bytes; not below kFewestChunks. An error when there is no memory for it.
  static Result<ByteQueue> Create(std::size_t limit);

  /// Where the next bytes may be read to; call Commit with how many came. Never empty: when the
  /// queue is full the bytes land in a buffer from which Commit drops them.
  std::span<char> Space();
  void Commit(std::size_t bytes);
  /// The end of the input: what has come of a last line is for the reader.
  void CommitEnd();

  /// True once for each time that the reader sleeps though there is something to read: it is to be
  /// woken.
  bool WakesReader();
  /// Bytes that the reader is not done with, and what chunks have left free at their ends.
  std::size_t size() const { return static_cast<std::size_t>(head_ - Released()); }
  bool empty() const { return size() == 0; }
  /// The place before which the reader is done.
  std::uint64_t Released() const;
  /// Takes back what the reader is done with; the memory of a long queue goes to the system.
  void Reclaim();
  const Dropped& dropped() const { return dropped_; }

  /// The reader has died: the next one begins behind what it had begun with. Returns how many bytes
  /// that are.
  std::size_t ReaderEnded();
  /// All that is there is as good as read. REQUIRES: no reader runs.
  void Clear();
  /// In a process that has nothing to do with the queue.
  void Unmap();

 private:
  friend class QueueReader;

  /// What the writer tells and never reads again: a reader that went astray can make its mapping
  /// writable.
  struct Chunk {
    std::atomic<std::uint32_t> index;  ///< in the memory
    std::atomic<std::uint32_t> end;    ///< of its bytes, once another follows
  };
  struct WriterPlace {
    std::atomic<std::uint64_t> head{0};  ///< end of the last whole line
  };
  struct ReaderPlace {
    std::atomic<std::uint64_t> taken{0};     ///< end of what it has begun with
    std::atomic<std::uint64_t> released{0};  ///< end of what it is done with
    std::atomic<bool> asleep{false};
  };

  /// What is where: the chunks, and before them the WriterPlace and a Chunk for each, by its number
  /// in order.
  class Memory {
   public:
    static Result<Memory> Create(std::size_t chunks);

    std::size_t chunks() const { return chunks_; }
    WriterPlace& writer() const;
    Chunk& InOrder(std::uint64_t number) const;
    char* At(std::size_t index, std::size_t offset) const;
    void Free(std::size_t index) { shared_.Free(PlaceOf(chunks_, index), kChunk); }
    void MakeReadOnly() { shared_.MakeReadOnly(); }
    void Unmap() { shared_.Unmap(); }

   private:
    Memory(SharedMemory&& shared, std::size_t chunks)
        : shared_(std::move(shared)), chunks_(chunks) {}
    static std::size_t PlaceOf(std::size_t chunks, std::size_t index);

    SharedMemory shared_;
    std::size_t chunks_;
  };

  ByteQueue(Memory&& memory, SharedPage<ReaderPlace>&& reader);

  /// Of a chunk's bytes one stays free, so that a place at its end is not the next one's start.
  static constexpr std::size_t kCapacity = kChunk - 1;

  struct OwnChunk {
    std::uint32_t index = 0;
    std::uint32_t end = 0;
  };
  OwnChunk& Own(std::uint64_t number) { return chunks_[number % chunks_.size()]; }
  void Tell(std::uint64_t number);
  char* At(std::size_t offset) { return memory_.At(Own(number_).index, offset); }
  void Publish(std::size_t whole);
  bool NextChunk();
  void BeginDropping();
  void CommitDropped(std::string_view bytes);
  bool HasRoomAgain();

  Memory memory_;
  SharedPage<ReaderPlace> reader_;
  // The writer's own, which no reader can change:
  std::vector<OwnChunk> chunks_;  // by number in order
  std::uint64_t head_ = 0;
  mutable std::uint64_t released_ = 0;
  std::uint64_t number_ = 0;         // of the chunk that is written
  std::size_t whole_ = 0;            // of its bytes, to the end of the last whole line
  std::size_t used_ = 0;             // the rest is a line that has no end yet
  std::uint64_t oldest_ = 0;         // number of the first chunk that is in use
  std::vector<std::uint32_t> warm_;  // free chunks with memory, the last used last
  std::vector<std::uint32_t> cold_;  // and without
  std::unique_ptr<char[]> spare_;    // while dropping
  bool dropping_ = false;
  bool mid_line_ = false;  // while dropping: the line at hand has begun
  Dropped dropped_;
};

/// The reading end, in the process that was forked for it.
class QueueReader {
 public:
  /// Begins where the reader before it ended.
  explicit QueueReader(ByteQueue&& queue);

  /// The next whole lines, of one chunk at most; empty when there are none. Valid until Release.
  std::string_view Take();
  /// Bytes that are to be taken or released, counted as by ByteQueue::size.
  std::size_t waiting() const;
  /// Done with what was taken.
  void Release();
  /// To be asked before it waits: true when there is nothing to read, and the writer will wake it.
  bool MaySleep();
  void Awake() { place_->asleep = false; }

 private:
  std::uint64_t Head() const;

  ByteQueue::Memory memory_;
  SharedPage<ByteQueue::ReaderPlace> place_;
  std::uint64_t tail_;
};

}  // namespace tld
