// SPDX-License-Identifier: Apache-2.0
#include "program/byte_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>

namespace tld {
namespace {

void Push(ByteQueue& queue, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::span<char> space = queue.Space();
    const std::size_t n = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), n);
    queue.Commit(n);
    bytes.remove_prefix(n);
  }
}

std::string Take(ByteQueue& queue, std::size_t most = SIZE_MAX) {
  std::string taken;
  while (!queue.empty() && taken.size() < most) {
    const std::string_view front = queue.Front().substr(0, most - taken.size());
    taken += front;
    queue.Pop(front.size());
  }
  return taken;
}

std::string Lines(int from, int to) {
  std::string lines;
  for (int i = from; i < to; ++i)
    lines += "line " + std::to_string(i) + " " + std::string(90, 'x') + '\n';
  return lines;
}

TEST(ByteQueue, GivesBackWhatItTook) {
  ByteQueue queue(4u << 20);
  const std::string text = Lines(0, 10'000);
  Push(queue, text);
  EXPECT_EQ(queue.size(), text.size());
  EXPECT_EQ(Take(queue), text);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.dropped().bytes, 0u);
}

TEST(ByteQueue, AFullQueueDropsWholeLinesAndCountsThem) {
  ByteQueue queue(1u << 20);
  const std::string text = Lines(0, 20'000);
  Push(queue, text);
  EXPECT_LE(queue.size(), std::size_t{1} << 20);
  const std::uint64_t dropped = queue.dropped().lines;
  EXPECT_GT(dropped, 0u);
  const std::string kept = Take(queue);
  EXPECT_EQ(kept, text.substr(0, kept.size()));
  EXPECT_EQ(kept.back(), '\n');
  EXPECT_EQ(static_cast<std::uint64_t>(std::count(kept.begin(), kept.end(), '\n')) + dropped,
            20'000u);
  EXPECT_EQ(kept.size() + queue.dropped().bytes, text.size());
}

TEST(ByteQueue, AfterADropTheNextWholeLineIsTaken) {
  ByteQueue queue(1u << 20);
  Push(queue, Lines(0, 20'000) + "half a li");
  Take(queue);
  Push(queue, "ne\nnext\n");
  EXPECT_EQ(Take(queue), "next\n");
}

TEST(ByteQueue, ALineLongerThanTheQueueIsEndedWhereItsStartWasRead) {
  ByteQueue queue(1u << 20);
  Push(queue, std::string(1000, 'a'));
  EXPECT_EQ(Take(queue, 500).size(), 500u);
  Push(queue, std::string(2u << 20, 'a') + "\nnext\n");
  Push(queue, "more\n");
  const std::string rest = Take(queue);
  EXPECT_EQ(rest.substr(0, rest.find('\n')).find_first_not_of('a'), std::string::npos);
  Push(queue, "last\n");
  EXPECT_TRUE(Take(queue).ends_with("last\n"));
}

TEST(ByteQueue, PopLineEndsWhatWasBegun) {
  ByteQueue queue(1u << 20);
  Push(queue, "first line\nsecond\n");
  Take(queue, 3);
  EXPECT_FALSE(queue.at_line_start());
  std::uint64_t popped = 0;
  EXPECT_TRUE(queue.PopLine(popped));
  EXPECT_EQ(popped, 8u);
  EXPECT_EQ(Take(queue), "second\n");
  Push(queue, "begun");
  Take(queue, 2);
  EXPECT_FALSE(queue.PopLine(popped));
  Push(queue, " end\nnext\n");
  EXPECT_TRUE(queue.PopLine(popped));
  EXPECT_EQ(Take(queue), "next\n");
}

TEST(ByteQueue, AnyOrderOfReadsAndWritesLosesOnlyWhatIsCounted) {
  std::mt19937 random(23);
  for (int round = 0; round < 50; ++round) {
    ByteQueue queue(1u << 20);
    const std::string text = Lines(0, 40'000);
    std::string got;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t n = std::min<std::size_t>(random() % 200'000, text.size() - at);
      Push(queue, std::string_view(text).substr(at, n));
      at += n;
      if (random() % 3 == 0) got += Take(queue, random() % 150'000);
    }
    got += Take(queue);
    EXPECT_EQ(got.size() + queue.dropped().bytes, text.size());
    const auto lines = static_cast<std::uint64_t>(std::count(got.begin(), got.end(), '\n'));
    EXPECT_EQ(lines + queue.dropped().lines, 40'000u);
    // Only whole lines: each that came is one that was sent.
    for (std::size_t begin = 0; begin < got.size();) {
      const std::size_t end = got.find('\n', begin);
      ASSERT_EQ(got.compare(begin, 5, "line "), 0);
      ASSERT_EQ(got.substr(end - 90, 90), std::string(90, 'x'));
      begin = end + 1;
    }
  }
}

}  // namespace
}  // namespace tld
