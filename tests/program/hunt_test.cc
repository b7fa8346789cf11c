// SPDX-License-Identifier: Apache-2.0
// tldctl hunt, as people run it.
#include <rapidjson/document.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "alert/query.h"
#include "base/text.h"
#include "deliver/store.h"
#include "tests/program/dispatcher.h"
#include "tests/program/tldctl.h"

namespace tld {
namespace {

using testing_support::Eventually;
using testing_support::ExecRecords;
using testing_support::Ran;
using testing_support::Slurp;

class HuntTest : public testing_support::TldctlTest {
 protected:
  HuntTest() : store_(std::make_unique<Store>(Store::Options{directory_ / "alerts.db"})) {
    setenv("TZ", "UTC", 1);
    tzset();
  }
  void SetUp() override {
    TldctlTest::SetUp();
    directory_.Write("none.conf", "[store]\npath = " + (directory_ / "alerts.db") + "\n");
  }

  /// One alert, so many seconds after 2023-11-14 22:13:20 UTC.
  std::string Put(const std::string& command, int level, int second,
                  const std::string& argument = "-v") {
    ++seq_;
    const std::string records =
        "type=SYSCALL msg=audit(1700000000.000:" + std::to_string(seq_) +
        "): arch=c000003e syscall=59 success=yes exit=0 pid=11 auid=1000 uid=0 tty=pts0 comm=\"" +
        command + "\" exe=\"/usr/bin/" + command + "\" key=\"k\"\n" +
        "type=EXECVE msg=audit(1700000000.000:" + std::to_string(seq_) + "): argc=2 a0=\"" +
        command + "\" a1=" + HexEncode(argument) + "\n";
    const Event event = testing_support::ParseEvent(records);
    Rule rule;
    rule.id = std::to_string(100200 + level);
    rule.level = level;
    Alert alert;
    alert.rule = &rule;
    alert.event = &event;
    alert.description = "ran " + command;
    alert.seq = seq_;
    alert.time_us = std::int64_t{1'700'000'000 + second} * 1'000'000;
    Sender sender;
    sender.host = "vm";
    const std::string document = FormatJson(alert, sender, kFileLimit);
    store_->Add(alert, sender, document, 0);
    store_->Flush();
    return document;
  }

  std::unique_ptr<Store> store_;
  std::uint64_t seq_ = 0;
};

TEST_F(HuntTest, ListsTheNewestWithTheLastAtTheBottom) {
  for (int i = 0; i < 60; ++i) Put(i % 2 == 0 ? "nc" : "ls", i % 2 == 0 ? 12 : 3, i);
  const Ran ran = Run("hunt 'audit.command:nc and rule.level>=12' --limit 2");
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out,
            "2023-11-14T22:14:16.000+0000 100212 level=12 \"ran nc\" auid=1000 uid=0 "
            "exe=/usr/bin/nc cmd=\"nc -v\" tty=pts0 key=k event=vm|msg=audit(1700000056.000:57) "
            "seq=57\n"
            "2023-11-14T22:14:18.000+0000 100212 level=12 \"ran nc\" auid=1000 uid=0 "
            "exe=/usr/bin/nc cmd=\"nc -v\" tty=pts0 key=k event=vm|msg=audit(1700000058.000:59) "
            "seq=59\n");
  const auto lines = [](const std::string& text) {
    return std::count(text.begin(), text.end(), '\n');
  };
  EXPECT_EQ(lines(Run("hunt").out), 50);
  EXPECT_EQ(lines(Run("hunt --limit 0").out), 60);
  EXPECT_EQ(lines(Run("hunt --json").out), 60);
  EXPECT_EQ(lines(Run("hunt --since '2023-11-14 22:13:30' --until 2023-11-14T22:13:35Z").out), 5);
  EXPECT_EQ(Run("hunt data.audit.command:none").out, "tldctl: no alert matches\n");
  // Words need no quotes of the shell where nothing in them means something to it.
  EXPECT_EQ(lines(Run("hunt audit.command:nc and rule.id:100212 --limit 0").out), 30);
}

TEST_F(HuntTest, JsonAndCsvCarryWhatWasStored) {
  const std::string document = Put("nc", 12, 0, "a\nb\"c");
  EXPECT_EQ(Run("hunt --json nc").out, document + "\n");
  Put("=1+2", 12, 1, "x");
  const std::string csv = Run("hunt --csv").out;
  EXPECT_TRUE(csv.starts_with("\"timestamp\",\"rule.id\",\"rule.level\",")) << csv;
  EXPECT_NE(csv.find("\"nc 'a\\x0ab\"\"c'\""), csv.npos) << csv;
  EXPECT_NE(csv.find(",\"'=1+2\","), csv.npos) << csv;
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 3);
}

TEST_F(HuntTest, CountsByFieldAndByTime) {
  for (int i = 0; i < 5; ++i) Put("nc", 12, i);
  for (int i = 0; i < 3; ++i) Put("ls", 3, 7200 + i);
  EXPECT_EQ(Run("hunt --top data.audit.command").out,
            "    alerts  data.audit.command\n         5  nc\n         3  ls\n");
  EXPECT_EQ(Run("hunt --top audit.execve.a0 --limit 1 --json").out,
            "{\"field\":\"audit.execve.a0\",\"value\":\"nc\",\"count\":5}\n");
  EXPECT_EQ(Run("hunt --top data.audit.command --csv").out,
            "\"data.audit.command\",\"alerts\"\n\"nc\",5\n\"ls\",3\n");
  EXPECT_EQ(Run("hunt --histogram 1h --csv audit.command:ls").out,
            "\"time\",\"alerts\"\n\"2023-11-15T00:00:00.000+0000\",3\n");
  EXPECT_EQ(Run("hunt --histogram 1h --csv audit.command:none").out, "\"time\",\"alerts\"\n");
  const std::string drawn = Run("hunt --histogram 1h").out;
  EXPECT_TRUE(drawn.starts_with("2023-11-14T22:00:00        5 ███")) << drawn;
  EXPECT_NE(drawn.find("2023-11-14T23:00:00        0 \n2023-11-15T00:00:00        3 █"), drawn.npos)
      << drawn;
  EXPECT_EQ(Run("hunt --histogram 1h --json audit.command:ls").out,
            "{\"time\":\"2023-11-15T00:00:00.000+0000\",\"count\":3,\"levels\":{\"3\":3}}\n");
  EXPECT_EQ(Run("hunt --histogram 1s").status, 0);
  Put("ls", 3, 7200 * 10);
  EXPECT_EQ(Run("hunt --histogram 1s").status, 2);
}

TEST_F(HuntTest, AWrongQueryIsShownWithItsPlace) {
  Put("nc", 12, 0);
  const Ran ran = Run("hunt 'audit.command:nc and ('");
  EXPECT_EQ(ran.status, 2);
  EXPECT_EQ(ran.out,
            "query:1:23: error: something is missing here\n"
            "  audit.command:nc and (\n"
            "                        ^\n")
      << ran.out;
  EXPECT_EQ(Run("hunt --since soon").status, 2);
  EXPECT_EQ(Run("hunt --histogram 5x").status, 2);
  EXPECT_EQ(Run("hunt --follow --top x").status, 2);
  EXPECT_EQ(Run("hunt --limit -3").status, 2);
  EXPECT_EQ(Run("hunt --json --csv").status, 2);
  store_.reset();
  std::remove((directory_ / "alerts.db").c_str());
  EXPECT_EQ(Run("hunt").status, 2);
}

TEST_F(HuntTest, ASearchWithoutAHitNamesTheFieldThatIsMeant) {
  const std::string path = directory_.Write("alerts.json", Put("nc", 12, 0) + '\n');
  for (const std::string& from : {std::string(), " --file " + path}) {
    EXPECT_EQ(
        Run("hunt 'command:nc or not data.audit.exee:*' --since '1h ago'" + from).out,
        "tldctl: no alert matches\n"
        "tldctl: 'command' is no field that is known; did you mean 'data.audit.command'?\n"
        "tldctl: 'data.audit.exee' is no field that is known; did you mean 'data.audit.exe'?\n");
    EXPECT_EQ(Run("hunt 'id:x or rule.level>14 or agent.name:x'" + from).out,
              "tldctl: no alert matches\n");
  }
  const Ran html = Run("hunt --html - audit.command:nc");
  EXPECT_EQ(html.status, 0);
  EXPECT_TRUE(html.out.starts_with("<!DOCTYPE html>")) << html.out.substr(0, 80);
  const std::string page = directory_.Write("page", "what was there\n");
  EXPECT_EQ(RunAsItIs("hunt --html - --file " + path + " >>" + page + " #").status, 0);
  EXPECT_TRUE(Slurp(page).starts_with("what was there\n<!DOCTYPE html>"));
}

TEST_F(HuntTest, FilesOfAManagerAreSearchedAsWell) {
  std::string text;
  for (int i = 0; i < 10; ++i) text += Put(i % 2 == 0 ? "nc" : "ls", 12, i) + '\n';
  const std::string path = directory_.Write("alerts.json", "no json\n" + text + "{\"half\":");
  const Ran ran = Run("hunt audit.command:nc --limit 2 --json --file " + path);
  EXPECT_EQ(ran.status, 0);
  EXPECT_NE(ran.out.find("\"seq\":7,"), ran.out.npos);
  EXPECT_NE(ran.out.find("\"seq\":9,"), ran.out.npos);
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 2);
  EXPECT_EQ(Run("hunt rule.id:100212 --top audit.command --file " + path).out,
            "    alerts  audit.command\n         5  ls\n         5  nc\n");
  EXPECT_EQ(system(("gzip -k " + path).c_str()), 0);
  EXPECT_EQ(Run("hunt audit.command:nc --limit 2 --json --file " + path + ".gz").out, ran.out);
  EXPECT_EQ(Run("hunt --file " + (directory_ / "none")).status, 1);
  EXPECT_EQ(Run("hunt --file " + directory_.Write("empty", "")).status, 0);
  const std::string other = directory_.Write("other", "no json\n{\"a\":1}\n");
  const Ran none = Run("hunt --file " + other);
  EXPECT_EQ(none.status, 1);
  EXPECT_EQ(none.out, "tldctl: " + other + ": no line of it is an alert\n");
}

TEST_F(HuntTest, FollowGoesOnWithWhatComes) {
  Put("nc", 12, 0);
  const std::string out = directory_ / "out";
  const pid_t pid = fork();
  if (pid == 0) {
    const std::string line = "exec " + testing_support::BuildDirectory() +
                             "/tldctl hunt audit.command:nc --follow --conf " +
                             (directory_ / "none.conf") + " >" + out + " 2>&1";
    execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
    _exit(127);
  }
  const auto shown = [&] { return FileExists(out) ? Slurp(out) : std::string(); };
  EXPECT_TRUE(Eventually([&] { return shown().find("seq=1\n") != std::string::npos; }));
  Put("ls", 3, 1);
  Put("nc", 12, 2);
  EXPECT_TRUE(Eventually([&] { return shown().find("seq=3\n") != std::string::npos; }));
  EXPECT_EQ(shown().find("seq=2\n"), std::string::npos);
  kill(pid, SIGTERM);
  waitpid(pid, nullptr, 0);
}

/// Members of adm have no write permission anywhere near the store.
TEST_F(HuntTest, AReaderWithoutRightsToWriteReadsInEveryState) {
  if (getuid() != 0) return;  // others cannot become somebody else
  chmod(directory_.path().c_str(), 0755);
  Put("nc", 12, 0);
  const auto as_reader = [&] {
    for (const char* suffix : {"", "-wal", "-shm"}) {
      chmod((directory_ / ("alerts.db" + std::string(suffix))).c_str(), 0644);
    }
    FILE* pipe = popen(
        ("setpriv --reuid=65534 --regid=65534 --clear-groups " + testing_support::BuildDirectory() +
         "/tldctl hunt --json --conf " + (directory_ / "none.conf") + " 2>&1")
            .c_str(),
        "r");
    std::string text(1 << 16, '\0');
    text.resize(fread(text.data(), 1, text.size(), pipe));
    EXPECT_EQ(pclose(pipe), 0) << text;
    return std::count(text.begin(), text.end(), '\n');
  };
  EXPECT_EQ(as_reader(), 1);  // while it is open for writing
  const std::string copy = directory_ / "copy";
  for (const char* suffix : {"", "-wal", "-shm"}) {
    ASSERT_EQ(system(("cp " + (directory_ / "alerts.db") + suffix + " " + copy + suffix).c_str()),
              0);
  }
  store_.reset();
  EXPECT_EQ(as_reader(), 1);  // closed well
  for (const char* suffix : {"", "-wal", "-shm"}) {
    ASSERT_EQ(rename((copy + suffix).c_str(), ((directory_ / "alerts.db") + suffix).c_str()), 0);
  }
  EXPECT_EQ(as_reader(), 1);  // as a crash leaves it
}

TEST_F(HuntTest, AReportHoldsItsDataAndNothingThatABrowserRuns) {
  for (int i = 0; i < 60; ++i) {
    Put(i % 2 == 0 ? "nc" : "ls", 12, i, "</script><script>alert(1)</script><!--");
  }
  const std::string path = directory_ / "report.html";
  const Ran ran = Run("hunt --html " + path + " --limit 7 audit.command:nc");
  EXPECT_EQ(ran.status, 0) << ran.out;
  EXPECT_EQ(ran.out, "");
  const std::string page = Slurp(path);
  EXPECT_NE(page.find("default-src 'none'; style-src 'sha256-"), page.npos);
  const std::string_view mark = "<script type=\"application/json\" id=\"data\">";
  const std::size_t begin = page.find(mark);
  ASSERT_NE(begin, page.npos);
  std::string_view data = std::string_view(page).substr(begin + mark.size());
  data = data.substr(0, data.find('<'));
  rapidjson::Document document;
  ASSERT_FALSE(document.Parse(data.data(), data.size()).HasParseError());
  EXPECT_STREQ(document["query"].GetString(), "audit.command:nc");
  EXPECT_EQ(document["total"].GetInt(), 30);
  EXPECT_EQ(document["alerts"].Size(), 7u);
  EXPECT_STREQ(document["alerts"][0]["data"]["audit"]["execve"]["a1"].GetString(),
               "</script><script>alert(1)</script><!--");
  EXPECT_EQ(document["bars"].Empty(), false);
  EXPECT_EQ(Run("hunt --html " + path + " --file /nowhere.json").status, 1);
  EXPECT_EQ(Slurp(path), page) << "a search that failed took the older report away";
  const std::string other = directory_ / "other.html";
  EXPECT_EQ(Run("hunt --html " + other + " --file /nowhere.json").status, 1);
  EXPECT_NE(access(other.c_str(), F_OK), 0) << "a search that failed left an empty report";
  EXPECT_EQ(Run("hunt --html " + path + " --follow").status, 2);
  EXPECT_EQ(Run("hunt --html /nowhere/report.html").status, 2);
}

TEST(HuntingGuide, ItsQueriesAreQueries) {
  const std::string guide = Slurp("docs/hunting.md");
  std::size_t rows = 0;
  for (const std::string_view line : SplitWords(guide, "\n")) {
    const std::size_t begin = line.find("? | `");
    if (begin == line.npos) continue;
    std::string_view query = line.substr(begin + 5);
    query = query.substr(0, query.find('`'));
    EXPECT_TRUE(Query::Parse(query, 0)) << query;
    ++rows;
  }
  EXPECT_EQ(rows, 9u);
}

}  // namespace
}  // namespace tld
