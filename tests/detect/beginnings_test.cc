// SPDX-License-Identifier: Apache-2.0
#include "detect/beginnings.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

#include "detect/pattern.h"

namespace tld {
namespace {

using Verdict = Beginnings::Verdict;

Verdict VerdictOf(std::string_view pattern, std::string_view subject) {
  const auto beginnings = Beginnings::Of(pattern);
  return beginnings ? beginnings->Judge(subject) : Verdict::kMaybe;
}

TEST(Beginnings, ProgramsByName) {
  constexpr std::string_view kPattern = "^(nc|ncat|netcat|nc\\.(openbsd|traditional))$";
  for (const char* name : {"nc", "ncat", "netcat", "nc.openbsd", "nc.traditional"}) {
    EXPECT_EQ(VerdictOf(kPattern, name), Verdict::kYes) << name;
  }
  for (const char* name : {"", "n", "ncx", "NC", "nc.", "xnc", "nc.openbsd2", "netca"}) {
    EXPECT_EQ(VerdictOf(kPattern, name), Verdict::kNo) << name;
  }
  EXPECT_EQ(VerdictOf(kPattern, "nc\n"), Verdict::kMaybe);  // `$` matches before it
}

TEST(Beginnings, WhatGoesOnIsLeftToThePattern) {
  EXPECT_EQ(VerdictOf("^(python|[gmn]?awk)[0-9.]*$", "mawk"), Verdict::kMaybe);
  EXPECT_EQ(VerdictOf("^(python|[gmn]?awk)[0-9.]*$", "hawk"), Verdict::kNo);
  EXPECT_EQ(VerdictOf("^ld(-linux\\S*)?\\.so|^ld-linux", "ls"), Verdict::kNo);
  EXPECT_EQ(VerdictOf("^ld(-linux\\S*)?\\.so|^ld-linux", "ld.so"), Verdict::kMaybe);
  EXPECT_EQ(VerdictOf("^\\[x+\\]", "[y"), Verdict::kNo);
}

TEST(Beginnings, WhatIsNotUnderstoodIsLeftToThePattern) {
  for (const char* pattern :
       {"nc", "nc|^x", "(?i)^nc$", "^(?i:nc)$", "^(?=x)nc", "^(^nc)$", "^(nc$|x)", "^\\Qnc|x\\E$",
        "^\\x6ec$", "^.c$", "^$", "^", "^(a|)$", "^[a-n]c", "^[^x]c", "^[[:alpha:]]c", "^n{0}c",
        "^n*c", "^n?+nc$", "^(a)\\1$", "^(*COMMIT)nc$", "(*UTF)^nc$", "^nc$x", "^a[[:]|^b[x]",
        "^a[[=]|^b[x]", "^a[[.]|^b[x]", "^x[[:b]|^yz]", "^x[\\c]|^y$|^z]", "^x[\\c\\]|^yz]",
        "^x[\\E]|^y$|^z]", "^x[^\\E]|^y$|^z]"}) {
    EXPECT_EQ(VerdictOf(pattern, "zz"), Verdict::kMaybe) << pattern;
  }
}

/// Any pattern of the kinds that are understood, and of some that are not.
class Maker {
 public:
  explicit Maker(unsigned seed) : random_(seed) {}

  std::string Pattern() {
    std::string pattern = "^" + Sequence(3) + (Below(2) == 0 ? "$" : "");
    while (Below(4) == 0) pattern += "|^" + Sequence(2) + (Below(2) == 0 ? "$" : "");
    return pattern;
  }
  std::string Subject() {
    std::string subject;
    for (std::size_t n = Below(6); n > 0; --n) subject += "abc.-\n\r\x85"[Below(8)];
    return subject;
  }

 private:
  std::size_t Below(std::size_t n) { return random_() % n; }
  std::string Sequence(int deep) {
    std::string sequence;
    for (std::size_t n = Below(4); n > 0; --n) sequence += Atom(deep);
    return sequence;
  }
  std::string Atom(int deep) {
    constexpr const char* kAtoms[] = {"a",  "b",     "c",       "ab",      "bc",    "\\.", "\\-", ".",
                                      "\\w", "[abc]", "[a-c]", "[^a]", "[]b]", "\\s", "-",  "c\\b",
                                      "[[:]", "[[=]", "[[a]", "[\\c]", "[\\E]b]", "]", "[[:alpha:]]"};
    constexpr const char* kTimes[] = {"", "", "", "", "?", "*", "+", "??", "?+", "{2}", "{0,1}"};
    std::string atom = kAtoms[Below(std::size(kAtoms))];
    if (deep > 0 && Below(3) == 0) {
      atom = (Below(2) == 0 ? "(" : "(?:") + Sequence(deep - 1) + "|" + Sequence(deep - 1) + ")";
    }
    return atom + kTimes[Below(std::size(kTimes))];
  }

  std::mt19937 random_;
};

TEST(Beginnings, AnyPatternHoldsWhereItHoldsWithoutThem) {
  MatchScratch scratch;
  int decided = 0;
  for (unsigned seed = 0; seed < 8000; ++seed) {
    Maker maker(seed);
    const std::string pattern = maker.Pattern();
    const auto beginnings = Beginnings::Of(pattern);
    const auto plain = Regex::Compile("(?:" + pattern + ")");  // which they do not understand
    if (!beginnings || !plain) continue;
    for (int i = 0; i < 50; ++i) {
      const std::string subject = maker.Subject();
      const Verdict verdict = beginnings->Judge(subject);
      if (verdict == Verdict::kMaybe) continue;
      ++decided;
      EXPECT_EQ(plain->Matches(subject, scratch), verdict == Verdict::kYes)
          << pattern << " on " << testing::PrintToString(subject);
    }
  }
  EXPECT_GT(decided, 20'000);
}

}  // namespace
}  // namespace tld
