// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>

namespace tld {

/// The front's bounded queue of bytes, in chunks that are given back to the system once they are
/// read, but for one. When it is full, whole lines are dropped, so that the reader sees only whole
/// ones.
class ByteQueue {
 public:
  struct Dropped {
    std::uint64_t lines = 0;
    std::uint64_t bytes = 0;
  };

  static constexpr std::size_t kChunk = 256 * 1024;

  explicit ByteQueue(std::size_t limit) : limit_(limit) {}

  /// Where the next bytes may be read to; call Commit with how many came. Never empty: when the
  /// queue is full the bytes land in a buffer from which Commit drops them.
  std::span<char> Space();
  void Commit(std::size_t bytes);

  /// The bytes at the front; empty when there are none.
  std::string_view Front() const;
  void Pop(std::size_t bytes);

  /// Pops up to the end of the line at the front; false when its end has not come yet (all is
  /// popped then). Returns how many bytes that were in `popped`.
  bool PopLine(std::uint64_t& popped);
  /// True when the last byte popped ended a line, or none was.
  bool at_line_start() const { return at_line_start_; }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const Dropped& dropped() const { return dropped_; }
  void Clear();

 private:
  struct Chunk {
    std::unique_ptr<char[]> bytes;
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  static constexpr std::size_t kSpare = 64 * 1024;

  Chunk& Tail();
  void Append(std::string_view bytes);
  void BeginDropping();
  void CommitDropped(std::string_view bytes);
  bool HasRoomAgain() const { return size_ + kSpare <= limit_ - limit_ / 8; }

  std::size_t limit_;
  std::deque<Chunk> chunks_;
  std::unique_ptr<char[]> kept_;  // an empty chunk, for the next one that is needed
  std::size_t size_ = 0;
  bool at_line_start_ = true;
  std::unique_ptr<char[]> spare_;  // while dropping
  bool dropping_ = false;
  bool mid_line_ = false;  // while dropping: the line at hand has begun
  Dropped dropped_;
};

}  // namespace tld
