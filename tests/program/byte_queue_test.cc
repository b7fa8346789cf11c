// SPDX-License-Identifier: Apache-2.0
#include "program/byte_queue.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <string>

#include "base/os.h"

namespace tld {
namespace {

constexpr std::size_t kMiB = 1 << 20;

void Push(ByteQueue& queue, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::span<char> space = queue.Space();
    const std::size_t n = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), n);
    queue.Commit(n);
    bytes.remove_prefix(n);
  }
}

ByteQueue Queue(std::size_t limit) {
  Result<ByteQueue> queue = ByteQueue::Create(limit);
  EXPECT_TRUE(queue);
  return *std::move(queue);
}

std::string Lines(int from, int to) {
  std::string lines;
  for (int i = from; i < to; ++i)
    lines += "line " + std::to_string(i) + " " + std::string(90, 'x') + '\n';
  return lines;
}

std::uint64_t CountLines(std::string_view text) {
  return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

/// A reader in a process of its own, as the sensor is one. It does what is asked for by a letter
/// and answers with what it has read: `t` takes and releases, `a` does so until nothing is there,
/// `b` begins with the next lines and never releases them, `s` says whether it may sleep.
class Reader {
 public:
  explicit Reader(ByteQueue& queue) {
    int orders[2];
    int answers[2];
    if (pipe(orders) != 0 || pipe(answers) != 0) std::abort();
    pid_ = fork();
    if (pid_ == 0) {
      close(orders[1]);
      Obey(QueueReader(std::move(queue)), orders[0], answers[1]);
    }
    close(orders[0]);
    close(answers[1]);
    orders_ = Fd(orders[1]);
    answers_ = Fd(answers[0]);
  }
  ~Reader() { Kill(); }

  std::string Ask(char order) {
    EXPECT_EQ(write(orders_.get(), &order, 1), 1);
    std::size_t size = 0;
    EXPECT_EQ(read(answers_.get(), &size, sizeof size), static_cast<ssize_t>(sizeof size));
    std::string text(size, '\0');
    for (std::size_t at = 0; at < size;) {
      const ssize_t n = read(answers_.get(), text.data() + at, size - at);
      if (n <= 0) break;
      at += static_cast<std::size_t>(n);
    }
    return text;
  }
  std::string All() { return Ask('a'); }
  void Kill() {
    if (pid_ == 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  [[noreturn]] static void Obey(QueueReader reader, int orders, int answers) {
    for (char order; read(orders, &order, 1) == 1;) {
      std::string text;
      if (order == 's') text = reader.MaySleep() ? "yes" : "no";
      while (order == 't' || order == 'b' || order == 'a') {
        const std::string_view taken = reader.Take();
        text += taken;
        if (order != 'b') reader.Release();
        if (order != 'a' || taken.empty()) break;
      }
      const std::size_t size = text.size();
      if (!WriteAll(answers, {reinterpret_cast<const char*>(&size), sizeof size}) ||
          !WriteAll(answers, text)) {
        break;
      }
    }
    _exit(0);
  }

  pid_t pid_;
  Fd orders_;
  Fd answers_;
};

TEST(ByteQueue, GivesBackWhatItTook) {
  ByteQueue queue = Queue(4 * kMiB);
  Reader reader(queue);
  const std::string text = Lines(0, 10'000);
  Push(queue, text);
  EXPECT_GE(queue.size(), text.size());
  EXPECT_EQ(reader.All(), text);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.dropped().bytes, 0u);
}

TEST(ByteQueue, TheReaderSeesWholeLinesOnly) {
  ByteQueue queue = Queue(kMiB);
  Reader reader(queue);
  Push(queue, "first\nsec");
  EXPECT_EQ(reader.All(), "first\n");
  Push(queue, "ond");
  EXPECT_EQ(reader.All(), "");
  Push(queue, "\n");
  EXPECT_EQ(reader.All(), "second\n");
  Push(queue, "without an end");
  queue.CommitEnd();
  EXPECT_EQ(reader.All(), "without an end");
}

TEST(ByteQueue, AFullQueueDropsWholeLinesAndCountsThem) {
  ByteQueue queue = Queue(kMiB);
  Reader reader(queue);
  const std::string text = Lines(0, 20'000);
  Push(queue, text);
  EXPECT_LE(queue.size(), kMiB);
  const std::uint64_t dropped = queue.dropped().lines;
  EXPECT_GT(dropped, 0u);
  const std::string kept = reader.All();
  EXPECT_GT(kept.size(), kMiB * 9 / 10);
  EXPECT_EQ(kept, text.substr(0, kept.size()));
  EXPECT_EQ(kept.back(), '\n');
  EXPECT_EQ(CountLines(kept) + dropped, 20'000u);
  EXPECT_EQ(kept.size() + queue.dropped().bytes, text.size());
}

TEST(ByteQueue, AfterADropTheNextWholeLineIsTaken) {
  ByteQueue queue = Queue(kMiB);
  Reader reader(queue);
  Push(queue, Lines(0, 20'000) + "half a li");
  reader.All();
  Push(queue, "ne\nnext\n");
  EXPECT_EQ(reader.All(), "next\n");
}

TEST(ByteQueue, ALineWithoutEndComesInPieces) {
  ByteQueue queue = Queue(4 * kMiB);
  Reader reader(queue);
  const std::string text = "before\n" + std::string(2 * kMiB, 'a') + "\nnext\n";
  Push(queue, text);
  EXPECT_EQ(reader.All(), text);
  const std::string longest = std::string(ByteQueue::kLongestLine - 1, 'b') + '\n';
  for (int i = 0; i < 10; ++i) {
    Push(queue, longest);
    EXPECT_EQ(reader.All(), longest);
  }
}

TEST(ByteQueue, AnyOrderOfReadsAndWritesLosesOnlyWhatIsCounted) {
  std::mt19937 random(23);
  for (int round = 0; round < 15; ++round) {
    ByteQueue queue = Queue(kMiB);
    Reader reader(queue);
    const std::string text = Lines(0, 40'000);
    std::string got;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t n = std::min<std::size_t>(random() % 200'000, text.size() - at);
      Push(queue, std::string_view(text).substr(at, n));
      at += n;
      if (random() % 3 != 0) got += reader.Ask('t');
      if (random() % 9 == 0) got += reader.All();
    }
    got += reader.All();
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(got.size() + queue.dropped().bytes, text.size());
    EXPECT_EQ(CountLines(got) + queue.dropped().lines, 40'000u);
    // Only whole lines: each that came is one that was sent.
    for (std::size_t begin = 0; begin < got.size();) {
      const std::size_t end = got.find('\n', begin);
      ASSERT_EQ(got.compare(begin, 5, "line "), 0);
      ASSERT_EQ(got.substr(end - 90, 90), std::string(90, 'x'));
      begin = end + 1;
    }
  }
}

TEST(ByteQueue, TheNextReaderBeginsBehindWhatTheLastHadBegunWith) {
  ByteQueue queue = Queue(4 * kMiB);
  const std::string text = Lines(0, 10'000);
  {
    Reader reader(queue);
    Push(queue, text + "a line that has be");
    const std::string done = reader.Ask('t');
    const std::string begun = reader.Ask('b');
    reader.Kill();
    EXPECT_EQ(queue.ReaderEnded(), begun.size());
    Reader next(queue);
    const std::string rest = next.All();
    EXPECT_EQ(done + begun + rest, text);
    next.Kill();
    EXPECT_EQ(queue.ReaderEnded(), 0u);
  }
  // A line is whole though a reader died while it came.
  Push(queue, "gun\n");
  Reader last(queue);
  EXPECT_EQ(last.All(), "a line that has begun\n");
}

TEST(ByteQueue, WhatIsTakenIsKeptUntilItIsReleased) {
  ByteQueue queue = Queue(kMiB);
  Reader reader(queue);
  Push(queue, Lines(0, 100));
  reader.Ask('b');
  Push(queue, Lines(100, 20'000));
  EXPECT_EQ(queue.Released(), 0u);
  EXPECT_GT(queue.dropped().lines, 0u);
  reader.Kill();
  EXPECT_EQ(queue.ReaderEnded(), Lines(0, 100).size());
}

TEST(ByteQueue, ASleepingReaderIsWokenOnceForWhatCame) {
  ByteQueue queue = Queue(kMiB);
  Reader reader(queue);
  EXPECT_FALSE(queue.WakesReader());
  EXPECT_EQ(reader.Ask('s'), "yes");
  EXPECT_FALSE(queue.WakesReader());  // for nothing
  Push(queue, "half");
  EXPECT_FALSE(queue.WakesReader());
  Push(queue, " a line\n");
  EXPECT_TRUE(queue.WakesReader());
  Push(queue, "more\n");
  EXPECT_FALSE(queue.WakesReader());
  EXPECT_EQ(reader.Ask('s'), "no");
  EXPECT_FALSE(queue.WakesReader());  // it has not gone to sleep
}

/// What an attacker can do who runs code of his own in the sensor: writes into all memory that is
/// shared, after he has made it writable.
[[noreturn]] void Scribble(QueueReader reader, std::uint64_t value) {
  reader.Take();
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0;
    unsigned long end = 0;
    char mode[5] = "";
    if (std::sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, mode) != 3 || mode[3] != 's') {
      continue;
    }
    auto* const start = reinterpret_cast<char*>(begin);
    mprotect(start, end - begin, PROT_READ | PROT_WRITE);
    const std::size_t size = std::min<std::size_t>(end - begin, 256 * 1024);
    for (std::size_t at = 0; at + sizeof value <= size; at += sizeof value) {
      std::memcpy(start + at, &value, sizeof value);
    }
  }
  _exit(0);
}

TEST(ByteQueue, AReaderThatWritesEverywhereHarmsNeitherWriterNorTheNextReader) {
  const std::uint64_t values[] = {0,
                                  1,
                                  ByteQueue::kChunk - 1,
                                  ByteQueue::kChunk + 100'000,
                                  2 * ByteQueue::kChunk,
                                  3 * ByteQueue::kChunk + 131'000,
                                  std::uint64_t{1} << 31,
                                  std::uint64_t{1} << 40,
                                  ~std::uint64_t{0}};
  for (const std::uint64_t value : values) {
    ByteQueue queue = Queue(kMiB);
    const std::string text = Lines(0, 5'000);
    Push(queue, text);
    const pid_t pid = fork();
    if (pid == 0) Scribble(QueueReader(std::move(queue)), value);
    int status = -1;
    waitpid(pid, &status, 0);
    ASSERT_EQ(status, 0);
    Push(queue, text);
    queue.Reclaim();
    queue.WakesReader();
    EXPECT_LE(queue.ReaderEnded(), kMiB);
    Reader next(queue);
    EXPECT_LE(next.All().size(), 2 * text.size());
    EXPECT_TRUE(queue.empty()) << value;
    Push(queue, "after\n");
    EXPECT_EQ(next.All(), "after\n") << value;
  }
}

/// Of the memory that is shared, what this process has in use, in KB.
long SharedKb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssShmem:")) return std::strtol(line.c_str() + 9, nullptr, 10);
  }
  return -1;
}

TEST(ByteQueue, MemoryOfALongQueueIsGivenBack) {
  ByteQueue queue = Queue(64 * kMiB);
  Reader reader(queue);
  const long before = SharedKb();
  const std::string text = Lines(0, 10'000);
  while (queue.size() < 32 * kMiB) Push(queue, text);
  EXPECT_GT(SharedKb(), before + 30 * 1024);
  reader.All();
  queue.Reclaim();
  EXPECT_LT(SharedKb(), before + 1536);
  // One that is kept short uses the same memory again and again.
  for (int i = 0; i < 100; ++i) {
    Push(queue, text);
    reader.All();
  }
  EXPECT_LT(SharedKb(), before + 2048);
  EXPECT_EQ(queue.dropped().lines, 0u);
}

TEST(ByteQueue, AReaderThatRunsBesideTheWriterLosesNothing) {
  ByteQueue queue = Queue(64 * kMiB);
  int wake[2];
  int result[2];
  ASSERT_EQ(pipe(wake) + pipe(result), 0);
  const int total = 300'000;
  const pid_t pid = fork();
  if (pid == 0) {
    close(wake[1]);
    QueueReader reader(std::move(queue));
    std::string got;
    bool ended = false;
    while (true) {
      if (reader.MaySleep() && !ended) {
        char bytes[64];
        ended = read(wake[0], bytes, sizeof bytes) == 0;
      }
      reader.Awake();
      const std::string_view taken = reader.Take();
      if (taken.empty() && ended) break;
      got += taken;
      reader.Release();
    }
    const char equal = got == Lines(0, total) ? 'y' : 'n';
    _exit(write(result[1], &equal, 1) == 1 ? 0 : 1);
  }
  close(wake[0]);
  close(result[1]);
  std::mt19937 random(5);
  const std::string text = Lines(0, total);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t n = std::min<std::size_t>(random() % 30'000, text.size() - at);
    Push(queue, std::string_view(text).substr(at, n));
    at += n;
    if (queue.WakesReader() && write(wake[1], "", 1) != 1) break;
    if (random() % 50 == 0) usleep(1000);
  }
  close(wake[1]);
  char equal = 0;
  EXPECT_EQ(read(result[0], &equal, 1), 1);
  EXPECT_EQ(equal, 'y');
  EXPECT_EQ(queue.dropped().lines, 0u);
  waitpid(pid, nullptr, 0);
}

}  // namespace
}  // namespace tld
