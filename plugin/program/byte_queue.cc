// SPDX-License-Identifier: Apache-2.0
#include "program/byte_queue.h"

#include <algorithm>
#include <cstring>

namespace tld {

std::span<char> ByteQueue::Space() {
  if (!dropping_ && size_ >= limit_) BeginDropping();
  if (dropping_ && !mid_line_ && HasRoomAgain()) {
    dropping_ = false;
    spare_.reset();
  }
  if (dropping_) {
    if (!spare_) spare_ = std::make_unique<char[]>(kSpare);
    return {spare_.get(), kSpare};
  }
  Chunk& tail = Tail();
  return {tail.bytes.get() + tail.end, std::min(kChunk - tail.end, limit_ - size_)};
}

ByteQueue::Chunk& ByteQueue::Tail() {
  if (chunks_.empty() || chunks_.back().end == kChunk) {
    if (!kept_) kept_ = std::make_unique_for_overwrite<char[]>(kChunk);
    chunks_.push_back({std::move(kept_)});
  }
  return chunks_.back();
}

void ByteQueue::Commit(std::size_t bytes) {
  if (dropping_) {
    CommitDropped({spare_.get(), bytes});
    return;
  }
  chunks_.back().end += bytes;
  size_ += bytes;
}

void ByteQueue::CommitDropped(std::string_view bytes) {
  std::string_view kept;
  if (HasRoomAgain()) {
    // What follows the end of the line at hand can be taken again.
    const std::size_t newline = mid_line_ ? bytes.find('\n') : 0;
    if (newline != bytes.npos) kept = bytes.substr(mid_line_ ? newline + 1 : 0);
  }
  const std::string_view gone = bytes.substr(0, bytes.size() - kept.size());
  dropped_.bytes += gone.size();
  dropped_.lines += static_cast<std::uint64_t>(std::count(gone.begin(), gone.end(), '\n'));
  if (!gone.empty()) mid_line_ = gone.back() != '\n';
  if (kept.empty()) return;
  Append(kept);
  dropping_ = mid_line_ = false;
  spare_.reset();
}

void ByteQueue::Append(std::string_view bytes) {
  while (!bytes.empty()) {
    Chunk& tail = Tail();
    const std::size_t part = std::min(bytes.size(), kChunk - tail.end);
    std::memcpy(tail.bytes.get() + tail.end, bytes.data(), part);
    tail.end += part;
    size_ += part;
    bytes.remove_prefix(part);
  }
}

/// Takes the line that has begun at the end of the queue out again: only whole lines stay.
void ByteQueue::BeginDropping() {
  dropping_ = true;
  mid_line_ = false;
  while (!chunks_.empty()) {
    Chunk& tail = chunks_.back();
    const std::string_view held(tail.bytes.get() + tail.begin, tail.end - tail.begin);
    const std::size_t newline = held.rfind('\n');
    const std::size_t cut = newline == held.npos ? held.size() : held.size() - newline - 1;
    tail.end -= cut;
    size_ -= cut;
    dropped_.bytes += cut;
    mid_line_ |= cut > 0;
    if (newline != held.npos) return;
    chunks_.pop_back();
  }
  // The line's start has gone to the reader: end it there, so that it does not run into the next
  // one.
  if (!at_line_start_) Append("\n");
}

std::string_view ByteQueue::Front() const {
  if (chunks_.empty()) return {};
  const Chunk& head = chunks_.front();
  return {head.bytes.get() + head.begin, head.end - head.begin};
}

void ByteQueue::Pop(std::size_t bytes) {
  if (bytes == 0) return;
  Chunk& head = chunks_.front();
  at_line_start_ = head.bytes[head.begin + bytes - 1] == '\n';
  head.begin += bytes;
  size_ -= bytes;
  if (head.begin < head.end) return;
  if (size_ == 0 && head.end < kChunk) {
    head.begin = head.end = 0;  // used again: the usual case of a queue that is kept empty
  } else {
    kept_ = std::move(head.bytes);
    chunks_.pop_front();
  }
}

bool ByteQueue::PopLine(std::uint64_t& popped) {
  while (!empty()) {
    const std::string_view front = Front();
    const std::size_t newline = front.find('\n');
    const std::size_t bytes = newline == front.npos ? front.size() : newline + 1;
    Pop(bytes);
    popped += bytes;
    if (newline != front.npos) return true;
  }
  return false;
}

void ByteQueue::Clear() {
  chunks_.clear();
  kept_.reset();
  size_ = 0;
  spare_.reset();
}

}  // namespace tld
