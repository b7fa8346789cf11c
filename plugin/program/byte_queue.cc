// SPDX-License-Identifier: Apache-2.0
#include "program/byte_queue.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace tld {
namespace {

constexpr std::size_t kMostWarm = 8;
constexpr std::size_t kSpare = 64 * 1024;  // for bytes that are dropped

}  // namespace

Result<ByteQueue::Memory> ByteQueue::Memory::Create(std::size_t chunks) {
  Result<SharedMemory> shared = SharedMemory::Create(PlaceOf(chunks, chunks));
  if (!shared) return shared.error();
  Memory memory(*std::move(shared), chunks);
  new (&memory.writer()) WriterPlace();
  for (std::size_t i = 0; i < chunks; ++i) new (&memory.InOrder(i)) Chunk();
  return memory;
}

/// The first chunk is at a boundary of pages of any size.
std::size_t ByteQueue::Memory::PlaceOf(std::size_t chunks, std::size_t index) {
  const std::size_t before = sizeof(WriterPlace) + chunks * sizeof(Chunk);
  return (before + kChunk - 1) / kChunk * kChunk + index * kChunk;
}

ByteQueue::WriterPlace& ByteQueue::Memory::writer() const {
  return *reinterpret_cast<WriterPlace*>(shared_.start());
}

ByteQueue::Chunk& ByteQueue::Memory::InOrder(std::uint64_t number) const {
  return reinterpret_cast<Chunk*>(shared_.start() + sizeof(WriterPlace))[number % chunks_];
}

char* ByteQueue::Memory::At(std::size_t index, std::size_t offset) const {
  return shared_.start() + PlaceOf(chunks_, index) + offset;
}

ByteQueue::ByteQueue(Memory&& memory, SharedPage<ReaderPlace>&& reader)
    : memory_(std::move(memory)), reader_(std::move(reader)), chunks_(memory_.chunks()) {
  // Chunk 0 is the first in order; of the others the lowest come first.
  for (std::size_t i = memory_.chunks(); i-- > 1;) cold_.push_back(static_cast<std::uint32_t>(i));
}

Result<ByteQueue> ByteQueue::Create(std::size_t limit) {
  Result<Memory> memory = Memory::Create(std::max(limit / kChunk, kFewestChunks));
  if (!memory) return memory.error();
  Result<SharedPage<ReaderPlace>> reader = SharedPage<ReaderPlace>::Create();
  if (!reader) return reader.error();
  return ByteQueue(*std::move(memory), *std::move(reader));
}

/// A reader that went astray may tell anything: its place stays between what it told before and
/// what there is.
std::uint64_t ByteQueue::Released() const {
  const std::uint64_t told = reader_->released.load(std::memory_order_acquire);
  if (told > released_ && told <= head_) released_ = told;
  return released_;
}

std::span<char> ByteQueue::Space() {
  if (dropping_ && !mid_line_ && HasRoomAgain()) {
    dropping_ = false;
    spare_.reset();
  }
  if (!dropping_ && used_ == kCapacity && !NextChunk()) BeginDropping();
  if (dropping_) {
    if (!spare_) spare_ = std::make_unique<char[]>(kSpare);
    return {spare_.get(), kSpare};
  }
  return {At(used_), kCapacity - used_};
}

void ByteQueue::Commit(std::size_t bytes) {
  if (dropping_) {
    CommitDropped({spare_.get(), bytes});
    return;
  }
  const std::string_view came(At(used_), bytes);
  const std::size_t newline = came.rfind('\n');
  if (newline != came.npos) Publish(used_ + newline + 1);
  used_ += bytes;
  if (used_ - whole_ > kLongestLine) Publish(used_);
}

void ByteQueue::CommitEnd() {
  if (used_ > whole_) Publish(used_);
}

void ByteQueue::Publish(std::size_t whole) {
  whole_ = whole;
  head_ = number_ * kChunk + whole;
  memory_.writer().head = head_;  // in one order with the reader's `asleep`
}

void ByteQueue::Tell(std::uint64_t number) {
  memory_.InOrder(number).index = Own(number).index;
  memory_.InOrder(number).end = Own(number).end;
}

/// Goes on in another chunk, and takes the line that has begun there; false when all are in use.
bool ByteQueue::NextChunk() {
  Reclaim();
  std::vector<std::uint32_t>& free = warm_.empty() ? cold_ : warm_;
  if (free.empty()) return false;
  const std::string_view begun(At(whole_), used_ - whole_);
  Own(number_).end = static_cast<std::uint32_t>(whole_);
  Tell(number_);
  Own(++number_) = {free.back(), 0};
  Tell(number_);
  free.pop_back();
  std::memcpy(At(0), begun.data(), begun.size());
  whole_ = 0;
  used_ = begun.size();
  return true;
}

void ByteQueue::Reclaim() {
  for (; oldest_ < Released() / kChunk; ++oldest_) {
    const std::uint32_t index = Own(oldest_).index;
    if (warm_.size() < kMostWarm) {
      warm_.push_back(index);
    } else {
      memory_.Free(index);
      cold_.push_back(index);
    }
  }
}

bool ByteQueue::WakesReader() {
  return !empty() && reader_->asleep && reader_->asleep.exchange(false);
}

bool ByteQueue::HasRoomAgain() {
  Reclaim();
  return warm_.size() + cold_.size() >= memory_.chunks() / 8;
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
  dropping_ = mid_line_ = false;
  const std::unique_ptr<char[]> spare = std::move(spare_);  // has what is kept
  while (!kept.empty()) {
    const std::span<char> space = Space();
    const std::size_t part = std::min(space.size(), kept.size());
    std::memcpy(space.data(), kept.data(), part);
    Commit(part);
    kept.remove_prefix(part);
  }
}

/// The line that has begun, which no chunk has room for, goes as well.
void ByteQueue::BeginDropping() {
  dropping_ = true;
  mid_line_ = used_ > whole_;
  dropped_.bytes += used_ - whole_;
  used_ = whole_;
}

std::size_t ByteQueue::ReaderEnded() {
  const std::uint64_t done = Released();
  const std::uint64_t told = reader_->taken;
  if (told > done && told <= head_) released_ = told;
  reader_->taken = reader_->released = released_;
  reader_->asleep = false;
  // It may have written where it should not; the next one shall not suffer from that.
  for (std::uint64_t number = oldest_; number <= number_; ++number) Tell(number);
  memory_.writer().head = head_;
  // What is taken is of one chunk.
  const std::uint64_t begin = std::max(done, released_ / kChunk * kChunk);
  return static_cast<std::size_t>(released_ - begin);
}

void ByteQueue::Clear() {
  released_ = head_;
  reader_->taken = reader_->released = released_;
}

void ByteQueue::Unmap() {
  memory_.Unmap();
  reader_.Unmap();
}

QueueReader::QueueReader(ByteQueue&& queue)
    : memory_(std::move(queue.memory_)), place_(std::move(queue.reader_)), tail_(place_->released) {
  memory_.MakeReadOnly();
}

std::uint64_t QueueReader::Head() const {
  return memory_.writer().head.load(std::memory_order_acquire);
}

std::size_t QueueReader::waiting() const {
  return static_cast<std::size_t>(Head() - place_->released);
}

std::string_view QueueReader::Take() {
  const std::uint64_t head = Head();
  if (head == tail_) return {};
  std::uint64_t number = tail_ / ByteQueue::kChunk;
  std::size_t begin = tail_ % ByteQueue::kChunk;
  const auto end_of = [&](std::uint64_t chunk) -> std::size_t {
    const bool last = chunk == head / ByteQueue::kChunk;
    return last ? head % ByteQueue::kChunk : memory_.InOrder(chunk).end.load();
  };
  if (begin >= end_of(number)) {
    ++number;
    begin = 0;
  }
  const std::size_t end = end_of(number);
  const std::size_t index = memory_.InOrder(number).index.load(std::memory_order_relaxed);
  tail_ = number * ByteQueue::kChunk + end;
  place_->taken.store(tail_, std::memory_order_release);
  return {memory_.At(index, begin), end - begin};
}

void QueueReader::Release() { place_->released.store(tail_, std::memory_order_release); }

bool QueueReader::MaySleep() {
  place_->asleep = true;
  if (memory_.writer().head == tail_) return true;
  place_->asleep = false;
  return false;
}

}  // namespace tld
