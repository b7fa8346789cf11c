// SPDX-License-Identifier: Apache-2.0
// The real kernel, auditd, rsyslogd and plugin together.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <memory>
#include <set>

#include "base/text.h"
#include "program/audit_rule_files.h"
#include "tests/live/host.h"
#include "tests/program/dispatcher.h"

namespace tld {
namespace {

using testing_support::Eventually;
using testing_support::FindLiveState;
using testing_support::LiveHost;
using testing_support::LiveState;
using testing_support::Output;
using testing_support::Slurp;

constexpr uid_t kUser = 1000;
const char kNc[] = "/usr/bin/nc";
const char kAlert[] =
    "100210 level=12 \"Audit: Highly Suspicious Command executed: /usr/bin/nc.openbsd\"";

class LiveTest : public testing::Test {
 protected:
  void Start(const LiveHost::Options& options = {}) {
    ASSERT_EQ(FindLiveState(), LiveState::kReady)
        << "live tests need root, and that no other auditd runs";
    host_ = std::make_unique<LiveHost>(options);
    ASSERT_EQ(host_->problem(), "");
    ASSERT_TRUE(host_->Logged("200900 level=5"));
  }
  void TearDown() override {
    if (HasFailure() && host_) {
      std::printf("--- syslog\n%s--- auditd\n%s", host_->Syslog().c_str(),
                  testing_support::Slurp(host_->path("auditd.out")).c_str());
    }
  }

  std::size_t CountLogged(const std::string& text) const {
    const std::string log = host_->Syslog();
    std::size_t count = 0;
    for (std::size_t at = 0; (at = log.find(text, at)) != log.npos; ++at) ++count;
    return count;
  }

  /// A number of the plugin's status; 0 when it is not there.
  std::uint64_t StatusNumber(const char* section, const char* name) const {
    std::string out;
    if (host_->Tldctl("status --json", &out) != 0) return 0;
    rapidjson::Document status;
    status.Parse(out.c_str());
    if (status.HasParseError() || !status.HasMember(section)) return 0;
    return status[section].HasMember(name) ? status[section][name].GetUint64() : 0;
  }

  /// Documents of a rule whose first argument is `argument` (all, when empty).
  std::vector<rapidjson::Document> Documents(const std::string& rule,
                                             const std::string& argument = "") const {
    std::vector<rapidjson::Document> found;
    for (const std::string& line : host_->Documents()) {
      rapidjson::Document document;
      document.Parse(line.c_str());
      EXPECT_FALSE(document.HasParseError()) << line;
      if (document.HasParseError() || document["rule"]["id"].GetString() != rule) continue;
      if (!argument.empty()) {
        if (!document.HasMember("data")) continue;
        const auto& audit = document["data"]["audit"];
        if (!audit.HasMember("execve") || !audit["execve"].HasMember("a1") ||
            audit["execve"]["a1"].GetString() != argument) {
          continue;
        }
      }
      found.push_back(std::move(document));
    }
    return found;
  }

  std::unique_ptr<LiveHost> host_;
};

TEST_F(LiveTest, TheStoryAUserRunsNcAndThenAsRootUnderSu) {
  Start();
  host_->RunAsLogin(kUser, {kNc, "-v"});
  ASSERT_TRUE(host_->Logged(kAlert));
  ASSERT_TRUE(host_->Logged("auid=1000"));
  host_->RunAsLogin(0, {"/usr/bin/su", "root", "-c", "nc -h"}, {"PATH=/usr/bin:/bin"});
  ASSERT_TRUE(Eventually([&] { return Documents("100210", "-h").size() == 1; }));
  const auto as_root = std::move(Documents("100210", "-h").at(0));
  EXPECT_STREQ(as_root["data"]["audit"]["auid"].GetString(), "1000");
  EXPECT_STREQ(as_root["data"]["audit"]["uid"].GetString(), "0");
  EXPECT_EQ(as_root["rule"]["level"].GetInt(), 12);
  const auto as_user = std::move(Documents("100210", "-v").at(0));
  EXPECT_STREQ(as_user["data"]["audit"]["uid"].GetString(), "1000");
  EXPECT_STREQ(as_user["data"]["audit"]["execve"]["cmdline"].GetString(), "/usr/bin/nc -v");
  // ausearch finds the event that the alert names.
  const std::string serial = as_user["data"]["audit"]["id"].GetString();
  const std::string found =
      Output("ausearch --input " + host_->path("audit/audit.log") + " -a " + serial + " 2>&1");
  EXPECT_NE(found.find("exe=\"/usr/bin/nc.openbsd\""), found.npos) << found;
  EXPECT_TRUE(Eventually([&] { return CountLogged("100210 level=12") == 2; }));
}

TEST_F(LiveTest, TheSameInRawFormat) {
  LiveHost::Options options;
  options.log_format = "RAW";
  Start(options);
  host_->RunAsLogin(kUser, {kNc, "-v"});
  EXPECT_TRUE(host_->Logged(kAlert));
}

TEST_F(LiveTest, HostileNamesMakeOneAlertOneLine) {
  Start();
  const std::string directory = host_->path("hostile");
  std::filesystem::create_directories(directory);
  chmod(directory.c_str(), 0755);
  const std::vector<std::string> names = {"a\n<10>Jan  1 00:00:00 forged: line",
                                          "b\x1b[2J",
                                          "c \"quoted\" \\",
                                          "d\x1dUID=\"root\"",
                                          "e key=(x)",
                                          "key=\"forged\"",
                                          "f\xff\xfe",
                                          "g\u202Etxt.exe",
                                          "3005",
                                          "(null)",
                                          "h=i j=k",
                                          "-rf"};
  for (const std::string& name : names) {
    std::filesystem::copy_file("/bin/true", directory + '/' + name);
    EXPECT_EQ(host_->RunAsLogin(kUser, {directory + '/' + name, "key=(forged)\n" + name}), 0);
  }
  // Programs in /tmp.
  ASSERT_TRUE(Eventually([&] { return Documents("200033").size() >= names.size(); }));
  std::set<std::string> exes;
  for (const std::string& line : host_->Documents()) {
    EXPECT_EQ(Shown(line), line);
    rapidjson::Document document;
    document.Parse(line.c_str());
    ASSERT_FALSE(document.HasParseError()) << line;
    if (!document.HasMember("data") || !document["data"].HasMember("audit")) continue;
    const auto& audit = document["data"]["audit"];
    if (!audit.HasMember("key") || !audit.HasMember("execve")) continue;
    EXPECT_STREQ(audit["key"].GetString(), "audit-wazuh-c");
    const bool raw = audit.HasMember("raw_hex") && audit["raw_hex"].HasMember("exe");
    const std::string exe =
        raw ? *HexDecode(audit["raw_hex"]["exe"].GetString()) : audit["exe"].GetString();
    if (exe.starts_with(directory)) exes.insert(exe.substr(directory.size() + 1));
  }
  EXPECT_EQ(exes, std::set<std::string>(names.begin(), names.end()));
}

TEST_F(LiveTest, ATwoMebibyteArgumentListAlertsAndNamesWhoAndWhat) {
  Start();
  std::vector<std::string> command = {kNc};
  for (int i = 0; i < 15; ++i) command.push_back(std::string(130'000, static_cast<char>('a' + i)));
  host_->RunAsLogin(kUser, command);
  ASSERT_TRUE(host_->Logged(kAlert));
  ASSERT_TRUE(Eventually([&] { return Documents("100210").size() == 1; }));
  const auto documents = Documents("100210");
  const auto& audit = documents[0]["data"]["audit"];
  EXPECT_STREQ(audit["exe"].GetString(), "/usr/bin/nc.openbsd");
  EXPECT_STREQ(audit["program"][0].GetString(), "nc");
  EXPECT_STREQ(audit["auid"].GetString(), "1000");
  EXPECT_STREQ(audit["truncated"].GetString(), "yes");
  EXPECT_STREQ(documents[0]["tld"]["truncated"][0].GetString(), "full_log");
}

TEST_F(LiveTest, AListChangedByTldctlIsLiveAndNothingIsLost) {
  Start();
  constexpr int kRuns = 60;
  const pid_t load = fork();
  if (load == 0) {
    for (int i = 0; i < kRuns; ++i) host_->RunAsLogin(kUser, {"/bin/true", "load"});
    _exit(0);
  }
  std::string out;
  EXPECT_EQ(host_->Tldctl("list add -- suspicious-programs true red", &out), 0) << out;
  host_->RunAsLogin(kUser, {"/bin/true", "after-add"});
  EXPECT_TRUE(Eventually([&] { return Documents("100210", "after-add").size() == 1; }));
  EXPECT_EQ(host_->Tldctl("list remove -- suspicious-programs true", &out), 0) << out;
  host_->RunAsLogin(kUser, {"/bin/true", "after-remove"});
  EXPECT_TRUE(Eventually([&] { return Documents("80792", "after-remove").size() == 1; }));
  int status = 0;
  waitpid(load, &status, 0);
  EXPECT_TRUE(Eventually([&] {
    return Documents("100210", "load").size() + Documents("80792", "load").size() == kRuns;
  }));
  EXPECT_GT(CountLogged("100210 level=12"), 0u);
}

TEST_F(LiveTest, ABrokenRuleFileIsRefusedAndTheOldPolicyStays) {
  Start();
  host_->directory().Write("rules/zz-broken.xml",
                           "<group name=\"x,\">\n  <rule id=\"100600\" level=\"3\">\n    <tpyo/>\n"
                           "    <description>d</description>\n  </rule>\n</group>\n");
  std::string out;
  EXPECT_EQ(host_->Tldctl("reload", &out), 1);
  EXPECT_NE(out.find("zz-broken.xml:3:5: error: a rule has no option <tpyo> [rule 100600]"),
            out.npos)
      << out;
  EXPECT_TRUE(host_->Logged("200904 level=8"));
  host_->RunAsLogin(kUser, {kNc, "-v"});
  EXPECT_TRUE(host_->Logged(kAlert));
  EXPECT_EQ(host_->Tldctl("status", &out), 0) << out;
  std::filesystem::remove(host_->path("rules/zz-broken.xml"));
  EXPECT_EQ(host_->Tldctl("reload", &out), 0) << out;
}

TEST_F(LiveTest, AKilledSensorComesBackAndAlertsGoOn) {
  Start();
  const pid_t front = host_->Front();
  const pid_t sensor = host_->Sensor();
  ASSERT_GT(sensor, 0);
  kill(sensor, SIGKILL);
  ASSERT_TRUE(Eventually([&] { return host_->Sensor() > 0 && host_->Sensor() != sensor; }));
  host_->RunAsLogin(kUser, {kNc, "-v"});
  EXPECT_TRUE(host_->Logged(kAlert));
  EXPECT_EQ(host_->Front(), front);
}

TEST_F(LiveTest, AKilledPluginIsStartedAgainByAuditd) {
  Start();
  const pid_t front = host_->Front();
  const pid_t sensor = host_->Sensor();
  kill(front, SIGKILL);
  kill(sensor, SIGKILL);
  // auditd notices at its next write, and that record begins the new plugin's input.
  EXPECT_TRUE(Eventually([&] {
    host_->RunAsLogin(kUser, {kNc, "-v"});
    return CountLogged(kAlert) > 0;
  }));
  EXPECT_NE(host_->Front(), front);
  EXPECT_EQ(CountLogged("200900 level=5"), 2u);
}

/// So many execs that fail: what comes without the price of new processes.
void CallExec(int calls) {
  char program[] = "/nonexistent/storm";
  char* argv[] = {program, nullptr};
  char* envp[] = {nullptr};
  for (int i = 0; i < calls; ++i) execve(program, argv, envp);
}

TEST_F(LiveTest, AStormComesThroughWhole) {
  Start();
  constexpr int kCalls = 20'000;
  const std::uint64_t lost_before = LiveHost::Kernel("lost");
  host_->CallAsLogin(kUser, [] { CallExec(kCalls); });
  host_->RunAsLogin(kUser, {kNc, "-v"});
  EXPECT_TRUE(host_->Logged(kAlert, 60));
  EXPECT_EQ(LiveHost::Kernel("lost"), lost_before);
  EXPECT_EQ(StatusNumber("dropped", "lines_queue_full"), 0u);
  std::size_t storm = 0;
  std::uint64_t last = 0;
  EXPECT_EQ(Documents("200062").size(), 1u);  // and that it was one, for 60 s
  for (const auto& document : Documents("80792")) {
    EXPECT_GT(document["tld"]["seq"].GetUint64(), last);
    last = document["tld"]["seq"].GetUint64();
    const auto& audit = document["data"]["audit"];
    if (audit.HasMember("file") && audit["file"]["name"].IsString() &&
        std::string_view(audit["file"]["name"].GetString()) == "/nonexistent/storm") {
      ++storm;
    }
  }
  EXPECT_EQ(storm, static_cast<std::size_t>(kCalls) - 1);
}

TEST_F(LiveTest, WhatTheKernelDropsIsTold) {
  Start();
  ASSERT_TRUE(Eventually([&] { return StatusNumber("kernel", "backlog_limit") > 0; }));
  const std::string limit = std::to_string(LiveHost::Kernel("backlog_limit"));
  const std::string wait = std::to_string(LiveHost::Kernel("backlog_wait_time"));
  const auto auditd = static_cast<pid_t>(LiveHost::Kernel("pid"));
  ASSERT_EQ(LiveHost::Auditctl("-b 64"), 0);
  ASSERT_EQ(LiveHost::Auditctl("--backlog_wait_time 0"), 0);  // drops instead of waiting
  kill(auditd, SIGSTOP);
  host_->CallAsLogin(kUser, [] { CallExec(5000); });
  EXPECT_TRUE(host_->Logged("200916 level=12 \"the kernel dropped "));
  kill(auditd, SIGCONT);
  LiveHost::Auditctl("-b " + limit);
  LiveHost::Auditctl("--backlog_wait_time " + wait);
  host_->RunAsLogin(kUser, {kNc, "-v"});
  EXPECT_TRUE(host_->Logged(kAlert, 60));
}

TEST_F(LiveTest, TheExceptionForThePluginHidesNobodyElse) {
  Start();
  // A library that reads a watched file as soon as it is loaded.
  const std::string source = host_->directory().Write(
      "reader.c",
      "#include <fcntl.h>\n#include <unistd.h>\n"
      "__attribute__((constructor)) static void f(void)\n"
      "{ int fd = open(\"" +
          host_->path("secret") + "\", O_RDONLY); if (fd >= 0) close(fd); }\n");
  const std::string library = host_->path("reader.so");
  ASSERT_EQ(std::system(("cc -shared -fPIC -o " + library + ' ' + source).c_str()), 0);
  chmod(library.c_str(), 0755);
  chmod(host_->directory().Write("secret", "s").c_str(), 0644);
  // The exception as it is installed; it must come before the watch.
  LiveHost::Auditctl("-D");
  const std::string file =
      host_->directory().Write("20.rules", ExceptionAuditRules(host_->plugin(), 65534));
  ASSERT_EQ(LiveHost::Auditctl("-R " + file), 0);
  ASSERT_EQ(LiveHost::Auditctl("-a always,exit -F path=" + host_->path("secret") +
                               " -F perm=r -F key=audit-wazuh-r"),
            0);
  const std::vector<std::string> preload = {"LD_PRELOAD=" + library};
  host_->RunAsLogin(kUser, {host_->plugin(), "--version"}, preload);
  const auto reads = [&] { return Documents("80784").size(); };
  ASSERT_TRUE(Eventually([&] { return reads() == 1; }));
  host_->RunAsLogin(65534, {host_->plugin(), "--version"}, preload, 1000);  // the uid, but a login
  ASSERT_TRUE(Eventually([&] { return reads() == 2; }));
  host_->RunAsLogin(kUser, {host_->plugin(), "--version"}, preload, -1);  // no login, another uid
  ASSERT_TRUE(Eventually([&] { return reads() == 3; }));
  host_->RunAsLogin(65534, {host_->plugin(), "--version"}, preload, -1);  // just like the plugin
  host_->RunAsLogin(kUser, {host_->plugin(), "--version"}, preload);
  ASSERT_TRUE(Eventually([&] { return reads() == 4; }));  // the last one; that before is not there
}

TEST_F(LiveTest, AMissingUserIsToldAndDoesNotStopIt) {
  LiveHost::Options options;
  options.user = "no-such-user";
  Start(options);
  EXPECT_TRUE(host_->Logged("200902 level=10"));
  EXPECT_EQ(testing_support::StatusLine(host_->Sensor(), "Uid").substr(0, 5), "65534");
  host_->RunAsLogin(kUser, {kNc, "-v"});
  EXPECT_TRUE(host_->Logged(kAlert));
}

/// A kernel without auditing cannot run any of this; that is said, and counted as nothing.
class SayWhy : public testing::Environment {
 public:
  void SetUp() override {
    if (FindLiveState() != LiveState::kNoKernelAudit) return;
    std::puts("live tests: this kernel has no auditing, none of them can run");
    std::exit(77);
  }
};
[[maybe_unused]] const testing::Environment* const kSayWhy =
    testing::AddGlobalTestEnvironment(new SayWhy);

TEST_F(LiveTest, TheDoctorFollowsACommandAndSaysWhereItIsLost) {
  Start();
  std::string out;
  EXPECT_EQ(host_->Tldctl("doctor", &out), 0) << out;
  EXPECT_NE(out.find("ok      auditd runs, as process "), out.npos) << out;
  EXPECT_NE(out.find("ok      the plugin runs\n"), out.npos) << out;
  EXPECT_NE(out.find("ok      the kernel records what is run, under a key that is known\n"),
            out.npos)
      << out;
  EXPECT_NE(out.find("ok      a marked command was run and its alert stored within "), out.npos)
      << out;
  EXPECT_NE(out.find("ok      the alert store is whole\n"), out.npos) << out;
  // The plugin has not heard of this remote; the doctor tries it by itself. Nobody listens there.
  const std::string settings = Slurp(host_->path("tld.conf"));
  host_->directory().Write("tld.conf",
                           settings + "\n[remote dead]\nprotocol = tcp\naddress = 127.0.0.1:9\n");
  EXPECT_EQ(host_->Tldctl("doctor", &out), 1);
  EXPECT_NE(out.find("broken  remote dead: "), out.npos) << out;
  host_->directory().Write("tld.conf", settings);
  // The first rule that matches takes the event: an unknown key hides it from the rules.
  LiveHost::Auditctl("-D");
  LiveHost::Auditctl("-a always,exit -F arch=b64 -S execve -F 'auid>=1000' -F key=other");
  EXPECT_EQ(host_->Tldctl("doctor", &out), 1);
  EXPECT_NE(out.find("broken  the kernel records what is run, but under a key that the list "
                     "audit-keys does not call 'command'\n        tldctl list add audit-keys KEY "
                     "command\n"),
            out.npos)
      << out;
  LiveHost::Auditctl("-D");
  EXPECT_EQ(host_->Tldctl("doctor --json", &out), 1);
  EXPECT_NE(
      out.find("{\"check\":\"rules\",\"state\":\"broken\",\"text\":\"no audit rule records what "
               "is run\",\"mend\":"),
      out.npos)
      << out;
  EXPECT_NE(out.find("{\"check\":\"exec\",\"state\":\"broken\","), out.npos) << out;
}

}  // namespace
}  // namespace tld
