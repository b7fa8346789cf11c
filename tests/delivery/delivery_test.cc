// SPDX-License-Identifier: Apache-2.0
// The plugin delivers to a real rsyslogd.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <rapidjson/document.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <thread>

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

/// Speaks as much of the bulk protocol of OpenSearch as rsyslog needs: for each document an action
/// line with index and id, and the document.
class BulkServer {
 public:
  BulkServer() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), port_(FreePort()) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    listen(listener_.get(), 4);
    thread_ = std::thread([this] { Run(); });
  }
  ~BulkServer() {
    stop_ = true;
    thread_.join();
    for (std::thread& connection : connections_) connection.join();
  }
  int port() const { return port_; }
  std::map<std::string, std::string> Documents() const {
    const std::lock_guard lock(mutex_);
    return documents_;
  }
  std::string index_name() const {
    const std::lock_guard lock(mutex_);
    return index_;
  }

 private:
  void Run() {
    while (!stop_) {
      pollfd fd{listener_.get(), POLLIN, 0};
      if (poll(&fd, 1, 20) <= 0) continue;
      connections_.emplace_back([this, connection = accept4(listener_.get(), nullptr, nullptr,
                                                            SOCK_CLOEXEC)] { Serve(connection); });
    }
  }

  void Serve(int connection) {
    const Fd fd(connection);
    const timeval patience{0, 50'000};
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::string buffer;
    char bytes[65536];
    for (ssize_t n = 1; !stop_ && n != 0;) {
      n = recv(fd.get(), bytes, sizeof bytes, 0);
      if (n > 0) buffer.append(bytes, static_cast<std::size_t>(n));
      if (n < 0 && errno != EAGAIN) break;
      Answer(fd.get(), buffer);
    }
  }

  void Answer(int fd, std::string& buffer) {
    const std::size_t head = buffer.find("\r\n\r\n");
    if (head == buffer.npos) return;
    const std::size_t length_at = buffer.find("Content-Length: ");
    const std::size_t length =
        length_at < head ? std::stoul(buffer.substr(length_at + 16)) : std::size_t{0};
    if (buffer.size() < head + 4 + length) {
      if (buffer.find("Expect: 100-continue") < head && buffer.size() == head + 4) {
        Write(fd, "HTTP/1.1 100 Continue\r\n\r\n");
      }
      return;
    }
    const std::string body = Take(buffer.substr(head + 4, length));
    buffer.erase(0, head + 4 + length);
    Write(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                  std::to_string(body.size()) + "\r\n\r\n" + body);
  }

  static void Write(int fd, const std::string& text) {
    static_cast<void>(!send(fd, text.data(), text.size(), MSG_NOSIGNAL));
  }

  /// The answer to a bulk request.
  std::string Take(const std::string& body) {
    const std::lock_guard lock(mutex_);
    std::string items;
    for (std::size_t at = 0; at < body.size();) {
      const std::size_t action_end = std::min(body.find('\n', at), body.size());
      const std::size_t end = std::min(body.find('\n', action_end + 1), body.size());
      rapidjson::Document action;
      action.Parse(body.substr(at, action_end - at).c_str());
      if (!action.HasParseError() && action.IsObject() && action.HasMember("index")) {
        index_ = action["index"]["_index"].GetString();
        documents_[action["index"]["_id"].GetString()] =
            body.substr(action_end + 1, end - action_end - 1);
        items += (items.empty() ? "" : ",") + std::string("{\"index\":{\"status\":201}}");
      }
      at = end + 1;
    }
    return "{\"took\":1,\"errors\":false,\"items\":[" + items + "]}";
  }

  Fd listener_;
  int port_;
  std::atomic<bool> stop_{false};
  mutable std::mutex mutex_;
  std::map<std::string, std::string> documents_;
  std::string index_;
  std::thread thread_;
  std::vector<std::thread> connections_;
};

/// `INSTANCE-SEQ` and document of an alert.
using Known = std::pair<std::string, std::string>;

/// How rsyslog has read the structured data: instance and seq out of it, then the message.
constexpr char kShape[] =
    "%structured-data:R,ERE,1,FIELD:instance=\\\"([0-9a-f]+)--end%-%structured-data:R,ERE,1,FIELD:"
    "seq=\\\"([0-9]+)--end% %syslogseverity% %app-name% %structured-data% %msg%";

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
    directory_.Write(
        "tld.conf",
        "[plugin]\nkernel_status = no\nuser = nobody\nrun_directory = " + (directory_ / "run") +
            "\nstate_directory = " + (directory_ / "state") + "\n[rules]\npaths = " +
            (directory_ / "rules") + "\n[lists]\ndirectories = " + (directory_ / "lists") +
            "\ncompiled = " + (directory_ / "compiled") + "\n[store]\npath = " + Store() +
            "\n[syslog]\nlevel = 16\n" + more);  // none: the remotes have it
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

  std::unique_ptr<Dispatcher> Start() { return Start(BuildDirectory()); }
  std::unique_ptr<Dispatcher> Start(const std::string& built) {
    return std::make_unique<Dispatcher>(built + "/tld-audisp",
                                        Strings{"--conf=" + (directory_ / "tld.conf")},
                                        Dispatcher::Start::kFirst);
  }

  /// What the plugin says that is wrong with the remote `central`, once something is.
  std::string Problem() const {
    std::string problem;
    const bool told = Eventually(
        [&] {
          const Result<std::string> answer = AskPlugin(directory_ / "run/control.sock", "status");
          rapidjson::Document status;
          if (!answer || status.Parse(answer->c_str()).HasParseError()) return false;
          if (!status["remotes"].HasMember("central")) return false;
          problem = status["remotes"]["central"]["problem"].GetString();
          return !problem.empty();
        },
        20);
    return told ? problem : "no problem";
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

  /// Waits until `least` alerts more than `before` are stored and as many lines have come; both, as
  /// they were then: the plugin may have more to say of itself.
  bool ReceivesAll(const Rsyslogd& rsyslogd, std::size_t before, std::size_t least,
                   std::vector<Known>& stored, Strings& lines) const {
    return Eventually(
        [&] {
          stored = Stored();
          lines = rsyslogd.Lines();
          if (stored.size() < before + least || lines.size() != stored.size() - before)
            return false;
          stored.erase(stored.begin(), stored.begin() + static_cast<long>(before));
          return true;
        },
        30);
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

  std::string Received() const { return Rsyslogd::ToReceived(directory_, kShape); }

  static std::string Nc(int serial) { return ExecRecords("nc", "/usr/bin/nc.openbsd", serial); }

  TemporaryDirectory directory_;
  TestCa ca_;
  int port_;
};

TEST_F(DeliveryTest, RelpOverTlsWithCertificatesOfBothSides) {
  Settings(Remote("central", "relp+tls", Certificates(ca_)));
  Rsyslogd rsyslogd(directory_, RelpInput(true) + Received());
  ASSERT_TRUE(rsyslogd.Start(port_)) << rsyslogd.Errors();
  auto plugin = Start();
  std::string log;
  for (int i = 1; i <= 300; ++i) log += Nc(i);
  ASSERT_TRUE(plugin->Write(log));
  std::vector<Known> stored;
  Strings lines;
  ASSERT_TRUE(ReceivesAll(rsyslogd, 0, 301, stored, lines)) << rsyslogd.Errors();
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
  Rsyslogd rsyslogd(directory_, RelpInput(true) + Received());
  ASSERT_TRUE(rsyslogd.Start(port_)) << rsyslogd.Errors();
  auto plugin = Start();
  ASSERT_TRUE(plugin->Write(Nc(1)));
  const std::string problem = Problem();
  EXPECT_TRUE(problem.starts_with("RELP with localhost: ")) << problem;
  EXPECT_TRUE(rsyslogd.Lines().empty());
}

/// As after an upgrade, until auditd starts the plugin anew: the two are of one build.
TEST_F(DeliveryTest, AModuleThatDoesNotFitIsTold) {
  const std::string built = directory_ / "build";
  std::filesystem::create_directory(built);
  std::filesystem::copy(BuildDirectory() + "/tld-audisp", built);
  chmod(built.c_str(), 0755);
  directory_.Write("rules/detect/0365-base.xml", "");  // makes it a checkout
  Settings(Remote("central", "relp+tls", Certificates(ca_)));
  std::string module = Slurp(BuildDirectory() + "/tls.so");
  const std::size_t version = module.find(std::string(TLD_VERSION) + '\0');
  ASSERT_NE(version, module.npos);
  module[version] = '9';
  for (const auto& [bytes, problem] : {std::pair(module, "/build/tls.so is of version 9"),
                                       {"junk", "/build/tls.so: file too short"}}) {
    directory_.Write("build/tls.so", bytes);
    auto plugin = Start(built);
    EXPECT_NE(Problem().find(problem), std::string::npos) << Problem();
    plugin->Close();
    EXPECT_EQ(plugin->Wait(20), 0);
  }
}

TEST_F(DeliveryTest, SyslogOverTlsAndTcp) {
  for (const bool tls : {true, false}) {
    std::remove((directory_ / "received.log").c_str());
    port_ = FreePort();
    Settings(Remote(tls ? "tls" : "tcp", tls ? "tls" : "tcp", tls ? Certificates(ca_) : ""));
    Rsyslogd rsyslogd(directory_, TcpInput(tls) + Received());
    ASSERT_TRUE(rsyslogd.Start(port_)) << rsyslogd.Errors();
    const std::size_t before = Stored().size();
    auto plugin = Start();
    std::string log;
    for (int i = 1; i <= 200; ++i) log += Nc(i);
    ASSERT_TRUE(plugin->Write(log));
    std::vector<Known> stored;
    Strings lines;
    ASSERT_TRUE(ReceivesAll(rsyslogd, before, 201, stored, lines)) << rsyslogd.Errors();
    ExpectAll(stored, Ids(lines));
    plugin->Close();
    EXPECT_EQ(plugin->Wait(15), 0);
  }
}

/// Kills at random moments, of plugin and receiver alike: what was committed arrives, in order.
TEST_F(DeliveryTest, WhatIsStoredArrivesWhoeverIsKilled) {
  Settings(Remote("central", "relp+tls", Certificates(ca_)));
  Rsyslogd rsyslogd(directory_, RelpInput(true) + Received());
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
  // A kill costs the store at most the batch that was open: what a run has stored has no hole.
  Result<Database> database = Database::Open(Store(), Database::Mode::kRead);
  ASSERT_TRUE(database);
  EXPECT_EQ(database->Ask("SELECT count(*) FROM (SELECT count(*) AS n, max(seq) AS last FROM alert "
                          "GROUP BY instance) WHERE n != last"),
            0);
  RecordProperty("stored", static_cast<int>(stored.size()));
  RecordProperty("duplicates", static_cast<int>(ids.size() - std::min(ids.size(), stored.size())));
}

TEST_F(DeliveryTest, AWeekWithoutAReceiverLosesNothing) {
  Settings(Remote("central", "relp", "") + "[store]\ndays = 3\n");
  Rsyslogd rsyslogd(directory_, RelpInput(false) + Received());
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
  Rsyslogd rsyslogd(directory_, RelpInput(false) + Received());
  ASSERT_TRUE(rsyslogd.Start(port_)) << rsyslogd.Errors();
  auto plugin = Start();
  for (int round = 0; round < 5; ++round) {
    std::string log;
    for (int i = 1; i <= 40; ++i) log += Nc(round * 40 + i);
    ASSERT_TRUE(plugin->Write(log));
    usleep(100'000);
  }
  std::vector<Known> stored;
  Strings lines;
  ASSERT_TRUE(ReceivesAll(rsyslogd, 0, 201, stored, lines)) << rsyslogd.Errors();
  ExpectAll(stored, Ids(lines));
}

/// The text of a fenced block of docs/fleet.md that holds the mark.
std::string Block(const std::string& mark) {
  const std::string guide = Slurp(Top() + "/docs/fleet.md");
  const std::size_t at = guide.find(mark);
  if (at == guide.npos) return {};
  const std::size_t fence = guide.rfind("```", at);
  const std::size_t begin = guide.find('\n', fence) + 1;
  return guide.substr(begin, guide.find("```", begin) - begin);
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  EXPECT_NE(text.find(from), text.npos) << from;
  for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

/// What docs/fleet.md says, done: its certificates, its receiver, its settings, its index.
TEST_F(DeliveryTest, TheGuideToAFleetHoldsFromCertificatesToTheIndex) {
  const std::string tls = directory_ / "tls";
  std::filesystem::create_directory(tls);
  const std::string recipe = Replaced(Block("openssl req -x509"), "logs.example.org", "localhost");
  const std::string script = directory_.Write("recipe.sh", "set -e\ncd " + tls + "\n" + recipe);
  ASSERT_EQ(system(("sh " + script + " >" + (directory_ / "recipe.out") + " 2>&1").c_str()), 0)
      << Slurp(directory_ / "recipe.out");
  // The plugin's user is the group of the key.
  if (getuid() == 0) {
    ASSERT_EQ(system(("chmod 755 " + tls + " && chmod 644 " + tls + "/*.crt && chgrp 65534 " + tls +
                      "/web1.key && chmod 640 " + tls + "/web1.key")
                         .c_str()),
              0);
  }
  BulkServer index;
  const std::string manager = Top() + "/conf/manager/";
  std::string action = Slurp(manager + "tld-opensearch.conf");
  // Its head says which lines go to a file of their own.
  std::string prelude;
  for (std::size_t at = action.find("#   "); at != action.npos; at = action.find("#   ", at)) {
    const std::size_t end = action.find('\n', at);
    prelude += action.substr(at + 4, end - at - 3);
    at = end;
  }
  directory_.Write("actions.d/tld-opensearch.conf",
                   Replaced(action, "\"9200\"", '"' + std::to_string(index.port()) + '"'));
  std::string receive = Slurp(manager + "10-tld-receive.conf");
  receive = Replaced(receive, "port=\"2514\"", "port=\"" + std::to_string(port_) + "\"");
  receive = Replaced(receive, "/etc/tld/actions.d", directory_ / "actions.d");
  receive = Replaced(receive, "/etc/tld/", tls + "/");
  receive = Replaced(receive, "/var/log/tld/", directory_ / "alerts/");
  Rsyslogd rsyslogd(directory_, prelude + receive);
  ASSERT_TRUE(rsyslogd.Start(port_)) << rsyslogd.Errors();
  std::string settings = Block("protocol = relp+tls");
  settings = Replaced(settings, "logs.example.org", "localhost:" + std::to_string(port_));
  settings = Replaced(settings, "/etc/tld-audisp/tls", tls);
  directory_.Write("host", "");
  Settings(settings + "[plugin]\nhost = ../evil host\n");
  auto plugin = Start();
  std::string log;
  for (int i = 1; i <= 50; ++i) log += Nc(i);
  ASSERT_TRUE(plugin->Write(log));
  ASSERT_TRUE(Eventually([&] { return index.Documents().size() >= 51; }, 30))
      << rsyslogd.Errors() << index.Documents().size();
  // By host and day; a host's name cannot lead out of the directory.
  std::size_t lines = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_ / "alerts")) {
    if (entry.path().filename() != "alerts.json") continue;
    const std::string text = Slurp(entry.path());
    lines += static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    rapidjson::Document document;
    document.Parse(text.substr(0, text.find('\n')).c_str());
    EXPECT_FALSE(document.HasParseError()) << text;
  }
  EXPECT_GE(lines, 51u);
  EXPECT_FALSE(std::filesystem::exists(directory_ / "evil host"));
  const std::vector<Known> stored = Stored();
  const std::map<std::string, std::string> documents = index.Documents();
  for (const Known& alert : stored) {
    const auto found = documents.find(alert.first);
    if (found == documents.end()) continue;  // stored a moment ago
    EXPECT_EQ(found->second, alert.second);
  }
  EXPECT_TRUE(index.index_name().starts_with("wazuh-alerts-4.x-20")) << index.index_name();
}

}  // namespace
}  // namespace tld
