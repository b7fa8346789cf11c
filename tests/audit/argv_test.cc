// SPDX-License-Identifier: Apache-2.0
#include "audit/argv.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <iterator>
#include <random>

#include "base/text.h"

namespace tld {
namespace {

std::vector<std::string> Texts(const ArgumentList& list) {
  std::vector<std::string> texts;
  for (const Argument& a : list.arguments)
    texts.push_back(std::to_string(a.index) + '=' + std::string(a.value));
  return texts;
}
using Texts_ = std::vector<std::string>;

ArgumentList Decode(const std::vector<std::string_view>& bodies) {
  ArgumentList list;
  DecodeArguments(bodies, list);
  return list;
}

TEST(DecodeArguments, QuotedAndEncoded) {
  const ArgumentList list = Decode({"argc=4 a0=\"nc\" a1=612062 a2=\"3005\" a3=\"\""});
  EXPECT_EQ(Texts(list), (Texts_{"0=nc", "1=a b", "2=3005", "3="}));
  EXPECT_EQ(list.argc, "4");
  EXPECT_FALSE(list.truncated);
}

TEST(DecodeArguments, MoreThanAnyLibraryCounts) {
  std::string body = "argc=500";
  for (int i = 0; i < 500; ++i) body += " a" + std::to_string(i) + "=\"v" + std::to_string(i) + '"';
  const ArgumentList list = Decode({body});
  ASSERT_EQ(list.arguments.size(), 500u);
  EXPECT_EQ(list.arguments[499].value, "v499");
}

TEST(DecodeArguments, PiecesOverSeveralRecordsEachByItsOwnForm) {
  const ArgumentList list =
      Decode({"argc=3 a0=\"sh\" a1_len=10 a1[0]=6162", " a1[1]=\"cd\" a1[2]=6566", "a2=\"end\""});
  EXPECT_EQ(Texts(list), (Texts_{"0=sh", "1=abcdef", "2=end"}));
  EXPECT_FALSE(list.truncated);
}

/// As at the end of each full record of a long list.
TEST(DecodeArguments, APieceThatIsAllOfAnArgument) {
  const ArgumentList list = Decode({"argc=3 a0=\"sh\" a1_len=3 a1[0]=\"x.o\"", " a2=\"y.o\""});
  EXPECT_EQ(Texts(list), (Texts_{"0=sh", "1=x.o", "2=y.o"}));
  EXPECT_FALSE(list.truncated);
}

TEST(DecodeArguments, PiecesThatDoNotComeToTheirLength) {
  for (const std::string_view odd : {"a1_len=9 a1[0]=6162 a1[1]=6364 a2=\"c\"",
                                     "a1_len=9 a1[0]=6162 a1[1]=6364 a2_len=1 a2[0]=\"c\""}) {
    const ArgumentList list = Decode({"argc=3 a0=\"a\"", odd});
    EXPECT_EQ(Texts(list), (Texts_{"0=a", "1=abcd", "2=c"})) << odd;
    EXPECT_TRUE(list.truncated) << odd;
  }
  // More than the length, a length of nothing, pieces without one, of another, in another order:
  // what is there is taken.
  for (const std::string_view odd :
       {"a1_len=5 a1[0]=6162 a1[1]=6364", "a1_len=4 a1[0]=6162 a1[1]=6364",
        "a1_len=0 a1[0]=6162 a1[1]=6364", "a1_len=x a1[0]=6162 a1[1]=6364", "a1[0]=6162 a1[1]=6364",
        "a2_len=8 a1[0]=6162 a1[1]=6364", "a1_len=8 a1[1]=6364 a1[0]=6162",
        "a1_len=8 a1[0]=6162 a1[0]=6565 a1[1]=6364", "a1_len=8 a1_len=8 a1[0]=6162 a1[1]=6364"}) {
    EXPECT_EQ(Texts(Decode({"argc=2 a0=\"a\"", odd})), (Texts_{"0=a", "1=abcd"})) << odd;
  }
}

TEST(DecodeArguments, AMissingPieceIsTold) {
  EXPECT_TRUE(Decode({"argc=1 a0_len=12 a0[0]=6162 a0[2]=6566"}).truncated);
  EXPECT_TRUE(Decode({"argc=1 a0_len=12 a0[0]=6162 a0[1]=6566"}).truncated);  // the last
  EXPECT_TRUE(Decode({"argc=3 a0=\"a\" a2=\"c\""}).truncated);
}

TEST(DecodeArguments, AGapKeepsTheIndexes) {
  EXPECT_EQ(Texts(Decode({"argc=3 a0=\"a\" a2=\"c\""})), (Texts_{"0=a", "2=c"}));
}

TEST(DecodeArguments, ACutLastFieldParses) {
  ArgumentList list = Decode({"argc=1 a0=\"abc"});
  EXPECT_EQ(Texts(list), Texts_{"0=abc"});
  EXPECT_TRUE(list.truncated);
  list = Decode({"argc=1 a0=61626"});
  EXPECT_EQ(Texts(list), Texts_{"0=ab"});
  EXPECT_TRUE(list.truncated);
}

TEST(DecodeArguments, TheFirstOfTwoCounts) {
  EXPECT_EQ(Texts(Decode({"argc=1 a0=\"a\" a0=\"b\""})), Texts_{"0=a"});
}

/// What stands in order is read at once, all else piece by piece: the results are the same.
TEST(DecodeArguments, AnOddFormChangesNoArgumentBeforeIt) {
  const std::string_view plain = "argc=3 a0=\"nc\" a1=2D76 a2=\"\"";
  for (const std::string_view odd :
       {"x=1", "a3_len=4", "a1=\"again\"", "a2[1]=61", "argc=9", "aa=1"}) {
    const ArgumentList list = Decode({plain, odd});
    EXPECT_EQ(list.argc, "3") << odd;
    ASSERT_EQ(list.arguments.size(), 3u) << odd;
    EXPECT_EQ(list.arguments[0].value, "nc") << odd;
    EXPECT_EQ(list.arguments[1].value, "-v") << odd;
  }
  const ArgumentList turned = Decode({"a1=2D76 argc=3", "a2=\"\" a0=\"nc\""});
  ASSERT_EQ(turned.arguments.size(), 3u);
  EXPECT_EQ(turned.command_line, "nc -v ''");
  EXPECT_FALSE(turned.truncated);
}

/// Those that follow `argc` in the usual form are read by a way of their own, all others by
/// another: both say the same, whatever stands there.
TEST(DecodeArguments, AllWaysToReadAreOne) {
  std::mt19937 random(4);
  const auto pick = [&](std::initializer_list<const char*> texts) {
    return std::string(std::data(texts)[random() % texts.size()]);
  };
  std::size_t whole = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string body;
    const std::size_t count = random() % 14;
    for (std::size_t index = 0; index < count; ++index) {
      const bool odd = index > 0 && random() % 16 == 0;
      body += odd ? pick({"", "  ", "\t"}) : " ";
      body += 'a' + std::to_string(odd ? random() % 14 : index);
      body += random() % 32 == 0 ? pick({"_len=4", "[0]=", "=", "==", ""}) : "=";
      body += pick({"\"ls\"", "\"--some-option=of-some-length\"", "6162", "\"\"", "\"x.o\""});
      if (random() % 32 == 0) body += pick({"\"", "\"a b\"", " b", "\x1D", "=\""});
    }
    if (random() % 8 == 0) body.resize(random() % (body.size() + 1));
    const std::string counted = "argc=14" + body;
    const ArgumentList list = Decode({counted});
    // Without a field before them that is `argc`.
    const ArgumentList other = Decode({body});
    ASSERT_EQ(Texts(list), Texts(other)) << body;
    ASSERT_EQ(list.command_line, other.command_line) << body;
    whole += list.arguments.size() > 5 ? 1 : 0;
  }
  EXPECT_GT(whole, 10'000u);
}

TEST(DecodeArguments, HugeOnesInPiecesKeepTheirPlace) {
  const auto hex = [](char c, std::size_t bytes) {
    std::string text;
    for (std::size_t i = 0; i < bytes; ++i) text += c == 'x' ? "78" : "79";
    return text;
  };
  std::vector<std::string> bodies = {"argc=60 a0=" + hex('x', 100'000)};
  for (int i = 1; i < 60; ++i) {
    const std::string name = "a" + std::to_string(i);
    bodies.push_back(name + "_len=8000 " + name + "[0]=" + hex('y', 3'000) + ' ' + name +
                     "[1]=" + hex('x', 1'000));
  }
  const ArgumentList list = Decode({bodies.begin(), bodies.end()});
  ASSERT_EQ(list.arguments.size(), 60u);
  EXPECT_EQ(list.arguments[0].value, std::string(100'000, 'x'));
  for (std::size_t i = 1; i < 60; ++i) {
    ASSERT_EQ(list.arguments[i].value, std::string(3'000, 'y') + std::string(1'000, 'x')) << i;
  }
  EXPECT_FALSE(list.truncated);
}

TEST(DecodeArguments, HugeIndexesTakeNoMemory) {
  const ArgumentList list = Decode({"argc=1 a2147483647=\"x\" a99999999999=\"y\" a1[-1]=\"z\""});
  EXPECT_EQ(Texts(list), Texts_{"2147483647=x"});
}

TEST(CommandLine, QuotesForAShell) {
  const std::string body = "argc=3 a0=\"sh\" a1=\"-c\" a2=" + HexEncode("a 'b'\n");
  const ArgumentList list = Decode({body});
  EXPECT_EQ(list.command_line, "sh -c 'a '\\''b'\\''\n'");
}

}  // namespace
}  // namespace tld
