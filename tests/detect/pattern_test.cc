// SPDX-License-Identifier: Apache-2.0
#include "detect/pattern.h"

#include <gtest/gtest.h>

#include <random>

namespace tld {
namespace {

TEST(OsMatch, ParsesToAlternatives) {
  const std::pair<const char*, const char*> table[] = {
      {"nc", "part{nc}"},
      {"^NC", "prefix{nc}"},
      {"nc$", "suffix{nc}"},
      {"^nc$", "equal{nc}"},
      {"a|^b|c$", "part{a}|prefix{b}|suffix{c}"},
      {"!a|b", "not(part{a}|part{b})"},
      {"a^b$c", "part{a^b$c}"},
      {"", "part{}"},
      {"^", "prefix{}"},
      {"$", "suffix{}"},
      {"^$", "equal{}"},
      {"a.*|", "part{a.*}|part{}"},
      {"!", "not(part{})"},
  };
  for (const auto& [pattern, dump] : table) EXPECT_EQ(OsMatch(pattern).Dump(), dump) << pattern;
}

TEST(OsMatch, Matches) {
  struct Row {
    const char* pattern;
    const char* subject;
    bool holds;
  };
  const Row table[] = {
      {"red", "red", true},    {"red", "infrared", true},
      {"red", "RED", true},    {"^red$", "infrared", false},
      {"^red$", "Red", true},  {"^a|b$", "xb", true},
      {"^a|b$", "xbx", false}, {"!red", "red", false},
      {"!red", "blue", true},  {"", "", true},
      {"^", "x", true},        {"$", "x", true},
      {"^$", "", true},        {"^$", "x", false},
      {"a.c", "abc", false},   {"\xFF", "x\xFFy", true},
      {"ab", "a", false},      {"x|", "y", true},
  };
  for (const Row& row : table) {
    EXPECT_EQ(OsMatch(row.pattern).Matches(row.subject), row.holds)
        << row.pattern << " on " << row.subject;
  }
}

TEST(OsRegex, IsParsedAsItReads) {
  const std::pair<const char*, const char*> table[] = {
      {"aBc", "'abc'"},
      {"a.b+c*", "'a.b+c*'"},
      {"\\d+", "\\d\\d*"},
      {"^\\w*$", "^\\w*$"},
      {"\\s\\S\\D\\W", "\\s\\S\\D\\W"},
      {"a|^b|c$", "'a' | ^'b' | 'c'$"},
      {"^", "any"},
      {"$", "any"},
      {"", "any"},
      {"a|", "'a' | any"},
      {"^$", "^$"},
      {"a$b", "'a$b'"},
      {"(a\\.+)", "'a'\\.\\.*"},
      {"(a$)", "'a$'"},
      {"\\(\\)\\\\\\$\\|\\<", "'()\\$|<'"},
      {"\\d+\\+", nullptr},
      {"[a-z]{2}", "'[a-z]{2}'"},
  };
  for (const auto& [pattern, parsed] : table) {
    const Result<OsRegex> result = OsRegex::Compile(pattern);
    if (parsed == nullptr) {
      EXPECT_FALSE(result) << pattern;
    } else {
      ASSERT_TRUE(result) << pattern;
      EXPECT_EQ(result->Dump(), parsed) << pattern;
    }
  }
}

TEST(OsRegex, SaysWhatIsWrongAndWhere) {
  struct Row {
    const char* pattern;
    const char* message;
    std::size_t at;
  };
  const Row table[] = {
      {"a\\q", "unknown escape '\\q'", 1},   {"a\\", "a '\\' with nothing after it", 1},
      {"(a(b))", "a '(' inside another", 2}, {"ab)", "a ')' without '('", 2},
      {"x(ab", "a '(' is never closed", 1},  {"(a|b)", "a '|' inside a group", 2},
  };
  for (const Row& row : table) {
    const Result<OsRegex> result = OsRegex::Compile(row.pattern);
    ASSERT_FALSE(result) << row.pattern;
    EXPECT_EQ(result.message(), row.message);
    EXPECT_EQ(result.error().at, row.at) << row.pattern;
  }
}

bool Holds(PatternKind kind, std::string_view pattern, std::string_view subject) {
  MatchScratch scratch;
  Result<Pattern> compiled = Pattern::Compile(kind, pattern);
  EXPECT_TRUE(compiled) << pattern;
  return compiled && compiled->Matches(subject, scratch);
}

TEST(OsRegex, Matches) {
  const auto holds = [](std::string_view p, std::string_view s) {
    return Holds(PatternKind::kOsRegex, p, s);
  };
  EXPECT_TRUE(holds("^nc$", "NC"));
  EXPECT_FALSE(holds("^nc$", "nc\n"));
  EXPECT_TRUE(holds("\\d+\\.\\d+", "x1x2"));  // \. is any byte
  EXPECT_TRUE(holds("a\\.b", "a\nb"));
  EXPECT_TRUE(holds("^\\S+$", "a\tb"));
  EXPECT_FALSE(holds("^\\S+$", "a b"));
  EXPECT_TRUE(holds("^\\p$", "]"));
  EXPECT_FALSE(holds("^\\p$", "/"));
  EXPECT_FALSE(holds("^\\p$", "`"));
  EXPECT_TRUE(holds("\\.+", "x"));
  EXPECT_FALSE(holds("\\.+", ""));
}

TEST(OsRegex, WithoutEscapesAndGroupsMeansTheSameAsOsMatch) {
  EXPECT_FALSE(IsLiteralOsRegex("!a"));
  EXPECT_FALSE(IsLiteralOsRegex("a\\d"));
  EXPECT_FALSE(IsLiteralOsRegex("(a)"));
  std::mt19937 random(29);
  const auto text = [&](std::string_view letters, std::size_t most) {
    std::string out;
    for (std::size_t n = random() % most; n > 0; --n) out += letters[random() % letters.size()];
    return out;
  };
  int held = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::string pattern = text("aAb^$|.*+-\xE9", 7);
    const std::string subject = text("aAbB^$|.*+-\xE9\xC9\n", 7);
    ASSERT_TRUE(IsLiteralOsRegex(pattern));
    const Result<OsRegex> regex = OsRegex::Compile(pattern);
    ASSERT_TRUE(regex) << pattern;
    ASSERT_EQ(regex->Matches(subject), OsMatch(pattern).Matches(subject))
        << pattern << " on " << subject;
    held += OsMatch(pattern).Matches(subject) ? 1 : 0;
  }
  EXPECT_GT(held, 2000);
  EXPECT_LT(held, 18'000);
}

TEST(OsRegex, PaddingHidesNothingAndNoLimitIsEverHit) {
  MatchScratch scratch;
  const auto holds = [&](const char* pattern, const std::string& subject) {
    return Pattern::Compile(PatternKind::kOsRegex, pattern)->Matches(subject, scratch);
  };
  for (const std::size_t padding : {10u, 900u, 200'000u, 1'000'000u}) {
    EXPECT_TRUE(holds("^a\\.+b\\.+c|evil", 'a' + std::string(padding, 'b') + "evil")) << padding;
    EXPECT_TRUE(holds("^a\\.+zzz", 'a' + std::string(padding, 'b') + "zzz")) << padding;
    EXPECT_TRUE(holds("^a\\.+zzz$", 'a' + std::string(padding, 'z') + "zzz")) << padding;
    EXPECT_FALSE(holds("\\S+\\d", std::string(padding, 'a'))) << padding;
    EXPECT_FALSE(holds("\\.+=\\d!\\d", std::string(padding, 'a') + "=1!x")) << padding;
  }
  EXPECT_EQ(scratch.limit_hits(), 0u);
}

TEST(OsRegex, PatternsOfMoreAtomsThanAWordHasBits) {
  for (const std::size_t length : {62u, 63u, 64u, 65u, 127u, 128u, 129u, 1000u}) {
    std::string pattern;
    std::string subject;
    for (std::size_t i = 0; i < length; ++i) {
      pattern += i % 3 == 0 ? "\\d*" : i % 3 == 1 ? "\\w" : "x";
      subject += i % 3 == 0 ? "" : i % 3 == 1 ? "q" : "x";
    }
    const Result<OsRegex> regex = OsRegex::Compile('^' + pattern + '$');
    ASSERT_TRUE(regex);
    EXPECT_TRUE(regex->Matches(subject)) << length;
    EXPECT_FALSE(regex->Matches(subject + '!')) << length;
    EXPECT_FALSE(regex->Matches(subject.substr(1))) << length;
    EXPECT_TRUE(OsRegex::Compile(pattern + "\\d*\\d*\\d*!")->Matches("--" + subject + "12!"))
        << length;
  }
}

TEST(Pcre2, WhatAWholeMatchMayCostIsBoundedOverAllStartPositions) {
  // Each start alone stays far below any limit of PCRE2's own; together they took minutes.
  const std::string subject(131'000, 'a');
  MatchScratch scratch;
  std::uint64_t hits = 0;
  for (const char* pattern : {"\\S+?[0-9]#", "[a-z]+[0-9]", ".+=[0-9]![0-9]", "(?:a|b)+[0-9]",
                              "a*?[0-9]", "(?=a+[0-9])", "(a|aa)+[0-9]"}) {
    const Result<Pattern> compiled = Pattern::Compile(PatternKind::kPcre2, pattern);
    ASSERT_TRUE(compiled) << pattern;
    EXPECT_FALSE(compiled->Matches(subject + "=1!x#", scratch)) << pattern;
    EXPECT_EQ(scratch.limit_hits(), ++hits) << pattern;
    scratch.Begin();
  }
  // What is cheap is found, however long the subject.
  for (const char* pattern : {"^a+=1", "=1!x$", "evil|=1", "a=[0-9]"}) {
    EXPECT_TRUE(Pattern::Compile(PatternKind::kPcre2, pattern)->Matches(subject + "=1!x", scratch))
        << pattern;
  }
  EXPECT_EQ(scratch.limit_hits(), hits);
}

TEST(Pcre2, TheLimitIsOneForAllMatchesOfAnEvent) {
  MatchScratch scratch;
  const Result<Pattern> costly = Pattern::Compile(PatternKind::kPcre2, "[a-z]+[0-9]");
  const Result<Pattern> cheap = Pattern::Compile(PatternKind::kPcre2, "b[a-z]");
  ASSERT_TRUE(costly && cheap);
  scratch.Begin();
  EXPECT_FALSE(costly->Matches(std::string(131'000, 'a'), scratch));
  EXPECT_FALSE(cheap->Matches("bc", scratch));
  EXPECT_EQ(scratch.limit_hits(), 2u);
  scratch.Begin();
  EXPECT_TRUE(cheap->Matches("bc", scratch));
  EXPECT_EQ(scratch.limit_hits(), 2u);
}

TEST(Pcre2, TheCostlyEventsOfAUserShareALimitThatTimeRefills) {
  const Result<Pattern> pattern = Pattern::Compile(PatternKind::kPcre2, "[a-z]+[0-9]");
  ASSERT_TRUE(pattern);
  const std::string endless(131'000, 'a');
  const std::string costly = std::string(1'000, 'a') + "!1b2";  // some 500,000 steps
  const std::string small = std::string(100, 'a') + "!1b2";     // some 5,000
  MatchScratch scratch;
  const auto holds = [&](const std::string& subject, std::uint64_t user) {
    scratch.Begin(user);
    return pattern->Matches(subject, scratch);
  };
  const auto wear_out = [&](const std::string& subject, int times) {
    for (int i = 0; i < times; ++i) holds(subject, 1000);
  };
  wear_out(endless, 5);
  EXPECT_TRUE(holds(costly, 1000));  // each has its own while nobody tells the time
  std::int64_t now = 1000;
  scratch.Refill(now);
  EXPECT_TRUE(holds(costly, 1000));
  wear_out(endless, 5);
  EXPECT_FALSE(holds(costly, 1000));
  EXPECT_TRUE(holds(small, 1000));
  EXPECT_TRUE(holds(costly, 1001));  // another's
  scratch.Refill(now += 1'000);
  EXPECT_TRUE(holds(costly, 1000));
  wear_out(costly, 50);  // each far below what one may cost
  EXPECT_FALSE(holds(costly, 1000));
  scratch.Refill(now += 1'000'000'000);  // no more than there is room for
  wear_out(endless, 5);
  EXPECT_FALSE(holds(costly, 1000));
  for (std::uint64_t user = 2'000; user < 5'000; ++user) EXPECT_TRUE(holds(costly, user));
}

TEST(Pcre2, IsCaseSensitiveBytes) {
  EXPECT_TRUE(Holds(PatternKind::kPcre2, "^n[cC]$", "nC"));
  EXPECT_FALSE(Holds(PatternKind::kPcre2, "^nc$", "NC"));
  EXPECT_TRUE(Holds(PatternKind::kPcre2, "(?i)^nc$", "NC"));
  EXPECT_TRUE(Holds(PatternKind::kPcre2, "^.$", "\xFF"));
  EXPECT_FALSE(Pattern::Compile(PatternKind::kPcre2, "a("));
}

TEST(Pcre2, AnExplodingPatternGivesUpAndIsCounted) {
  MatchScratch scratch;
  const Result<Pattern> pattern = Pattern::Compile(PatternKind::kPcre2, "^(a+)+$");
  ASSERT_TRUE(pattern);
  EXPECT_FALSE(pattern->Matches(std::string(60, 'a') + "b", scratch));
  EXPECT_EQ(scratch.limit_hits(), 1u);
  scratch.Begin();
  EXPECT_TRUE(pattern->Matches("aaa", scratch));
}

}  // namespace
}  // namespace tld
