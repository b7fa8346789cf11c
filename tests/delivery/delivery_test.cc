// SPDX-License-Identifier: Apache-2.0
// The plugin delivers to a real rsyslogd.
#include <gtest/gtest.h>
#include <rapidjson/document.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "deliver/database.h"
#include "program/control.h"
#include "tests/deliver/receiver.h"
#include "tests/delivery/rsyslog.h"
#include "tests/program/dispatcher.h"
#include "tests/support.h"

namespace tld {
namespace {

using testing_support::BuildDirectory;
using testing_support::Dispatcher;
using testing_support::Eventually;
using testing_support::ExecRecords;
using testing_support::FreePort;
using testing_support::Rsyslogd;
using testing_support::Slurp;
using testing_support::TemporaryDirectory;
using testing_support::TestCa;
using testing_support::Top;
using Strings = std::vector<std::string>;

/// `INSTANCE-SEQ` and document of an alert.
using Known = std::pair<std::string, std::string>;

class DeliveryTest : public testing::Test {
 protected:
  DeliveryTest() : ca_(Prepared(directory_.path()), "ca"), port_(FreePort()) {
    directory_.Write("rules/0365-base.xml", Slurp(Top() + "/rules/detect/0365-base.xml"));
    directory_.Write("rules/local_rules.xml", Slurp(Top() + "/conf/local_rules.xml"));
    for (const char* name : {"audit-keys", "suspicious-programs"}) {
      directory_.Write(std::string("lists/") + name, Slurp(Top() + "/lists/" + name));
    }
  }

  static std::string Prepared(const std::string& path) {
    chmod(path.c_str(), 0755);
    return path;
  }

  void Settings(const std::string& more) {
    directory_.Write("tld.conf",
                     "[plugin]\nuser = nobody\nrun_directory = " + (directory_ / "run") +
                         "\nstate_directory = " + (directory_ / "state") +
                         "\n[rules]\npaths = " + (directory_ / "rules") +
                         "\n[lists]\ndirectories = " + (directory_ / "lists") + "\ncompiled = " +
                         (directory_ / "compiled") + "\n[store]\npath = " + Store() +
                         "\n[syslog]\nsocket = " + (directory_ / "log") + "\n" + more);
  }
  std::string Remote(const std::string& name, const std::string& protocol,
                     const std::string& more = "") const {
    return "[remote " + name + "]\nprotocol = " + protocol +
           "\naddress = localhost:" + std::to_string(port_) + "\n" + more;
  }
  /// Settings of a client certificate that the plugin's user may read and others not.
  std::string Certificates(const TestCa& issuer) {
    const TestCa::Issued own = issuer.Issue("host1");
    chmod(own.key.c_str(), 0640);
    if (getuid() == 0) static_cast<void>(!chown(own.key.c_str(), 65534, 65534));
    return "ca = " + ca_.certificate() + "\ncertificate = " + own.certificate +
           "\nkey = " + own.key + "\n";
  }
  std::string Store() const { return directory_ / "store/alerts.db"; }

  std::unique_ptr<Dispatcher> Start() {
    return std::make_unique<Dispatcher>(BuildDirectory() + "/tld-audisp",
                                        Strings{"--conf=" + (directory_ / "tld.conf")},
                                        Dispatcher::Start::kFirst);
  }

  /// Everything that was stored, from level 5 up, in order.
  std::vector<Known> Stored() const {
    std::vector<Known> stored;
    Result<Database> database = Database::Open(Store(), Database::Mode::kRead);
    if (!database) return stored;
    Result<Statement> rows = database->Prepare(
        "SELECT instance || '-' || seq, document FROM alert WHERE level >= 5 ORDER BY id");
    while (rows && rows->Step() == SQLITE_ROW) {
      stored.emplace_back(rows->Text(0), rows->Text(1));
    }
    return stored;
  }

  /// All that is stored has come, each the first time in order, and nothing else has.
  static void ExpectAll(const std::vector<Known>& stored, const Strings& ids) {
    std::set<std::string> seen;
    Strings first;
    for (const std::string& id : ids) {
      if (seen.insert(id).second) first.push_back(id);
    }
    Strings expected;
    for (const Known& alert : stored) expected.push_back(alert.first);
    EXPECT_EQ(first.size(), expected.size());
    EXPECT_EQ(first, expected);
  }

  /// Alerts that came, by the line's first two words.
  static Strings Ids(const Strings& lines) {
    Strings ids;
    for (const std::string& line : lines) ids.push_back(line.substr(0, line.find(' ')));
    return ids;
  }

  std::string RelpInput(bool tls) {
    std::string input = "module(load=\"imrelp\"";
    if (tls) input += " tls.tlslib=\"openssl\"";
    input += ")\ninput(type=\"imrelp\" port=\"" + std::to_string(port_) + "\" ruleset=\"alerts\"";
    if (tls) {
      const TestCa::Issued own = ca_.Issue("localhost");
      input += " tls=\"on\" tls.cacert=\"" + ca_.certificate() + "\" tls.mycert=\"" +
               own.certificate + "\" tls.myprivkey=\"" + own.key +
               "\" tls.authmode=\"name\" tls.permittedpeer=\"host1\"";
    }
    return input + ")";
  }
  std::string TcpInput(bool tls) {
    if (!tls) {
      return "module(load=\"imtcp\")\ninput(type=\"imtcp\" port=\"" + std::to_string(port_) +
             "\" ruleset=\"alerts\")";
    }
    const TestCa::Issued own = ca_.Issue("localhost");
    return "module(load=\"imtcp\")\ninput(type=\"imtcp\" port=\"" + std::to_string(port_) +
           "\" ruleset=\"alerts\" streamdriver.name=\"ossl\" streamdriver.mode=\"1\" "
           "streamdriver.authmode=\"x509/name\" permittedpeer=\"host1\" "
           "streamdriver.cafile=\"" +
           ca_.certificate() + "\" streamdriver.certfile=\"" + own.certificate +
           "\" streamdriver.keyfile=\"" + own.key + "\")";
  }

  static std::string Nc(int serial) { return ExecRecords("nc", "/usr/bin/nc.openbsd", serial); }

  TemporaryDirectory directory_;
  TestCa ca_;
  int port_;
};

/// How rsyslog has read the structured data: instance and seq out of it, then the message.
constexpr char kShape[] =
    "%structured-data:R,ERE,1,FIELD:instance=\\\"([0-9a-f]+)--end%-%structured-data:R,ERE,1,FIELD:"
    "seq=\\\"([0-9]+)--end% %syslogseverity% %app-name% %structured-data% %msg%";

TEST_F(DeliveryTest, RelpOverTlsWithCertificatesOfBothSides) {
  Settings(Remote("central", "relp+tls", Certificates(ca_)));
  Rsyslogd rsyslogd(directory_, RelpInput(true), kShape);
  ASSERT_TRUE(rsyslogd.Start(port_)) << rsyslogd.Errors();
  auto plugin = Start();
  std::string log;
  for (int i = 1; i <= 300; ++i) log += Nc(i);
  ASSERT_TRUE(plugin->Write(log));
  ASSERT_TRUE(Eventually(
      [&] { return Stored().size() >= 301 && rsyslogd.Lines().size() >= Stored().size(); }, 30))
      << rsyslogd.Errors();
  const std::vector<Known> stored = Stored();
  const Strings lines = rsyslogd.Lines();
  EXPECT_EQ(Ids(lines).size(), stored.size());  // no duplicate without a break
  ExpectAll(stored, Ids(lines));
  // What rsyslog has read is what was stored.
  std::size_t same = 0;
  for (std::size_t i = 0; i < std::min(lines.size(), stored.size()); ++i) {
    same += lines[i].ends_with(" " + stored[i].second) ? 1 : 0;
  }
  EXPECT_EQ(same, stored.size()) << lines.back();
  EXPECT_NE(lines.back().find(" 2 tld-audisp [tld@32473 "), std::string::npos) << lines.back();
}

TEST_F(DeliveryTest, RelpRefusesAStrangersCertificate) {
  TestCa other(directory_.path(), "other");
  Settings(Remote("central", "relp+tls", Certificates(other)));
  Rsyslogd rsyslogd(directory_, RelpInput(true), kShape);
  ASSERT_TRUE(rsyslogd.Start(port_)) << rsyslogd.Errors();
  auto plugin = Start();
  ASSERT_TRUE(plugin->Write(Nc(1)));
  std::string problem;
  ASSERT_TRUE(Eventually(
      [&] {
        const Result<std::string> answer = AskPlugin(directory_ / "run/control.sock", "status");
        rapidjson::Document status;
        if (!answer || status.Parse(answer->c_str()).HasParseError()) return false;
        if (!status["remotes"].HasMember("central")) return false;
        problem = status["remotes"]["central"]["problem"].GetString();
        return !problem.empty();
      },
      20));
  EXPECT_TRUE(problem.starts_with("RELP with localhost: ")) << problem;
  EXPECT_TRUE(rsyslogd.Lines().empty());
}

TEST_F(DeliveryTest, SyslogOverTlsAndTcp) {
  for (const bool tls : {true, false}) {
    std::remove((directory_ / "received.log").c_str());
    port_ = FreePort();
    Settings(Remote(tls ? "tls" : "tcp", tls ? "tls" : "tcp", tls ? Certificates(ca_) : ""));
    Rsyslogd rsyslogd(directory_, TcpInput(tls), kShape);
    ASSERT_TRUE(rsyslogd.Start(port_)) << rsyslogd.Errors();
    const std::size_t before = Stored().size();
    auto plugin = Start();
    std::string log;
    for (int i = 1; i <= 200; ++i) log += Nc(i);
    ASSERT_TRUE(plugin->Write(log));
    ASSERT_TRUE(Eventually(
        [&] {
          return Stored().size() >= before + 201 &&
                 rsyslogd.Lines().size() >= Stored().size() - before;
        },
        30))
        << rsyslogd.Errors();
    std::vector<Known> stored = Stored();
    stored.erase(stored.begin(), stored.begin() + static_cast<long>(before));
    ExpectAll(stored, Ids(rsyslogd.Lines()));
    plugin->Close();
    EXPECT_EQ(plugin->Wait(15), 0);
  }
}

/// Kills at random moments, of plugin and receiver alike: what was committed arrives, in order.
TEST_F(DeliveryTest, WhatIsStoredArrivesWhoeverIsKilled) {
  Settings(Remote("central", "relp+tls", Certificates(ca_)));
  Rsyslogd rsyslogd(directory_, RelpInput(true), kShape);
  ASSERT_TRUE(rsyslogd.Start(port_)) << rsyslogd.Errors();
  std::mt19937 random(3);
  const int kills = std::getenv("TLD_LONG") != nullptr ? 200 : 20;
  for (int i = 0; i < kills; ++i) {
    if (i % 4 == 2) rsyslogd.Stop();
    if (i % 4 == 0 && i > 0) {
      ASSERT_TRUE(rsyslogd.Start(port_));
    }
    auto plugin = Start();
    std::string log;
    for (int serial = 1; serial <= 60; ++serial) log += Nc(serial);
    ASSERT_TRUE(plugin->Write(log));
    usleep(static_cast<useconds_t>(random() % 400'000));
    for (const pid_t child : plugin->Children()) kill(child, SIGKILL);
    kill(plugin->pid(), SIGKILL);
    plugin->Wait(15);
  }
  rsyslogd.Stop();
  ASSERT_TRUE(rsyslogd.Start(port_));
  auto plugin = Start();
  ASSERT_TRUE(plugin->Write(Nc(1)));
  ASSERT_TRUE(Eventually(
      [&] {
        const std::vector<Known> stored = Stored();
        const Strings ids = Ids(rsyslogd.Lines());
        return !stored.empty() &&
               stored.back().second.find("\"command\":\"nc\"") != stored.back().second.npos &&
               std::find(ids.begin(), ids.end(), stored.back().first) != ids.end();
      },
      60))
      << rsyslogd.Errors();
  const std::vector<Known> stored = Stored();
  EXPECT_GT(stored.size(), static_cast<std::size_t>(kills));
  const Strings ids = Ids(rsyslogd.Lines());
  ExpectAll(stored, ids);
  RecordProperty("stored", static_cast<int>(stored.size()));
  RecordProperty("duplicates", static_cast<int>(ids.size() - std::min(ids.size(), stored.size())));
}

TEST_F(DeliveryTest, AWeekWithoutAReceiverLosesNothing) {
  Settings(Remote("central", "relp", "") + "[store]\ndays = 3\n");
  Rsyslogd rsyslogd(directory_, RelpInput(false), kShape);
  ASSERT_TRUE(rsyslogd.Start(port_)) << rsyslogd.Errors();
  {
    auto plugin = Start();
    ASSERT_TRUE(plugin->Write(Nc(1)));
    ASSERT_TRUE(Eventually([&] { return rsyslogd.Lines().size() >= 2; }, 30)) << rsyslogd.Errors();
    plugin->Close();
    plugin->Wait(15);
  }
  rsyslogd.Stop();
  {
    auto plugin = Start();
    std::string log;
    for (int i = 1; i <= 500; ++i) log += Nc(i);
    ASSERT_TRUE(plugin->Write(log));
    ASSERT_TRUE(Eventually([&] { return Stored().size() >= 502; }, 30));
    plugin->Close();
    plugin->Wait(15);
  }
  {
    Result<Database> database = Database::Open(Store(), Database::Mode::kWrite);
    ASSERT_TRUE(database &&
                database->Run("UPDATE alert SET stored_us = stored_us - 7 * 86400000000"));
  }
  const std::vector<Known> stored = Stored();
  auto plugin = Start();  // all is older than it may be, and still to be delivered
  ASSERT_TRUE(plugin->Write(Nc(7)));
  ASSERT_TRUE(Eventually([&] { return Stored().size() > stored.size(); }));
  usleep(1'500'000);
  ASSERT_TRUE(rsyslogd.Start(port_));
  ASSERT_TRUE(Eventually([&] { return rsyslogd.Lines().size() > stored.size(); }, 90))
      << rsyslogd.Lines().size();
  const Strings ids = Ids(rsyslogd.Lines());
  for (const Known& alert : stored) {
    EXPECT_TRUE(std::find(ids.begin(), ids.end(), alert.first) != ids.end()) << alert.first;
  }
}

TEST_F(DeliveryTest, OneOfTwoIsDeadAndTheOtherGetsAll) {
  Settings(Remote("good", "relp", "") + "[remote dead]\nprotocol = relp\naddress = localhost:" +
           std::to_string(FreePort()) + "\n");
  Rsyslogd rsyslogd(directory_, RelpInput(false), kShape);
  ASSERT_TRUE(rsyslogd.Start(port_)) << rsyslogd.Errors();
  auto plugin = Start();
  for (int round = 0; round < 5; ++round) {
    std::string log;
    for (int i = 1; i <= 40; ++i) log += Nc(round * 40 + i);
    ASSERT_TRUE(plugin->Write(log));
    usleep(100'000);
  }
  ASSERT_TRUE(Eventually(
      [&] { return Stored().size() >= 201 && rsyslogd.Lines().size() >= Stored().size(); }, 30));
  ExpectAll(Stored(), Ids(rsyslogd.Lines()));
}

}  // namespace
}  // namespace tld
