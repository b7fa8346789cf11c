// SPDX-License-Identifier: Apache-2.0
// Alerts in the journal of a real journald, with their fields.
#include "alert/journal.h"

#include <gtest/gtest.h>
#include <rapidjson/document.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "alert/format.h"
#include "base/text.h"
#include "deliver/syslog.h"
#include "tests/program/dispatcher.h"
#include "tests/support.h"

namespace tld {
namespace {

using testing_support::Eventually;
using testing_support::ExecRecords;
using testing_support::TemporaryDirectory;

constexpr char kJournald[] = "/lib/systemd/systemd-journald";
constexpr char kJournal[] = "/run/systemd/journal";

bool Serves() {
  const Fd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = std::string(kJournal) + "/socket";
  std::copy(path.begin(), path.end(), address.sun_path);
  return connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

/// journald, for the time of a test, unless the host has one that runs.
class Journald {
 public:
  Journald() {
    if (Serves()) return;
    made_ = std::filesystem::create_directories(kJournal);
    pid_ = fork();
    if (pid_ == 0) {
      execl(kJournald, kJournald, static_cast<char*>(nullptr));
      _exit(127);
    }
  }
  ~Journald() {
    if (pid_ == 0) return;
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
    std::error_code none;
    if (made_) std::filesystem::remove_all(kJournal, none);
  }

 private:
  pid_t pid_ = 0;
  bool made_ = false;
};

std::vector<rapidjson::Document> Journal(const std::string& match) {
  std::vector<rapidjson::Document> found;
  const std::string command = "journalctl -q -o json -t tld-audisp --since=-5min " + match;
  FILE* const out = popen(command.c_str(), "r");
  std::string text;
  char buffer[4096];
  for (std::size_t n; out != nullptr && (n = fread(buffer, 1, sizeof buffer, out)) > 0;) {
    text.append(buffer, n);
  }
  if (out != nullptr) pclose(out);
  for (const std::string_view line : SplitWords(text, "\n")) {
    rapidjson::Document document;
    document.Parse(line.data(), line.size());
    if (!document.HasParseError()) found.push_back(std::move(document));
  }
  return found;
}

TEST(JournalTest, AnAlertIsFoundByItsFieldsAndStandsThereOnce) {
  ASSERT_EQ(access(kJournald, X_OK), 0) << kJournald << " is needed";
  const Journald journald;
  TemporaryDirectory directory;
  Syslog::Options options;
  options.socket = directory / "log";
  std::filesystem::create_symlink(std::string(kJournal) + "/dev-log", options.socket);
  ASSERT_TRUE(Eventually(Serves));
  const Event event = testing_support::ParseEvent(ExecRecords("nc", "/usr/bin/nc.openbsd", 77));
  Rule rule;
  rule.id = std::to_string(100'000 + getpid() % 10'000);
  rule.level = 12;
  rule.groups = {"audit", "audit_command"};
  rule.mitre.ids = {"T1059"};
  Alert alert;
  alert.rule = &rule;
  alert.event = &event;
  alert.description = "Highly suspicious";
  alert.seq = 3;
  Sender sender;
  sender.instance = 5;
  Syslog syslog(options);
  ASSERT_TRUE(syslog.to_journal());
  const std::string text = FormatAlert(Format::kText, alert, sender, kSyslogLimit);
  syslog.Send(2, text, 1000, Syslog::Rate::kLimited, JournalFields(alert, sender));
  EXPECT_EQ(syslog.counters().sent, 1u);
  const std::string match = "TLD_RULE_ID=" + rule.id;
  ASSERT_TRUE(Eventually([&] { return !Journal(match).empty(); }));
  const std::vector<rapidjson::Document> found = Journal(match);
  ASSERT_EQ(found.size(), 1u);
  const auto field = [&](const char* name) {
    return found[0].HasMember(name) && found[0][name].IsString() ? found[0][name].GetString() : "";
  };
  EXPECT_EQ(field("MESSAGE"), text);
  EXPECT_STREQ(field("PRIORITY"), "2");
  EXPECT_STREQ(field("SYSLOG_FACILITY"), "3");
  EXPECT_EQ(field("MESSAGE_ID"), kAlertMessageId);
  EXPECT_STREQ(field("TLD_LEVEL"), "12");
  EXPECT_STREQ(field("TLD_EXE"), "/usr/bin/nc.openbsd");
  EXPECT_STREQ(field("TLD_ID"), "0000000000000005-3");
  ASSERT_TRUE(found[0].HasMember("TLD_GROUP") && found[0]["TLD_GROUP"].IsArray());
  EXPECT_EQ(found[0]["TLD_GROUP"].Size(), 2u);
  EXPECT_EQ(Journal(match + " TLD_EXE=/usr/bin/nc.openbsd").size(), 1u);
}

TEST(JournalTest, ASocketOfAnotherSyslogIsUsedAsItIs) {
  TemporaryDirectory directory;
  Syslog::Options options;
  options.socket = directory / "log";
  EXPECT_FALSE(Syslog(options).to_journal());
}

/// What an attacker chose is one line in the journal, and moves no terminal.
TEST(JournalFields, ValuesAreSafeToShow) {
  const Event event = testing_support::ParseEvent(
      "type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=59 success=yes auid=1000 uid=0 "
      "comm=" +
      HexEncode("a\nTLD_LEVEL=1") + " exe=" + HexEncode("/tmp/\x1b[2J") + " key=\"k\"\n");
  Rule rule;
  rule.id = "7";
  rule.level = 12;
  Alert alert;
  alert.rule = &rule;
  alert.event = &event;
  const std::string fields = JournalFields(alert, {});
  EXPECT_NE(fields.find("\nTLD_COMM=a\\x0aTLD_LEVEL=1\n"), fields.npos) << fields;
  EXPECT_NE(fields.find("\nTLD_EXE=/tmp/\\x1b[2J\n"), fields.npos) << fields;
  EXPECT_EQ(fields.find("\nTLD_LEVEL=1\n"), fields.npos) << fields;
}

}  // namespace
}  // namespace tld
