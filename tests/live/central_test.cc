// SPDX-License-Identifier: Apache-2.0
// A central auditd that gathers the records of other hosts, with the plugin on it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>

#include "tests/live/host.h"
#include "tests/program/dispatcher.h"

namespace tld {
namespace {

using testing_support::Eventually;
using testing_support::ExecRecords;
using testing_support::FindLiveState;
using testing_support::LiveHost;
using testing_support::LiveState;

constexpr int kPort = 26'060;

/// audisp-remote as auditd starts it on another host; its settings have a fixed name, so it gets
/// them in a mount namespace of its own.
class RemoteHost {
 public:
  explicit RemoteHost(const LiveHost& central) {
    central.directory().Write("audisp-remote.conf",
                              "remote_server = 127.0.0.1\nport = " + std::to_string(kPort) +
                                  "\ntransport = tcp\nmode = immediate\nformat = managed\n"
                                  "network_retry_time = 1\nheartbeat_timeout = 0\n");
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    input_.Reset(ends[0]);
    const Fd theirs(ends[1]);
    pid_ = fork();
    if (pid_ != 0) return;
    dup2(theirs.get(), 0);
    const std::string command = "mount --bind " + central.path("audisp-remote.conf") +
                                " /etc/audit/audisp-remote.conf && exec audisp-remote";
    execlp("unshare", "unshare", "-m", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
  ~RemoteHost() {
    input_.Reset();
    if (!Eventually([&] { return waitpid(pid_, nullptr, WNOHANG) == pid_; }, 10)) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  void Send(const std::string& records) {
    EXPECT_EQ(write(input_.get(), records.data(), records.size()),
              static_cast<ssize_t>(records.size()));
  }

 private:
  Fd input_;
  pid_t pid_ = 0;
};

/// Records of another node.
std::string Of(const std::string& node, const std::string& records) {
  std::string out;
  for (std::size_t at = 0; at < records.size();) {
    const std::size_t end = records.find('\n', at) + 1;
    out += "node=" + node + ' ' + records.substr(at, end - at);
    at = end;
  }
  return out;
}

TEST(CentralAuditd, RecordsOfOtherHostsAreJudgedByNode) {
  ASSERT_EQ(FindLiveState(), LiveState::kReady);
  LiveHost::Options options;
  options.auditd_more = "tcp_listen_port = " + std::to_string(kPort) +
                        "\ntcp_listen_queue = 5\ntcp_max_per_addr = 4\nuse_libwrap = no\n"
                        "tcp_client_max_idle = 0\ntransport = TCP\ndistribute_network = yes\n";
  LiveHost central(options);
  ASSERT_EQ(central.problem(), "");
  ASSERT_TRUE(central.Logged("200900 level=5"));
  RemoteHost web(central);
  RemoteHost db(central);
  // The same stamp on two nodes, a record at a time: two events.
  web.Send(Of("web7", ExecRecords("nc", "/usr/bin/nc.openbsd", 41)));
  db.Send(Of("db3", ExecRecords("tcpdump", "/usr/bin/tcpdump", 41)));
  EXPECT_TRUE(central.Logged("event=web7|msg=audit(1700000000.123:41)"));
  EXPECT_TRUE(central.Logged("event=db3|msg=audit(1700000000.123:41)"));
  EXPECT_TRUE(
      central.Logged("100210 level=12 \"Audit: Highly Suspicious Command executed: "
                     "/usr/bin/nc.openbsd\""));
  // Its own events are judged as before.
  central.RunAsLogin(1000, {"/usr/bin/nc", "-h"});
  EXPECT_TRUE(Eventually([&] {
    for (const std::string& document : central.Documents()) {
      if (document.find("\"id\":\"100210\"") != document.npos &&
          document.find("\"node\":") == document.npos) {
        return true;
      }
    }
    return false;
  }));
}

}  // namespace
}  // namespace tld
