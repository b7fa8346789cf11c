// SPDX-License-Identifier: Apache-2.0
#include "base/diagnostics.h"

#include <gtest/gtest.h>

namespace tld {
namespace {

TEST(Diagnostics, ShowsPlaceLineAndCaret) {
  const SourceText source{"a.xml", "first\n  <rule bad>\nlast\n"};
  Diagnostics diagnostics;
  diagnostics.Add(source, Offset{14}, {Severity::kError, "code", "wrong", "100210"});
  ASSERT_EQ(diagnostics.all().size(), 1u);
  EXPECT_EQ(Render(diagnostics.all()[0], false),
            "a.xml:2:9: error: wrong [rule 100210]\n"
            "    <rule bad>\n"
            "          ^\n");
  EXPECT_TRUE(diagnostics.HasErrors());
}

TEST(Diagnostics, WarningsAreNoErrors) {
  Diagnostics diagnostics;
  diagnostics.Add({"f", "x"}, Offset{0}, {Severity::kWarning, "c", "w"});
  diagnostics.AddFile("f", {Severity::kLint, "c", "l"});
  EXPECT_FALSE(diagnostics.HasErrors());
  EXPECT_EQ(diagnostics.Count(Severity::kWarning), 1u);
  EXPECT_EQ(RenderLine(diagnostics.all()[1]), "f:1:1: lint: l");
}

TEST(Diagnostics, TheCaretStandsUnderThePlaceBehindTabsEscapesAndWideBytes) {
  const SourceText source{"f", "\tü\x01x"};
  Diagnostics diagnostics;
  diagnostics.Add(source, Offset{4}, {Severity::kError, "c", "m"});
  EXPECT_EQ(Render(diagnostics.all()[0], false), "f:1:5: error: m\n  \tü\\x01x\n  \t     ^\n");
}

TEST(Diagnostics, ALongLineIsShownAroundThePlace) {
  const SourceText source{"f", std::string(5000, 'a') + "b" + std::string(5000, 'c')};
  Diagnostics diagnostics;
  diagnostics.Add(source, Offset{5000}, {Severity::kError, "c", "m"});
  const Diagnostic& d = diagnostics.all()[0];
  EXPECT_EQ(d.column, 5001u);
  EXPECT_LE(d.source_line.size(), 200u);
  EXPECT_EQ(d.source_line[d.caret - 1], 'b');
}

TEST(Diagnostics, OffsetBehindTheEndIsTheEnd) {
  Diagnostics diagnostics;
  diagnostics.Add({"f", "ab\n"}, Offset{99}, {Severity::kError, "c", "m"});
  EXPECT_EQ(diagnostics.all()[0].line, 2u);
  EXPECT_EQ(diagnostics.all()[0].column, 1u);
}

TEST(Diagnostics, EachPlaceHasItsLine) {
  const SourceText source{"f", "a\n\nbc\n"};
  const std::size_t lines[] = {1, 1, 2, 3, 3, 3, 4};
  for (std::size_t at = 0; at < std::size(lines); ++at) {
    EXPECT_EQ(source.LineOf(Offset{at}), lines[at]) << at;
  }
  EXPECT_EQ(source.LineStart(3).bytes, 3u);
  EXPECT_EQ(SourceText("f", "").LineOf(Offset{0}), 1u);
}

TEST(Diagnostics, JsonEscapesEverything) {
  Diagnostics diagnostics;
  diagnostics.Add({"a\"b", "x"}, Offset{0}, {Severity::kError, "c", "m\n", "1"});
  EXPECT_EQ(RenderJson(diagnostics.all()[0]),
            "{\"file\":\"a\\\"b\",\"line\":1,\"column\":1,\"severity\":\"error\",\"code\":\"c\","
            "\"message\":\"m\\n\",\"rule\":\"1\"}");
}

TEST(Diagnostics, AFileCannotWriteToTheTerminal) {
  Diagnostics diagnostics;
  diagnostics.Add({"f\x1b", "\x1b[2J"}, Offset{0}, {Severity::kError, "c", "\x1b"});
  const std::string shown = Render(diagnostics.all()[0], false);
  EXPECT_EQ(shown.find('\x1b'), shown.npos);
}

}  // namespace
}  // namespace tld
