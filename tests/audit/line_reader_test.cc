// SPDX-License-Identifier: Apache-2.0
#include "audit/line_reader.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <vector>

namespace tld {
namespace {

class LineReaderTest : public testing::Test {
 protected:
  void Feed(std::string_view bytes) { reader_.Feed(bytes, Take()); }
  void Finish() { reader_.Finish(Take()); }
  std::function<void(std::string_view)> Take() {
    return [this](std::string_view line) { lines_.emplace_back(line); };
  }

  LineReader reader_{16};
  std::vector<std::string> lines_;
};

using Lines = std::vector<std::string>;

TEST_F(LineReaderTest, CutsAtNewlinesWhereverThePiecesEnd) {
  Feed("on");
  Feed("e\ntwo\nth");
  Feed("ree");
  EXPECT_EQ(lines_, (Lines{"one", "two"}));
  Finish();
  EXPECT_EQ(lines_, (Lines{"one", "two", "three"}));
}

TEST_F(LineReaderTest, KeepsEmptyLines) {
  Feed("\n\na\n");
  EXPECT_EQ(lines_, (Lines{"", "", "a"}));
}

TEST_F(LineReaderTest, DropsALineOverTheLimitWholeAndCountsIt) {
  Feed("0123456789abcdef\n0123456789abcdefg\nok\n");
  EXPECT_EQ(lines_, (Lines{"0123456789abcdef", "ok"}));
  EXPECT_EQ(reader_.counters().overlong, 1u);
}

TEST_F(LineReaderTest, KeepsNothingOfAnEndlessLine) {
  for (int i = 0; i < 1000; ++i) Feed("0123456789");
  Feed("\nok\n");
  EXPECT_EQ(lines_, Lines{"ok"});
  EXPECT_EQ(reader_.counters().overlong, 1u);
}

TEST_F(LineReaderTest, AnOverlongLineAtTheEndIsCounted) {
  Feed("0123456789abcdefg");
  Finish();
  EXPECT_TRUE(lines_.empty());
  EXPECT_EQ(reader_.counters().overlong, 1u);
}

TEST_F(LineReaderTest, RemovesNulAtTheEndAndShowsOneInside) {
  Feed(std::string_view("ab\0\nc\0d\n\0\n", 10));
  EXPECT_EQ(lines_, (Lines{"ab", "c?d", ""}));
  EXPECT_EQ(reader_.counters().with_nul, 3u);
}

TEST_F(LineReaderTest, AnyCutOfTheInputGivesTheSameLines) {
  const std::string input = "a\nbb\n\n0123456789abcdefXX\nlast one\nend";
  Feed(input);
  Finish();
  const Lines whole = lines_;
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    LineReader reader(16);
    Lines lines;
    const auto take = [&](std::string_view line) { lines.emplace_back(line); };
    for (std::size_t at = 0; at < input.size();) {
      const std::size_t n = std::min<std::size_t>(1 + random() % 5, input.size() - at);
      reader.Feed(std::string_view(input).substr(at, n), take);
      at += n;
    }
    reader.Finish(take);
    EXPECT_EQ(lines, whole);
  }
}

}  // namespace
}  // namespace tld
