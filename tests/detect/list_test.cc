// SPDX-License-Identifier: Apache-2.0
#include "detect/list.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "detect/list_edit.h"
#include "tests/support.h"

namespace tld {
namespace {

using testing_support::Codes;
using testing_support::TemporaryDirectory;

std::vector<std::string> Entries(std::string_view text, Diagnostics& diagnostics) {
  const SourceText source{"list", std::string(text)};
  std::vector<std::string> entries;
  ReadListText(source, diagnostics, [&](const ListEntry& entry) {
    entries.push_back(std::string(entry.key) + '=' + std::string(entry.value));
  });
  return entries;
}

TEST(ListText, AByteOrderMarkIsNoPartOfTheFirstKey) {
  Diagnostics diagnostics;
  std::vector<std::string> keys;
  ReadListText({"l", "\xEF\xBB\xBFnc:red\n\xEF\xBB\xBFx:1\n"}, diagnostics,
               [&](const ListEntry& entry) { keys.emplace_back(entry.key); });
  EXPECT_FALSE(diagnostics.HasErrors());
  EXPECT_EQ(keys, (std::vector<std::string>{"nc", "\xEF\xBB\xBFx"}));
}

TEST(ListText, ReadsEveryForm) {
  Diagnostics diagnostics;
  EXPECT_EQ(Entries("nc:red\n# comment\n\n  ncat : yellow \r\nbare\nempty:\n\"a:b\":c\nk:\"v: w\"\n"
                    "\"q\"\nlast:x",
                    diagnostics),
            (std::vector<std::string>{"nc=red", "ncat=yellow", "bare=", "empty=", "a:b=c", "k=v: w",
                                      "q=", "last=x"}));
  EXPECT_TRUE(diagnostics.all().empty());
}

TEST(ListText, NamesEachBadLine) {
  Diagnostics diagnostics;
  const std::string long_line(70'000, 'x');
  EXPECT_EQ(Entries("ok:1\n:novalue\n\"open:1\nk:\"open\n\"k\" junk\nk:\"v\" junk\n" +
                        std::string("n\0l:1\n", 6) + long_line + "\nlast:1\n",
                    diagnostics),
            (std::vector<std::string>{"ok=1", "last=1"}));
  EXPECT_EQ(Codes(diagnostics),
            (std::vector<std::string>{"bad-list-line error 2:1", "bad-list-line error 3:1",
                                      "bad-list-line error 4:3", "bad-list-line error 5:5",
                                      "bad-list-line error 6:7", "bad-list-line error 7:2",
                                      "bad-list-line error 8:1"}));
}

class ListTest : public testing::Test {
 protected:
  ListTest() {
    where_.directories = {directory_ / "etc", directory_ / "share"};
    where_.compiled = directory_ / "cdb";
    where_.scratch = directory_.path();
  }
  Result<OpenedList> Open(const std::string& name = "progs") {
    return OpenList(where_, name, diagnostics_);
  }
  std::string Find(const std::string& key) {
    const Result<OpenedList> opened = Open();
    if (!opened) return opened.message();
    const auto value = opened->list.Find(key);
    return value ? std::string(*value) : "-";
  }
  void Write(const std::string& name, const std::string& text) { directory_.Write(name, text); }

  TemporaryDirectory directory_;
  ListDirectories where_;
  Diagnostics diagnostics_;
};

TEST_F(ListTest, TheFirstDirectoryWinsAndExclusionsTakeKeysOut) {
  Write("etc/progs", "nc:green\nown:red\n");
  Write("share/progs", "nc:red\ntcpdump:orange\nsocat:red\n");
  Write("etc/progs.exclude", "# not here\nsocat\n");
  EXPECT_EQ(Find("nc"), "green");
  EXPECT_EQ(Find("own"), "red");
  EXPECT_EQ(Find("tcpdump"), "orange");
  EXPECT_EQ(Find("socat"), "-");
  EXPECT_EQ(Find("NC"), "-");
  EXPECT_EQ(Open()->list.Count(), 3u);
  EXPECT_TRUE(diagnostics_.all().empty());
}

TEST_F(ListTest, TheFirstOfTwoEqualKeysWinsWithAWarning) {
  Write("etc/progs", "nc:red\nnc:green\n");
  EXPECT_EQ(Find("nc"), "red");
  EXPECT_EQ(Codes(diagnostics_), std::vector<std::string>{"duplicate-key warning 2:1"});
}

TEST_F(ListTest, AMissingListIsAnError) { EXPECT_FALSE(Open("none")); }

TEST_F(ListTest, ACompiledListIsUsedWhileItFits) {
  Write("etc/progs", "nc:red\n");
  ASSERT_TRUE(RefreshCompiledList(where_, "progs", diagnostics_));
  EXPECT_FALSE(Open()->stale);
  EXPECT_EQ(Find("nc"), "red");
}

TEST_F(ListTest, WhatACompiledListSaysOfItselfIsNoEntry) {
  Write("etc/progs", "nc:red\n");
  ASSERT_TRUE(RefreshCompiledList(where_, "progs", diagnostics_));
  EXPECT_EQ(Find("nc"), "red");
  EXPECT_EQ(Find(std::string("\0tld-audisp sources", 19)), "-");
}

TEST_F(ListTest, AChangedTextMakesItStaleWhateverTheTimesSay) {
  Write("etc/progs", "nc:red\n");
  ASSERT_TRUE(RefreshCompiledList(where_, "progs", diagnostics_));
  struct stat st {};
  const std::string path = directory_ / "etc/progs";
  ASSERT_EQ(stat(path.c_str(), &st), 0);
  Write("etc/progs", "nc:tan\n");  // the same size
  const timespec times[2] = {st.st_atim, st.st_mtim};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  EXPECT_TRUE(Open()->stale);
  EXPECT_EQ(Find("nc"), "tan");
}

TEST_F(ListTest, ANewSourceOrExclusionMakesItStale) {
  Write("etc/progs", "nc:red\n");
  ASSERT_TRUE(RefreshCompiledList(where_, "progs", diagnostics_));
  Write("etc/progs.exclude", "nc\n");
  EXPECT_TRUE(Open()->stale);
  EXPECT_EQ(Find("nc"), "-");
}

TEST_F(ListTest, ABrokenCompiledFileIsNotUsed) {
  Write("etc/progs", "nc:red\n");
  Write("cdb/progs.cdb", std::string(3000, '\xFF'));
  EXPECT_TRUE(Open()->stale);
  EXPECT_EQ(Find("nc"), "red");
  Write("cdb/progs.cdb", "x");
  EXPECT_EQ(Find("nc"), "red");
}

TEST_F(ListTest, ACdbWithoutTextIsUsedAsItIs) {
  Write("share/progs", "nc:red\n");
  ASSERT_TRUE(RefreshCompiledList(where_, "progs", diagnostics_));
  ASSERT_EQ(
      rename((directory_ / "cdb/progs.cdb").c_str(), (directory_ / "share/other.cdb").c_str()), 0);
  const Result<OpenedList> opened = Open("other");
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->list.Find("nc"), "red");
  EXPECT_EQ(opened->list.Count(), 1u);
}

TEST_F(ListTest, NoiseIsNoCdb) {
  std::string noise(5000, '\0');
  for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<char>(i * i >> 3);
  Write("share/other.cdb", noise);
  EXPECT_FALSE(Open("other"));
  // One that is cut is none either.
  Write("share/progs", "nc:red\nncat:yellow\n");
  ASSERT_TRUE(RefreshCompiledList(where_, "progs", diagnostics_));
  const std::string whole = testing_support::Slurp(directory_ / "cdb/progs.cdb");
  Write("share/other.cdb", whole.substr(0, whole.size() - 8));
  EXPECT_FALSE(Open("other"));
  Write("share/other.cdb", whole);
  EXPECT_TRUE(Open("other"));
}

TEST_F(ListTest, HowMuchOfAFaultyListIsThereIsTold) {
  Write("etc/progs", "ok:1\n:v\n\"abc:1\nx:\"y\n");
  EXPECT_EQ(Find("ok"), "1");
  EXPECT_EQ(diagnostics_.all().back().message, "list 'progs': loaded 1 entries, 3 rejected");
}

TEST_F(ListTest, AListWithErrorsDoesNotReplaceTheCompiledOne) {
  Write("etc/progs", "nc:red\n");
  ASSERT_TRUE(RefreshCompiledList(where_, "progs", diagnostics_));
  const std::string before = testing_support::Slurp(directory_ / "cdb/progs.cdb");
  Write("etc/progs", "nc:red\n:bad\n");
  EXPECT_FALSE(RefreshCompiledList(where_, "progs", diagnostics_));
  EXPECT_EQ(testing_support::Slurp(directory_ / "cdb/progs.cdb"), before);
  EXPECT_EQ(Find("nc"), "red");  // the good lines, compiled in memory
}

TEST_F(ListTest, TheCatalogueCanBeSwitchedOff) {
  Write("etc/progs", "own:red\n");
  Write("share/progs", "nc:red\n");
  where_.first_only = {"progs"};
  EXPECT_EQ(Find("nc"), "-");
  EXPECT_EQ(Find("own"), "red");
}

TEST_F(ListTest, FilesThatOthersCanWriteAreRefused) {
  Write("etc/progs", "nc:red\n");
  where_.trust = {true, getuid()};
  EXPECT_EQ(Find("nc"), "red");
  chmod((directory_ / "etc/progs").c_str(), 0666);
  EXPECT_FALSE(Open());
}

TEST_F(ListTest, AMillionEntriesAreLookedUpWithoutLoadingThem) {
  std::string text;
  for (int i = 0; i < 1'000'000; ++i) text += "key" + std::to_string(i) + ":v\n";
  Write("etc/progs", text);
  const Result<OpenedList> opened = Open();
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->list.Find("key999999"), "v");
  EXPECT_FALSE(opened->list.Find("key1000000"));
}

TEST(ListName, IsTheLastPartOfAManagersPath) {
  EXPECT_EQ(ListName("etc/lists/audit-keys"), "audit-keys");
  EXPECT_EQ(ListName("/var/ossec/ruleset/lists/x.cdb"), "x");
  EXPECT_EQ(ListName("  name \n"), "name");
  for (const char* bad : {"", "etc/lists/", "..", "a/..", "."}) EXPECT_FALSE(ListName(bad)) << bad;
}

TEST(ListEdit, LeavesEverythingElseAlone) {
  const std::string text = "# my list\n\nnc:red\n  tcpdump : orange\n# end";
  EXPECT_EQ(*SetListEntry(text, "nc", "green"), "# my list\n\nnc:green\n  tcpdump : orange\n# end");
  EXPECT_EQ(*SetListEntry(text, "new", ""),
            "# my list\n\nnc:red\n  tcpdump : orange\n# end\nnew\n");
  EXPECT_EQ(RemoveListEntry(text, "tcpdump"), "# my list\n\nnc:red\n# end");
  EXPECT_EQ(RemoveListEntry(text, "none"), text);
  EXPECT_TRUE(HasListEntry(text, "tcpdump"));
}

TEST(ListEdit, QuotesWhatNeedsIt) {
  EXPECT_EQ(*SetListEntry("", "a:b", " v"), "\"a:b\":\" v\"\n");
  EXPECT_EQ(*SetListEntry("", "#x", "y"), "\"#x\":y\n");
  for (const char* bad : {"", "a\nb", "\"a:b"}) EXPECT_FALSE(SetListEntry("", bad, "v")) << bad;
  EXPECT_FALSE(SetListEntry("", "k", "v\nw"));
}

}  // namespace
}  // namespace tld
