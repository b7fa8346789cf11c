// SPDX-License-Identifier: Apache-2.0
// The life of the plugin under a dispatcher that behaves as auditd's does. As root the plugin
// changes to an unprivileged user, otherwise it stays who it is; the tests hold for both.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>

#include "audit/record.h"
#include "deliver/database.h"
#include "program/control.h"
#include "program/sandbox.h"
#include "tests/deliver/receiver.h"
#include "tests/program/dispatcher.h"
#include "tests/support.h"

namespace tld {
namespace {

using testing_support::BuildDirectory;
using testing_support::Dispatcher;
using testing_support::Eventually;
using testing_support::ExecRecords;
using testing_support::Receiver;
using testing_support::Slurp;
using testing_support::StatusLine;
using testing_support::TemporaryDirectory;
using testing_support::Top;

constexpr int kExitSeconds = 15;  // generous: under valgrind and sanitizers as well

const char kNoCapabilities[] = "0000000000000000";
const char kWitnessCapabilities[] = "0000000000000004";  // CAP_DAC_READ_SEARCH

class LifeTest : public testing::Test {
 protected:
  LifeTest() {
    chmod(directory_.path().c_str(), 0755);
    for (const char* name : {"0365-base.xml", "local_rules.xml"}) {
      const std::string from = std::string(name) == "local_rules.xml" ? "/conf/" : "/rules/detect/";
      directory_.Write(std::string("rules/") + name, Slurp(Top() + from + name));
    }
    for (const char* name : {"audit-keys", "suspicious-programs"}) {
      directory_.Write(std::string("lists/") + name, Slurp(Top() + "/lists/" + name));
    }
    WriteConfig("");
    log_.Reset(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = directory_ / "log";
    std::copy(path.begin(), path.end(), address.sun_path);
    EXPECT_EQ(bind(log_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    chmod(path.c_str(), 0666);
  }

  void WriteConfig(const std::string& more) {
    // Of the kernel here these tests know nothing; no auditd is registered with it.
    directory_.Write("tld.conf",
                     "[plugin]\nkernel_status = no\nrun_directory = " + (directory_ / "run") +
                         "\nstate_directory = " + (directory_ / "state") +
                         "\n[rules]\npaths = " + (directory_ / "rules") +
                         "\n[lists]\ndirectories = " + (directory_ / "lists") +
                         "\ncompiled = " + (directory_ / "compiled") +
                         "\n[store]\npath = " + (directory_ / "store/alerts.db") +
                         "\n[syslog]\nsocket = " + (directory_ / "log") + "\n" + more);
  }

  std::unique_ptr<Dispatcher> Start(Dispatcher::Start start = Dispatcher::Start::kFirst) {
    return std::make_unique<Dispatcher>(BuildDirectory() + "/tld-audisp",
                                        std::vector{"--conf=" + (directory_ / "tld.conf")}, start);
  }

  /// The exit status of `tldctl status`.
  int StatusOfTldctl() const {
    const std::string line = BuildDirectory() + "/tldctl status >" + (directory_ / "status") +
                             " --conf=" + (directory_ / "tld.conf");
    return WEXITSTATUS(std::system(line.c_str()));
  }

  /// Takes lines from syslog until one holds the text; all lines so far are in `seen_`.
  bool Logged(const std::string& text, int seconds = 10) {
    return Eventually([&] { return TakeLines().find(text) != std::string::npos; }, seconds);
  }
  const std::string& TakeLines() {
    std::string buffer(1 << 16, '\0');
    for (ssize_t n; (n = recv(log_.get(), buffer.data(), buffer.size(), 0)) > 0;) {
      seen_ += buffer.substr(0, static_cast<std::size_t>(n)) + '\n';
    }
    return seen_;
  }
  std::size_t Count(const std::string& text) {
    std::size_t count = 0;
    TakeLines();
    for (std::size_t at = 0; (at = seen_.find(text, at)) != std::string::npos; ++at) ++count;
    return count;
  }

  /// A number of the plugin's status, such as {"dropped", "bytes_sensor_lost"}.
  std::uint64_t Status(const char* section, const char* name) {
    const Result<std::string> answer = AskPlugin(directory_ / "run/control.sock", "status");
    if (!answer) return 0;
    rapidjson::Document document;
    document.Parse(answer->c_str());
    return document[section][name].GetUint64();
  }

  std::uint64_t Status(const char* section, const char* name, const char* number) {
    const Result<std::string> answer = AskPlugin(directory_ / "run/control.sock", "status");
    if (!answer) return 0;
    rapidjson::Document document;
    document.Parse(answer->c_str());
    if (!document[section].HasMember(name)) return 0;
    return document[section][name][number].GetUint64();
  }

  /// Anonymous memory of all roles together, in kB. Sanitizers keep books of their own.
  /// Once what has waited is judged.
  static void ExpectSmall(const Dispatcher& plugin, long limit_kb) {
    std::vector<pid_t> roles = plugin.Children();
    roles.push_back(plugin.pid());
    if (plugin.Witness() != 0) roles.push_back(plugin.Witness());
    long anonymous = 0;
    for (const pid_t pid : roles) {
      anonymous += std::strtol(StatusLine(pid, "RssAnon").c_str(), nullptr, 10);
    }
    RecordProperty("RssAnon_kB", static_cast<int>(anonymous));
    // The queue gives its memory back.
    EXPECT_TRUE(Eventually([&] {
      return std::strtol(StatusLine(plugin.pid(), "RssShmem").c_str(), nullptr, 10) < 1536;
    }));
#if !defined(__SANITIZE_ADDRESS__)
    EXPECT_LT(anonymous, limit_kb);
#else
    static_cast<void>(limit_kb);
#endif
  }

  static std::string Nc(int serial) { return ExecRecords("nc", "/usr/bin/nc.openbsd", serial); }

  TemporaryDirectory directory_;
  Fd log_;
  std::string seen_;
};

const char kAlert[] =
    "100210 level=12 \"Audit: Highly Suspicious Command executed: /usr/bin/nc.openbsd\"";

TEST_F(LifeTest, AlertsAndEndsWellWhenItsInputEnds) {
  for (const Dispatcher::Start how : {Dispatcher::Start::kFirst, Dispatcher::Start::kRestart}) {
    seen_.clear();
    auto plugin = Start(how);
    ASSERT_TRUE(plugin->Write(Nc(1)));
    EXPECT_TRUE(Logged(kAlert));
    EXPECT_EQ(Count("<26>"), 1u);
    plugin->Close();
    EXPECT_EQ(plugin->Wait(kExitSeconds), 0);
    EXPECT_TRUE(Logged("200901 level=5"));
  }
}

/// Under load the front gathers records, and does so for more that is to come in a moment.
TEST_F(LifeTest, TheEndOfABurstIsJudgedThoughNothingFollows) {
  constexpr int kBursts = 30;
  auto plugin = Start();
  ASSERT_TRUE(Logged("200900 level=5"));
  std::string records;  // 150 of them: more than half of what the socket takes
  for (int i = 0; i < 150; ++i) {
    records += "type=SYSCALL msg=audit(1.000:" + std::to_string(1000 + i) + "): arch=c000003e " +
               std::string(200, 'x') + " key=\"files\"\n";
  }
  for (int burst = 1; burst <= kBursts; ++burst) {
    for (int i = 0; i < 8; ++i) {
      ASSERT_TRUE(plugin->Write(records));
      usleep(1000);
    }
    ASSERT_TRUE(plugin->Write(records + Nc(burst)));
    // The front loses the processor at some moment of its work.
    usleep(static_cast<useconds_t>(burst) * 20);
    kill(plugin->pid(), SIGSTOP);
    usleep(1000);
    kill(plugin->pid(), SIGCONT);
    ASSERT_TRUE(Logged(':' + std::to_string(burst) + ") seq=")) << burst;
  }
}

/// `SEQ:RULE` of all stored alerts about events, in order of the commits.
const char kCommands[] = "SELECT seq || ':' || rule FROM alert WHERE command != '' ORDER BY id";
const char kDocuments[] = "SELECT document FROM alert";

std::vector<std::string> Stored(const std::string& path, const std::string& sql = kCommands) {
  std::vector<std::string> stored;
  Result<Database> database = Database::Open(path, Database::Mode::kRead);
  if (!database) return stored;     // nothing was written yet
  database->WaitForOthers(10'000);  // one that was killed may hold its locks for a moment
  Result<Statement> rows = database->Prepare(sql);
  if (!rows) return stored;  // nor the table
  int rc = SQLITE_DONE;
  while ((rc = rows->Step()) == SQLITE_ROW) stored.emplace_back(rows->Text(0));
  EXPECT_EQ(rc, SQLITE_DONE);
  return stored;
}

TEST_F(LifeTest, WhatWasStoredStaysWhenItIsKilled) {
  const std::string path = directory_ / "store/alerts.db";
  std::size_t stored = 0;
  for (int kill_number = 1; kill_number <= 20; ++kill_number) {
    auto plugin = Start();
    ASSERT_TRUE(Logged("200900 level=5"));
    seen_.clear();
    std::string log;
    for (int i = 1; i <= 40; ++i) log += Nc(i);
    ASSERT_TRUE(plugin->Write(log));
    Logged("seq=" + std::to_string(kill_number * 2), 1);  // then at some moment of the work
    for (const pid_t child : plugin->Children()) kill(child, SIGKILL);
    kill(plugin->pid(), SIGKILL);
    plugin->Wait(kExitSeconds);
    const std::vector<std::string> now = Stored(path);
    ASSERT_GE(now.size(), stored) << kill_number;
    ASSERT_LE(now.size(), stored + 40) << kill_number;
    stored = now.size();
  }
  auto plugin = Start();
  ASSERT_TRUE(plugin->Write(Nc(1)));
  ASSERT_TRUE(Logged(kAlert));
  plugin->Close();
  EXPECT_EQ(plugin->Wait(kExitSeconds), 0);
  EXPECT_EQ(Stored(path).size(), stored + 1);
}

TEST_F(LifeTest, ABadStoreIsToldAndHoldsNothingUp) {
  directory_.Write("store", "a file, no directory");
  auto plugin = Start();
  ASSERT_TRUE(plugin->Write(Nc(1)));
  EXPECT_TRUE(Logged(kAlert));
  EXPECT_TRUE(Logged("200902 level=10 \"the alert store cannot be opened"));
  std::filesystem::remove(directory_ / "store");
  std::filesystem::create_directory(directory_ / "store");
  std::filesystem::permissions(directory_ / "store", std::filesystem::perms(0777));
  EXPECT_TRUE(Logged("200911 level=5"));
  EXPECT_EQ(Stored(directory_ / "store/alerts.db").size(), 1u);
}

TEST_F(LifeTest, ASyslogThatIsNotThereIsTold) {
  WriteConfig("[plugin]\nuser = nobody\n");
  std::filesystem::rename(directory_ / "log", directory_ / "away");
  auto plugin = Start();
  ASSERT_TRUE(plugin->Write(Nc(1)));
  const auto stored = [&](const std::string& text) {
    const std::vector<std::string> all = Stored(directory_ / "store/alerts.db", kDocuments);
    return std::any_of(all.begin(), all.end(), [&](const std::string& document) {
      return document.find(text) != std::string::npos;
    });
  };
  ASSERT_TRUE(Eventually([&] { return !Stored(directory_ / "store/alerts.db").empty(); }));
  EXPECT_EQ(StatusOfTldctl(), 0) << Slurp(directory_ / "status");
  EXPECT_TRUE(Eventually([&] { return stored("syslog takes no lines: "); }, 20));
  EXPECT_EQ(StatusOfTldctl(), 1) << Slurp(directory_ / "status");
  std::filesystem::rename(directory_ / "away", directory_ / "log");
  EXPECT_TRUE(Logged("200924 level=5"));
  EXPECT_EQ(StatusOfTldctl(), 0) << Slurp(directory_ / "status");
  EXPECT_TRUE(Logged(kAlert));
  std::filesystem::rename(directory_ / "log", directory_ / "away");
  log_.Reset();
  ASSERT_TRUE(plugin->Write(Nc(2)));
  ASSERT_TRUE(Eventually([&] { return Status("syslog", "waiting") > 0; }));
  kill(plugin->Children().at(0), SIGKILL);
  EXPECT_TRUE(
      Eventually([&] { return stored("lines waited for syslog when the sensor died"); }, 20));
  ASSERT_TRUE(plugin->Write(Nc(3)));
  plugin->Close();
  EXPECT_EQ(plugin->Wait(kExitSeconds), 0);
  EXPECT_TRUE(stored("lines for syslog were dropped"));
}

TEST_F(LifeTest, WhatIsOpenAtTheEndIsJudged) {
  auto plugin = Start();
  std::string log = Nc(1);
  log.erase(log.find("type=EOE"));
  log.pop_back();  // no newline either
  ASSERT_TRUE(plugin->Write(log));
  plugin->Close();
  EXPECT_EQ(plugin->Wait(kExitSeconds), 0);
  EXPECT_TRUE(Logged(kAlert));
}

TEST_F(LifeTest, SettlesSignalsDescriptorsAndPrivileges) {
  auto plugin = Start();
  ASSERT_TRUE(Logged("200900 level=5"));
  ASSERT_TRUE(Eventually([&] { return plugin->Witness() != 0; }));  // it is known by its nice value
  std::vector<pid_t> all = plugin->Children();
  ASSERT_EQ(all.size(), 1u);
  all.push_back(plugin->pid());
  for (const pid_t pid : all) {
    // SIGPIPE alone; 32 and 33 are the C library's own, which a sanitizer may leave ignored.
    const std::uint64_t ignored = std::stoull(StatusLine(pid, "SigIgn"), nullptr, 16);
    EXPECT_EQ(ignored & ~0x180000000u, 0x1000u);
    EXPECT_EQ(StatusLine(pid, "SigBlk"),
              "0000000000014001");  // HUP, TERM, CHLD: read by descriptor
    std::error_code error;
    EXPECT_FALSE(std::filesystem::exists("/proc/" + std::to_string(pid) + "/fd/30", error));
    std::ifstream score("/proc/" + std::to_string(pid) + "/oom_score_adj");
    std::string value;
    score >> value;
    EXPECT_EQ(value, "0");
    if (getuid() != 0) continue;
    EXPECT_NE(StatusLine(pid, "Uid").substr(0, 2), "0\t");
    EXPECT_EQ(StatusLine(pid, "Groups"), "");
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
      // The front keeps what it hands to the witness, without effect.
      const bool kept = pid == plugin->pid() && std::string(set) == "CapPrm";
      EXPECT_EQ(StatusLine(pid, set), kept ? kWitnessCapabilities : kNoCapabilities) << set;
    }
    EXPECT_EQ(StatusLine(pid, "NoNewPrivs"), "1");
  }
}

TEST_F(LifeTest, AuditControlIsKeptToAskTheKernelAlone) {
  if (getuid() != 0) return;  // nothing to keep
  WriteConfig("[plugin]\nkernel_status = yes\n");
  auto plugin = Start();
  ASSERT_TRUE(Eventually([&] { return plugin->Witness() != 0; }));
  EXPECT_TRUE(
      Eventually([&] { return StatusLine(plugin->Witness(), "CapEff") == "0000000040000004"; }));
  EXPECT_EQ(StatusLine(plugin->pid(), "CapEff"), kNoCapabilities);
  EXPECT_TRUE(
      Logged("200918 level=12 \"", 30));  // no auditd is registered, or there is no auditing
}

TEST_F(LifeTest, TheWitnessHasOneCapabilityAndGivesWay) {
  auto plugin = Start();
  ASSERT_TRUE(Eventually([&] { return plugin->Witness() != 0; }));
  const pid_t witness = plugin->Witness();
  EXPECT_EQ(getpriority(PRIO_PROCESS, static_cast<id_t>(witness)),
            std::max(10, getpriority(PRIO_PROCESS, 0)));
  if (getuid() == 0) {
    for (const char* set : {"CapPrm", "CapEff"}) {
      EXPECT_EQ(StatusLine(witness, set), kWitnessCapabilities) << set;
    }
    EXPECT_NE(StatusLine(witness, "Uid").substr(0, 2), "0\t");
  }
  kill(plugin->pid(), SIGKILL);
  plugin->Wait(kExitSeconds);
  EXPECT_TRUE(Eventually([&] { return kill(witness, 0) != 0; }));
}

TEST_F(LifeTest, ReportsAboutItselfFollowTheRules) {
  directory_.Write("rules/tld-health.xml", Slurp(Top() + "/rules/detect/tld-health.xml"));
  directory_.Write("rules/zz-local.xml",
                   "<group name=\"local,\">\n"
                   "  <rule id=\"200921\" level=\"11\" overwrite=\"yes\">\n"
                   "    <if_sid>200800</if_sid>\n"
                   "    <field name=\"audit.health.what\">^heartbeat$</field>\n"
                   "    <description>alive: $(audit.health.text)</description>\n"
                   "  </rule>\n"
                   "  <rule id=\"100900\" level=\"0\">\n"
                   "    <if_sid>200903</if_sid>\n"
                   "    <description>no word of reloads</description>\n"
                   "  </rule>\n"
                   "</group>\n");
  WriteConfig("level = 1\n[plugin]\nheartbeat = 1\n");
  auto plugin = Start();
  ASSERT_TRUE(Logged("200900 level=5 \"tld-audisp " TLD_VERSION " started with "));
  EXPECT_TRUE(Logged("200921 level=11 \"alive: tld-audisp runs: "));
  kill(plugin->pid(), SIGHUP);
  const pid_t witness = plugin->Witness();
  ASSERT_NE(witness, 0);
  kill(witness, SIGKILL);
  EXPECT_TRUE(Logged("200915 level=8 \"1 times the witness ended and was started again", 20));
  EXPECT_EQ(Count("200903"), 0u);
  EXPECT_EQ(Count("100900"), 0u);
}

TEST_F(LifeTest, AReportThatTheRulesIgnoreStaysUnsaid) {
  directory_.Write("rules/tld-health.xml", Slurp(Top() + "/rules/detect/tld-health.xml"));
  directory_.Write("rules/zz-local.xml",
                   "<group name=\"local,\">\n"
                   "  <rule id=\"200921\" level=\"11\" ignore=\"3600\" overwrite=\"yes\">\n"
                   "    <if_sid>200800</if_sid>\n"
                   "    <field name=\"audit.health.what\">^heartbeat$</field>\n"
                   "    <description>alive</description>\n"
                   "  </rule>\n"
                   "</group>\n");
  WriteConfig("level = 1\n[plugin]\nheartbeat = 1\n");
  auto plugin = Start();
  ASSERT_TRUE(Logged("200921 level=11 \"alive\""));
  ASSERT_TRUE(plugin->Write(Nc(1)));
  ASSERT_TRUE(Logged(kAlert));
  ASSERT_FALSE(Logged("200921 level=5", 4));
  EXPECT_EQ(Count("200921"), 1u);
}

TEST_F(LifeTest, AReportWhoseRuleIsFaultyIsSaidAsBuiltIn) {
  std::string rules = Slurp(Top() + "/rules/detect/tld-health.xml");
  const std::string right = "<rule id=\"200900\" level=\"5\">";
  rules.replace(rules.find(right), right.size(), "<rule id=\"200900\" level=\"x\">");
  directory_.Write("rules/tld-health.xml", rules);
  auto plugin = Start();
  EXPECT_TRUE(Logged("200900 level=5 \"tld-audisp " TLD_VERSION " started with "));
  EXPECT_TRUE(Logged("200902 level=10"));
}

/// The witness has not looked yet when the input ends.
TEST_F(LifeTest, WhatTheWitnessIsAskedLastIsToldBeforeTheEnd) {
  directory_.Write("rules/tld-identity.xml", Slurp(Top() + "/rules/detect/tld-identity.xml"));
  // A program of coreutils: the listed ones need not be installed where this runs.
  directory_.Write("lists/suspicious-programs", "id:red\n");
  const std::string copy = directory_ / "copy";
  ASSERT_TRUE(std::filesystem::copy_file("/usr/bin/id", copy));
  chmod(copy.c_str(), 0755);
  struct stat st {};
  ASSERT_EQ(stat(copy.c_str(), &st), 0);
  auto plugin = Start();
  ASSERT_TRUE(Eventually([&] { return Status("identity", "programs") > 0; }));
  std::string records = testing_support::ExecRecords("copy", copy);
  const std::size_t path = records.find("type=PATH");
  const std::size_t inode = records.find("inode=", path);
  records.replace(inode, records.find(' ', inode) - inode, "inode=" + std::to_string(st.st_ino));
  const std::size_t device = records.find("dev=", path);
  char numbers[32];
  std::snprintf(numbers, sizeof numbers, "dev=%02x:%02x", major(st.st_dev), minor(st.st_dev));
  records.replace(device, records.find(' ', device) - device, numbers);
  ASSERT_TRUE(plugin->Write(records));
  plugin->Close();
  EXPECT_EQ(plugin->Wait(kExitSeconds), 0);
  EXPECT_TRUE(Logged("200110 level=12 \"Highly suspicious program executed: " + copy +
                     " (is id, by sha256)\""));
  EXPECT_LT(seen_.find("200110"), seen_.find("200901"));
}

TEST_F(LifeTest, SigtermCountsFromTheParentAlone) {
  auto plugin = Start();
  ASSERT_TRUE(Logged("200900"));
  const pid_t stranger = fork();
  if (stranger == 0) {
    kill(plugin->pid(), SIGTERM);
    for (const pid_t child : plugin->Children()) kill(child, SIGTERM);
    _exit(0);
  }
  int status = 0;
  waitpid(stranger, &status, 0);
  ASSERT_TRUE(plugin->Write(Nc(1)));
  EXPECT_TRUE(Logged(kAlert));
  EXPECT_TRUE(plugin->Running());
  ASSERT_TRUE(plugin->Write(Nc(2)));
  kill(plugin->pid(), SIGTERM);
  EXPECT_EQ(plugin->Wait(kExitSeconds), 0);
  EXPECT_TRUE(Logged("msg=audit(1700000000.123:2)"));  // what was buffered is judged
}

TEST_F(LifeTest, SighupReloadsAndABadFileKeepsTheOldPolicy) {
  auto plugin = Start();
  ASSERT_TRUE(Logged("200900"));
  // The process that its status names is the one that takes signals.
  const Result<std::string> status = AskPlugin(directory_ / "run/control.sock", "status");
  ASSERT_TRUE(status);
  EXPECT_NE(status->find("\"pid\":" + std::to_string(plugin->pid()) + ','), status->npos)
      << *status;
  directory_.Write("lists/suspicious-programs", "ls:red\n");
  kill(plugin->pid(), SIGHUP);
  EXPECT_TRUE(Eventually([&] { return Status("policy", "generation") == 2; }));
  ASSERT_TRUE(plugin->Write(ExecRecords("ls", "/usr/bin/ls", 5)));
  EXPECT_TRUE(Logged("Highly Suspicious Command executed: /usr/bin/ls"));
  directory_.Write("rules/local_rules.xml",
                   "<group name=\"x\"><rule id=\"1\" level=\"1\"><oops/></rule></group>");
  kill(plugin->pid(), SIGHUP);
  EXPECT_TRUE(Logged("200904 level=8 \"reload refused, the old policy stays: "));
  EXPECT_TRUE(Logged("local_rules.xml:1:40: error: a rule has no option <oops>"));
  ASSERT_TRUE(plugin->Write(ExecRecords("ls", "/usr/bin/ls", 6)));
  EXPECT_TRUE(Logged("msg=audit(1700000000.123:6)"));
  EXPECT_EQ(Status("policy", "generation"), 2u);
}

TEST_F(LifeTest, AFaultyConfigurationNeverEndsIt) {
  directory_.Write("rules/local_rules.xml", "<group");
  directory_.Write("rules/more.xml",
                   "<group name=\"m,\"><rule id=\"100500\" level=\"9\"><if_sid>80792</if_sid>"
                   "<description>still here</description></rule><rule id=\"2\"/></group>");
  WriteConfig("levle = 3\n");
  auto plugin = Start();
  ASSERT_TRUE(plugin->Write(Nc(1)));
  EXPECT_TRUE(Logged("100500 level=9 \"still here\""));
  EXPECT_TRUE(Logged("200902 level=10 \"tld-audisp runs degraded: "));
  EXPECT_NE(seen_.find("there is no setting [syslog] levle"), std::string::npos);
  EXPECT_NE(seen_.find("local_rules.xml:1:"), std::string::npos);
  EXPECT_TRUE(plugin->Running());
}

TEST_F(LifeTest, ARuleFileThatDoesNotParseIsReplacedByItsLastAcceptedCopy) {
  {
    auto plugin = Start();
    ASSERT_TRUE(Logged("200900"));
    ASSERT_TRUE(Eventually([&] {
      return FileExists(directory_ / "state/rules" + (directory_ / "rules/local_rules.xml"));
    }));
    plugin->Close();
    plugin->Wait(kExitSeconds);
  }
  directory_.Write("rules/local_rules.xml", "<group name=\"audit\"><rule");
  auto plugin = Start();
  ASSERT_TRUE(plugin->Write(Nc(1)));
  EXPECT_TRUE(Logged(kAlert));
  EXPECT_TRUE(Logged("its last accepted copy"));
}

TEST_F(LifeTest, AKilledSensorIsRestartedAndTheLossIsTold) {
  auto plugin = Start();
  ASSERT_TRUE(plugin->Write(Nc(1)));
  ASSERT_TRUE(Logged(kAlert));
  std::string half = Nc(2);
  half.resize(300);  // whole lines in the sensor's hands, and one that is still to end
  const std::size_t whole = half.rfind('\n') + 1;
  ASSERT_GT(whole, 0u);
  ASSERT_TRUE(plugin->Write(half));
  const pid_t sensor = plugin->Children().at(0);
  ASSERT_TRUE(Eventually([&] { return Status("input", "bytes_judged") == Nc(1).size() + whole; }));
  kill(sensor, SIGKILL);
  ASSERT_TRUE(Eventually([&] {
    const auto children = plugin->Children();
    return children.size() == 1 && children[0] != sensor;
  }));
  ASSERT_TRUE(plugin->Write("rest of the line that was begun\n" + Nc(3)));
  EXPECT_TRUE(Logged("msg=audit(1700000000.123:3)"));
  EXPECT_TRUE(Logged("200906 level=12", 15));
  EXPECT_EQ(Status("dropped", "bytes_sensor_lost"), whole);
  EXPECT_EQ(Count("200900 level=5"), 2u);
  EXPECT_TRUE(plugin->Running());
}

TEST_F(LifeTest, AlertsThatAKilledSensorHadNotStoredAreTold) {
  std::filesystem::create_directories(directory_ / "store/alerts.db");  // no file can be there
  auto plugin = Start();
  ASSERT_TRUE(Logged("the alert store cannot be opened"));
  ASSERT_TRUE(plugin->Write(Nc(1)));
  ASSERT_TRUE(Logged(kAlert));
  const std::uint64_t waiting = Status("store", "waiting");
  EXPECT_GT(waiting, 2u);
  kill(plugin->Children().at(0), SIGKILL);
  EXPECT_TRUE(Logged("alerts were not stored yet when the sensor died", 15));
  EXPECT_GE(Status("dropped", "alerts_sensor_lost"), waiting);
  EXPECT_EQ(Status("dropped", "bytes_sensor_lost"), 0u);
}

TEST_F(LifeTest, ADirectoryThatIsThereAlreadyIsNotTakenOver) {
  if (getuid() != 0) return;  // others cannot give directories away
  std::filesystem::create_directories(directory_ / "shared");
  chmod((directory_ / "shared").c_str(), 01777);
  WriteConfig("[file]\npath = " + (directory_ / "shared/alerts.json") + "\n");
  auto plugin = Start();
  EXPECT_TRUE(Logged("shared: belongs to uid 0"));
  struct stat st {};
  ASSERT_EQ(stat((directory_ / "shared").c_str(), &st), 0);
  EXPECT_EQ(st.st_uid, 0u);
  EXPECT_EQ(st.st_mode & 07777, 01777u);
}

TEST_F(LifeTest, WithoutTheMeansToDropPrivilegesItDrainsAndSaysSo) {
  if (getuid() != 0) return;
  // As under a unit whose bounding set lacks what changing the user needs.
  Dispatcher plugin("/usr/bin/setpriv",
                    {"--bounding-set", "-setgid,-setuid", BuildDirectory() + "/tld-audisp",
                     "--conf=" + (directory_ / "tld.conf")},
                    Dispatcher::Start::kFirst);
  EXPECT_TRUE(Logged("tld-audisp judges nothing: it is still privileged"));
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(plugin.Write(std::string(100'000, 'x') + '\n'));
  EXPECT_TRUE(plugin.Children().empty());
  EXPECT_TRUE(plugin.Running());
  plugin.Close();
  EXPECT_EQ(plugin.Wait(kExitSeconds), 0);
}

TEST_F(LifeTest, OnlyTheOwnerMayReloadByTheSocket) {
  auto plugin = Start();
  ASSERT_TRUE(Logged("200900"));
  const Result<std::string> answer = AskPlugin(directory_ / "run/control.sock", "reload");
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->starts_with("{\"ok\":true,\"generation\":2")) << *answer;
  EXPECT_EQ(*AskPlugin(directory_ / "run/control.sock", "nonsense"),
            "{\"error\":\"unknown request\"}\n");
  struct stat st {};
  ASSERT_EQ(stat((directory_ / "run/control.sock").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0660u);
  if (getuid() != 0) return;
  EXPECT_EQ(st.st_uid, 0u);
}

TEST_F(LifeTest, AReloadTellsWhatWaitsForARestart) {
  auto plugin = Start();
  ASSERT_TRUE(Logged("200900"));
  const auto waits = [&](const std::string& more) {
    WriteConfig(more);
    const Result<std::string> answer = AskPlugin(directory_ / "run/control.sock", "reload");
    const std::string text = "waiting for a restart of auditd: ";
    const std::size_t at = answer ? answer->find(text) : std::string::npos;
    if (at == std::string::npos) return std::string();
    return answer->substr(at + text.size(), answer->find('"', at) - at - text.size());
  };
  EXPECT_EQ(waits("level = 4\n[store]\nenabled = no\n"), "");
  const std::string agent = "[remote a]\nprotocol = agent\ngroup = daemon\n";
  EXPECT_EQ(waits(agent), "an agent's group");
  EXPECT_EQ(waits(agent), "an agent's group");  // until the restart
  EXPECT_EQ(
      waits("[file]\npath = " + (directory_ / "elsewhere/alerts.json") + "\n[plugin]\nqueue = 9\n"),
      "queue, another directory to write to");
  EXPECT_EQ(waits(""), "");
}

TEST_F(LifeTest, ClientsThatSayNothingAreLetGo) {
  auto plugin = Start();
  ASSERT_TRUE(Logged("200900"));
  std::vector<Fd> idle;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = directory_ / "run/control.sock";
  std::copy(path.begin(), path.end(), address.sun_path);
  for (int i = 0; i < 16; ++i) {
    idle.emplace_back(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(connect(idle.back().get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ASSERT_TRUE(plugin->Write(Nc(1)));
  EXPECT_TRUE(Logged(kAlert));
  EXPECT_TRUE(AskPlugin(path, "status"));  // after 5 s at most
}

TEST_F(LifeTest, InputIsTakenAtFullRateWhileSyslogReadsNothing) {
  auto plugin = Start();
  ASSERT_TRUE(Logged("200900"));
  const std::string recorded = Slurp(testing_support::DataPath("exec_enriched.log.gz"));
  const std::size_t total = std::size_t{200} << 20;
  std::size_t written = 0;
  const std::int64_t began = MonotonicMs();
  while (written < total) {
    ASSERT_TRUE(plugin->Write(recorded));
    written += recorded.size();
  }
  RecordProperty("MB_per_s", static_cast<int>(written / 1000 /
                                              static_cast<std::size_t>(MonotonicMs() - began + 1)));
  // All that was not judged is counted.
  EXPECT_TRUE(Eventually(
      [&] {
        return Status("input", "bytes_judged") + Status("dropped", "bytes_queue_full") == written;
      },
      120));
  ExpectSmall(*plugin, 14 * 1024);  // with 4 MiB of lines that wait for syslog
  plugin->Close();
  EXPECT_EQ(plugin->Wait(kExitSeconds), 0);
}

TEST_F(LifeTest, MemoryStaysSmallOverMuchInput) {
  for (const auto& entry : std::filesystem::directory_iterator(Top() + "/rules/detect")) {
    if (entry.path().extension() != ".xml") continue;
    directory_.Write("rules/" + entry.path().filename().string(), Slurp(entry.path()));
  }
  auto plugin = Start();
  ASSERT_TRUE(Logged("200900"));
  const std::string recorded = Slurp(testing_support::DataPath("exec_enriched.log.gz"));
  const std::size_t total = std::size_t{std::getenv("TLD_LONG") == nullptr ? 100u : 1024u} << 20;
  std::size_t written = 0;
  while (written < total) {
    ASSERT_TRUE(plugin->Write(recorded));
    written += recorded.size();
    // No faster than it is judged: all of it shall be.
    ASSERT_TRUE(Eventually(
        [&] {
          seen_.clear();
          TakeLines();
          return Status("input", "queue_bytes") < (32u << 20);
        },
        60));
  }
  ASSERT_TRUE(Eventually([&] { return Status("input", "bytes_judged") == written; }, 60));
  EXPECT_EQ(Status("dropped", "bytes_queue_full"), 0u);
  ExpectSmall(*plugin, 9 * 1024);  // with time windows that are full: the log never gets later
}

bool Has(const Receiver& receiver, const std::string& text) {
  const auto records = receiver.Records();
  return std::any_of(records.begin(), records.end(), [&](const std::string& record) {
    return record.find(text) != std::string::npos;
  });
}

/// `socket:[INODE]` of each socket that a process has.
std::set<std::string> SocketsOf(pid_t pid) {
  std::set<std::string> sockets;
  const std::string directory = "/proc/" + std::to_string(pid) + "/fd";
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry.path(), gone);
    if (target.starts_with("socket:")) sockets.insert(target);
  }
  return sockets;
}

/// The courier has the network: what it could ask the witness, others could.
TEST_F(LifeTest, AProgramInALoopDoesNotFloodSyslogAndTheStoreHasAll) {
  WriteConfig("repeat_interval = 3600\n");
  auto plugin = Start();
  constexpr int kRuns = 5000;
  std::string records;
  for (int i = 1; i <= kRuns; ++i) records += Nc(i);
  ASSERT_TRUE(plugin->Write(records));
  EXPECT_TRUE(Eventually([&] { return Count("100210 level=12 ") == 100; }));
  EXPECT_TRUE(Eventually([&] { return Status("input", "bytes_judged") == records.size(); }, 60));
  plugin->Close();
  EXPECT_EQ(plugin->Wait(kExitSeconds), 0);
  EXPECT_TRUE(
      Logged("200922 level=7 \"4900 more alerts of rule 100210, level 12, login user 1000"));
  EXPECT_EQ(Count("100210 level=12 "), 100u);
  EXPECT_EQ(Stored(directory_ / "store/alerts.db").size(), static_cast<std::size_t>(kRuns));
}

TEST_F(LifeTest, NoRoleHasASocketOfAnother) {
  Receiver receiver(Receiver::Behaviour::kRead);
  WriteConfig("[remote near]\nprotocol = tcp\naddress = 127.0.0.1:" +
              std::to_string(receiver.port()) + "\n");
  auto plugin = Start();
  ASSERT_TRUE(plugin->Write(Nc(1)));
  ASSERT_TRUE(Eventually([&] { return Has(receiver, ":1)") && plugin->Witness() != 0; }));
  std::vector<pid_t> roles = plugin->Children();
  ASSERT_EQ(roles.size(), 2u);
  roles.push_back(plugin->Witness());
  std::set<std::string> all;
  for (const pid_t role : roles) {
    const std::set<std::string> sockets = SocketsOf(role);
    EXPECT_FALSE(sockets.empty());
    for (const std::string& socket : sockets) {
      EXPECT_TRUE(all.insert(socket).second) << socket << " is had by two";
    }
  }
  EXPECT_EQ(SocketsOf(plugin->Witness()).size(), 1u);
}

TEST_F(LifeTest, RemotesComeAndGoByReloadAndTheCourierWithThem) {
  auto plugin = Start();
  ASSERT_TRUE(plugin->Write(Nc(1)));
  ASSERT_TRUE(Eventually([&] { return Stored(directory_ / "store/alerts.db").size() == 1; }));
  EXPECT_EQ(plugin->Children().size(), 1u);  // no courier without a remote
  Receiver receiver(Receiver::Behaviour::kRead);
  const std::string remote =
      "[remote near]\nprotocol = tcp\naddress = 127.0.0.1:" + std::to_string(receiver.port()) +
      "\n";
  WriteConfig(remote);
  ASSERT_TRUE(AskPlugin(directory_ / "run/control.sock", "reload"));
  ASSERT_TRUE(plugin->Write(Nc(2)));
  EXPECT_TRUE(Eventually([&] { return Has(receiver, ":2)"); }));
  EXPECT_FALSE(Has(receiver, ":1)"));  // from then on, not before
  EXPECT_EQ(plugin->Children().size(), 2u);
  // A second one begins with what comes; the first goes on where it was.
  Receiver second(Receiver::Behaviour::kRead);
  WriteConfig(remote + "[remote far]\nprotocol = tcp\naddress = 127.0.0.1:" +
              std::to_string(second.port()) + "\n");
  ASSERT_TRUE(AskPlugin(directory_ / "run/control.sock", "reload"));
  ASSERT_TRUE(plugin->Write(Nc(3)));
  EXPECT_TRUE(Eventually([&] { return Has(second, ":3)") && Has(receiver, ":3)"); }));
  EXPECT_FALSE(Has(second, ":2)"));
  // What a refused reload would have set does not count when the courier is started anew.
  WriteConfig("[remote near\n");
  ASSERT_TRUE(AskPlugin(directory_ / "run/control.sock", "reload"));
  kill(plugin->Children().at(1), SIGKILL);
  ASSERT_TRUE(plugin->Write(Nc(4)));
  EXPECT_TRUE(Eventually([&] { return Has(second, ":4)") && Has(receiver, ":4)"); }));
  WriteConfig("");
  ASSERT_TRUE(AskPlugin(directory_ / "run/control.sock", "reload"));
  EXPECT_TRUE(Eventually([&] { return plugin->Children().size() == 1; }));
  ASSERT_TRUE(plugin->Write(Nc(5)));
  EXPECT_TRUE(Logged(":5)"));
  EXPECT_FALSE(Has(receiver, ":5)"));
}

TEST_F(LifeTest, AKilledCourierIsStartedAgainAndSendsWhatIsLeft) {
  Receiver receiver(Receiver::Behaviour::kRead);
  WriteConfig("[remote near]\nprotocol = tcp\naddress = 127.0.0.1:" +
              std::to_string(receiver.port()) + "\n");
  auto plugin = Start();
  ASSERT_TRUE(plugin->Write(Nc(1)));
  ASSERT_TRUE(Eventually([&] { return Has(receiver, ":1)") && Has(receiver, "200900"); }));
  ASSERT_EQ(plugin->Children().size(), 2u);
  const pid_t courier = plugin->Children().at(1);
  kill(courier, SIGKILL);
  ASSERT_TRUE(plugin->Write(Nc(2)));
  EXPECT_TRUE(Eventually([&] { return Has(receiver, ":2)"); }));
  EXPECT_NE(plugin->Children().at(1), courier);
  // It ends with the plugin, however that ends.
  const pid_t again = plugin->Children().at(1);
  kill(plugin->pid(), SIGKILL);
  plugin->Wait(kExitSeconds);
  EXPECT_TRUE(Eventually([&] { return kill(again, 0) != 0; }));
}

TEST_F(LifeTest, ARemoteThatIsDownIsToldOnceAndGetsAllWhenItIsBack) {
  int port = 0;
  { port = Receiver(Receiver::Behaviour::kRead).port(); }
  WriteConfig("[remote near]\nprotocol = tcp\naddress = 127.0.0.1:" + std::to_string(port) + "\n");
  auto plugin = Start();
  ASSERT_TRUE(plugin->Write(Nc(1)));
  EXPECT_TRUE(Logged("200912 level=7 \"remote near: cannot connect to 127.0.0.1:"));
  EXPECT_TRUE(Logged("Connection refused; alerts wait in the store\""));
  EXPECT_GT(Status("remotes", "near", "queued"), 0u);
  Receiver receiver(Receiver::Behaviour::kRead, nullptr, port);
  EXPECT_TRUE(Eventually([&] { return Has(receiver, ":1)") && Has(receiver, "200912"); }, 30));
  EXPECT_TRUE(Eventually([&] { return Status("remotes", "near", "queued") == 0; }));
  EXPECT_EQ(Count("200912"), 1u);
  EXPECT_EQ(Count("200913"), 0u);  // at most one report a minute
}

TEST_F(LifeTest, OnlyTheCourierHasTheAgentsGroup) {
  if (getuid() != 0) return;  // others have no second group to give
  const std::string queue = directory_ / "queue";
  Fd agent(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(queue.begin(), queue.end(), address.sun_path);
  ASSERT_EQ(bind(agent.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const Result<gid_t> mail = FindGroup("mail");
  ASSERT_TRUE(mail);
  ASSERT_EQ(chown(queue.c_str(), 0, *mail), 0);
  ASSERT_EQ(chmod(queue.c_str(), 0660), 0);
  WriteConfig("[remote manager]\nprotocol = agent\ngroup = mail\nsocket = " + queue + "\n");
  auto plugin = Start();
  ASSERT_TRUE(plugin->Write(Nc(1)));
  std::string records;
  ASSERT_TRUE(Eventually([&] {
    char buffer[65536];
    const ssize_t n = recv(agent.get(), buffer, sizeof buffer, 0);
    if (n > 0) records.append(buffer, static_cast<std::size_t>(n));
    return records.find("\"command\":\"nc\"") != std::string::npos;
  }));
  const std::vector<pid_t> children = plugin->Children();
  ASSERT_EQ(children.size(), 2u);
  const std::string group = std::to_string(*mail);
  EXPECT_EQ(StatusLine(children[0], "Gid").find('\t' + group), std::string::npos);
  EXPECT_NE(StatusLine(children[1], "Gid").find('\t' + group), std::string::npos);
  // It ends with the front all the same: a change of the group takes the signal of that off.
  kill(plugin->pid(), SIGKILL);
  plugin->Wait(kExitSeconds);
  EXPECT_TRUE(Eventually([&] { return kill(children[1], 0) != 0; }));
}

TEST_F(LifeTest, HelpVersionAndATerminalAreAnsweredAtOnce) {
  const std::string program = BuildDirectory() + "/tld-audisp";
  EXPECT_EQ(WEXITSTATUS(std::system((program + " --help >/dev/null").c_str())), 0);
  EXPECT_EQ(WEXITSTATUS(std::system((program + " --version >/dev/null").c_str())), 0);
  EXPECT_NE(WEXITSTATUS(std::system((program + " --nonsense >/dev/null 2>&1").c_str())), 0);
}

}  // namespace
}  // namespace tld
