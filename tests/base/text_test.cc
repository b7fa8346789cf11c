// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <random>

namespace tld {
namespace {

TEST(Utf8, AcceptsWhatRfc3629Allows) {
  for (const char* good :
       {"", "a", "\x7f", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(IsUtf8(good)) << HexEncode(good);
  }
}

TEST(Utf8, RefusesOverlongSurrogatesAndBeyond) {
  for (const char* bad :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xC2", "\xE2\x82",
        "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "a\xFE"}) {
    EXPECT_FALSE(IsUtf8(bad)) << HexEncode(bad);
  }
}

TEST(CutAtCharacter, NeverSplitsOne) {
  EXPECT_EQ(CutAtCharacter("aü", 3), "aü");
  EXPECT_EQ(CutAtCharacter("aü", 2), "a");
  EXPECT_EQ(CutAtCharacter("a€b", 3), "a");
  EXPECT_EQ(CutAtCharacter("a€b", 4), "a€");
  EXPECT_EQ(CutAtCharacter("\x80\x80\x80\x80\x80", 4).size(), 4u);
}

TEST(Shown, EscapesWhatATerminalActsOn) {
  EXPECT_EQ(Shown("a\nb\tc"), "a\\x0ab\\x09c");
  EXPECT_EQ(Shown("\x1b[31m"), "\\x1b[31m");
  EXPECT_EQ(Shown("\x7f"), "\\x7f");
  EXPECT_EQ(Shown("\xC2\x9B"), "\\xc2\\x9b");   // C1 control
  EXPECT_EQ(Shown("\xFFz"), "\\xffz");          // no UTF-8
  EXPECT_EQ(Shown("\u202Eabc"), "\\u202eabc");  // right-to-left override
  EXPECT_EQ(Shown("a\u2028b"), "a\\u2028b");    // line separator
  EXPECT_EQ(Shown("grün €"), "grün €");
}

TEST(QuotedInner, EscapesQuoteAndBackslash) {
  std::string out;
  AppendQuotedInner(out, "a\"b\\c\n");
  EXPECT_EQ(out, "a\\\"b\\\\c\\x0a");
}

TEST(JsonString, ParsesBackToTheSameTextForAnyUtf8) {
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    const auto length = random() % 20;
    for (unsigned i = 0; i < length; ++i) {
      const auto code = static_cast<unsigned>(random() % (random() % 3 == 0 ? 0x300 : 0x80));
      if (code < 0x80) {
        text += static_cast<char>(code);
      } else {
        text += static_cast<char>(0xC0 | (code >> 6));
        text += static_cast<char>(0x80 | (code & 0x3F));
      }
    }
    std::string json;
    AppendJsonString(json, text);
    EXPECT_EQ(json.find_first_of(std::string("\n\r\x1b\0", 4)), json.npos);
    rapidjson::Document document;
    document.Parse(json.c_str());
    ASSERT_FALSE(document.HasParseError()) << json;
    EXPECT_EQ(std::string(document.GetString(), document.GetStringLength()), text);
  }
}

TEST(JsonString, WhatIsKeptOfATextIsShorterByAboutTheExcess) {
  const auto written = [](std::string_view text) {
    std::string json;
    AppendJsonString(json, text);
    return json.size();
  };
  for (const char* pattern :
       {"a", "\x01", "\n", "\xFF", "a\"\n", "\u00e9", "\xFF\n\x01 abcdefgh"}) {
    std::string text;
    while (text.size() < 3000) text += pattern;
    for (const std::size_t excess : {1u, 2u, 7u, 100u, 1000u, 2900u}) {
      const std::size_t kept = ShorterInJson(text, excess);
      EXPECT_LT(kept, text.size());
      const std::size_t left = written(CutAtCharacter(text, kept));
      EXPECT_LT(left, written(text) - excess + 10) << pattern << ' ' << excess;
      EXPECT_GT(left + 40, written(text) - excess) << pattern << ' ' << excess;
    }
  }
  EXPECT_EQ(ShorterInJson("", 5), 0u);
  EXPECT_EQ(ShorterInJson("abc", 5), 0u);
}

TEST(JsonString, BytesThatAreNoUtf8BecomeReplacements) {
  std::string json;
  AppendJsonString(json, "a\xFF\xFE");
  EXPECT_EQ(json, "\"a\\ufffd\\ufffd\"");
}

TEST(ShellQuoted, LeavesPlainWordsAndQuotesTheRest) {
  const auto quoted = [](std::string_view text) {
    std::string out;
    AppendShellQuoted(out, text);
    return out;
  };
  EXPECT_EQ(quoted("/usr/bin/nc"), "/usr/bin/nc");
  EXPECT_EQ(quoted(""), "''");
  EXPECT_EQ(quoted("a b"), "'a b'");
  EXPECT_EQ(quoted("it's"), "'it'\\''s'");
  EXPECT_EQ(quoted("$(x)"), "'$(x)'");
}

TEST(Hex, DecodesWholeBytesOnly) {
  EXPECT_EQ(HexDecode("6E63").value(), "nc");
  EXPECT_EQ(HexDecode("6e63").value(), "nc");
  EXPECT_EQ(HexDecode("00").value(), std::string(1, '\0'));
  EXPECT_FALSE(HexDecode("6E6"));
  EXPECT_FALSE(HexDecode("6G"));
  EXPECT_EQ(HexEncode("nc\xff"), "6e63ff");
}

/// Long texts are decoded in blocks.
TEST(Hex, EachByteAtEachPlaceOfALongText) {
  for (std::size_t size : {15u, 16u, 17u, 32u, 40u}) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int c = 0; c < 256; ++c) {
        std::string bytes(size, 'x');
        bytes[at] = static_cast<char>(c);
        std::string hex = HexEncode(bytes);
        ASSERT_EQ(HexDecode(hex), bytes);
        const bool digit =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        hex[2 * at] = static_cast<char>(c);
        ASSERT_EQ(HexDecode(hex).has_value(), digit) << c << " at " << at;
        hex[2 * at] = '7';
        hex[2 * at + 1] = static_cast<char>(c);
        ASSERT_EQ(HexDecode(hex).has_value(), digit) << c << " at " << at;
      }
    }
  }
  std::string before = "kept";
  EXPECT_FALSE(AppendHexDecoded(before, std::string(64, '4') + "4g"));
  EXPECT_EQ(before, "kept");
}

TEST(FindNear, FindsTheFirstOfEachByteWhereverItStands) {
  for (std::size_t size = 0; size < 40; ++size) {
    for (int c = 0; c < 256; ++c) {
      // Neighbours in value, which are what arithmetic on words mixes up.
      std::string text(size, static_cast<char>(c ^ 1));
      ASSERT_EQ(FindNear(text, static_cast<char>(c)), size);
      for (std::size_t at = size; at-- > 0;) {
        text[at] = static_cast<char>(c);
        ASSERT_EQ(FindNear(text, static_cast<char>(c)), at) << c << " in " << size;
      }
    }
  }
}

TEST(ParseNumber, TakesDigitsOnlyAndRefusesOverflow) {
  EXPECT_EQ(ParseNumber("0"), 0u);
  EXPECT_EQ(ParseNumber("18446744073709551615"), 18446744073709551615u);
  for (const char* bad : {"", "-1", "+1", " 1", "1 ", "0x1", "18446744073709551616"}) {
    EXPECT_FALSE(ParseNumber(bad)) << bad;
  }
}

TEST(ConsumeNumber, TakesTheDigitsAtTheStart) {
  const auto consume = [](std::string_view text) {
    const auto number = ConsumeNumber(text);
    return std::pair(number, text);
  };
  using Taken = std::pair<std::optional<std::uint64_t>, std::string_view>;
  EXPECT_EQ(consume("1700000000.042"), Taken(1'700'000'000, ".042"));
  EXPECT_EQ(consume("042:17"), Taken(42, ":17"));
  EXPECT_EQ(consume("7"), Taken(7, ""));
  EXPECT_EQ(consume("99999999999999999999"), Taken(9'999'999'999'999'999'999u, "9"));
  EXPECT_EQ(consume(""), Taken(std::nullopt, ""));
  for (const char* bad : {"x1", "-1", "+1", " 1", "/", ":"}) {
    EXPECT_EQ(consume(bad), Taken(std::nullopt, bad));
  }
}

TEST(SplitWords, LeavesOutEmptyOnes) {
  EXPECT_EQ(SplitWords(",a,,b,", ","), (std::vector<std::string_view>{"a", "b"}));
  EXPECT_TRUE(SplitWords(",,", ",").empty());
}

}  // namespace
}  // namespace tld
