// SPDX-License-Identifier: Apache-2.0
#include "detect/literals.h"

#include <gtest/gtest.h>

#include <random>

#include "base/text.h"
#include "detect/pattern.h"

namespace tld {
namespace {

/// By number, from 1 on.
std::vector<bool> FindIn(Literals& literals, const std::vector<std::string>& values) {
  Event event;
  for (const std::string& value : values) event.Add("audit.execve.cmdline", value);
  literals.Build();
  const FoundLiterals found = literals.Find(event);
  return {found.begin() + 1, found.end()};
}

const FieldName kField("audit.execve.cmdline");

using Found = std::vector<bool>;

TEST(Literals, FindsEachInAnyValueWithoutRegardToCase) {
  Literals literals;
  EXPECT_EQ(literals.Add(kField, {"nc", "netcat"}, false), 1u);
  EXPECT_EQ(literals.Add(kField, {"/dev/tcp/"}, false), 2u);
  EXPECT_EQ(literals.Add(kField, {"curl"}, false), 3u);
  EXPECT_EQ(FindIn(literals, {"NetCat -l"}), (Found{true, false, false}));
  EXPECT_EQ(FindIn(literals, {"sync", "cat </dev/TCP/x"}), (Found{true, true, false}));
  EXPECT_EQ(FindIn(literals, {"cur", "l"}), (Found{false, false, false}));
  EXPECT_EQ(FindIn(literals, {"nc"}), (Found{true, false, false}));
  EXPECT_EQ(FindIn(literals, {"n", ""}), (Found{false, false, false}));
  EXPECT_EQ(FindIn(literals, {"n\xC3"
                              "c cURL\xFF"}),
            (Found{false, false, true}));
}

TEST(Literals, WholeOnesAreAllOfAValue) {
  Literals literals;
  EXPECT_EQ(literals.Add(kField, {"nc", "ncat"}, true), 1u);
  EXPECT_EQ(literals.Add(kField, {"ca"}, false), 2u);
  EXPECT_EQ(literals.Add(kField, {"nc", ""}, true), 3u);
  EXPECT_EQ(FindIn(literals, {"NC"}), (Found{true, false, true}));
  EXPECT_EQ(FindIn(literals, {"ncat"}), (Found{true, true, false}));
  EXPECT_EQ(FindIn(literals, {"nc "}), (Found{false, false, false}));
  EXPECT_EQ(FindIn(literals, {""}), (Found{false, false, true}));
}

/// Whatever stands in the value, the set says what each pattern by itself does.
TEST(Literals, AgreesWithEachPattern) {
  std::mt19937 random(7);
  const auto text = [&](std::size_t size) {
    std::string bytes(size, ' ');
    for (char& c : bytes) c = "aAbB/ -\xC3"[random() % 8];
    return bytes;
  };
  std::size_t held = 0;
  for (int round = 0; round < 500; ++round) {
    Literals literals;
    std::vector<OsMatch> patterns;
    std::vector<LiteralNumber> numbers;
    for (int i = 0; i < 6; ++i) {
      std::string pattern = text(2 + random() % 3);
      if (random() % 2 == 0) pattern += '|' + text(2 + random() % 4);
      patterns.emplace_back(pattern);
      const auto parts = patterns.back().OnlyParts();
      ASSERT_TRUE(parts) << pattern;
      numbers.push_back(literals.Add(kField, *parts, false));
    }
    const std::string value = text(random() % 40);
    const std::vector<bool> found = FindIn(literals, {value});
    for (std::size_t i = 0; i < patterns.size(); ++i) {
      const bool has = found[numbers[i] - 1];
      EXPECT_EQ(has, patterns[i].Matches(value)) << patterns[i].text() << " in " << value;
      held += has ? 1 : 0;
    }
  }
  EXPECT_GT(held, 300u);
}

TEST(OsMatch, OnlyPartsAreLiteralsThatMayStandAnywhere) {
  EXPECT_EQ(OsMatch("Curl|wget").OnlyParts(), (std::vector<std::string>{"curl", "wget"}));
  EXPECT_FALSE(OsMatch("^curl|wget").OnlyParts());
  EXPECT_FALSE(OsMatch("curl|wget$").OnlyParts());
  EXPECT_FALSE(OsMatch("!curl").OnlyParts());
  EXPECT_FALSE(OsMatch("curl|").OnlyParts());
  EXPECT_FALSE(OsMatch("c").OnlyParts());
}

}  // namespace
}  // namespace tld
