// SPDX-License-Identifier: Apache-2.0
#include "tests/delivery/rsyslog.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "tests/program/dispatcher.h"

namespace tld::testing_support {
namespace {

bool Listens(int port) {
  const Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

int FreePort() {
  const Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) return 0;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

Rsyslogd::Rsyslogd(const TemporaryDirectory& directory, const std::string& configuration)
    : pid_file_(directory / "rsyslogd.pid"),
      output_(directory / "received.log"),
      errors_(directory / "rsyslogd.err") {
  configuration_ = directory.Write(
      "rsyslog.conf", "global(workDirectory=\"" + directory.path() + "\")\n" + configuration);
}

std::string Rsyslogd::ToReceived(const TemporaryDirectory& directory, const std::string& shape) {
  return "\n$MaxMessageSize 64k\ntemplate(name=\"shape\" type=\"string\" string=\"" + shape +
         "\\n\")\nruleset(name=\"alerts\") {\n  action(type=\"omfile\" file=\"" +
         (directory / "received.log") + "\" template=\"shape\")\n}\n";
}

bool Rsyslogd::Start(int port) {
  pid_ = fork();
  if (pid_ == 0) {
    const int err = open(errors_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    dup2(err, 1);
    dup2(err, 2);
    execl("/usr/sbin/rsyslogd", "rsyslogd", "-n", "-f", configuration_.c_str(), "-i",
          pid_file_.c_str(), nullptr);
    _exit(127);
  }
  return Eventually([&] { return Listens(port); }, 15);
}

void Rsyslogd::Stop() {
  if (pid_ <= 0) return;
  kill(pid_, SIGTERM);
  if (!Eventually([&] { return waitpid(pid_, nullptr, WNOHANG) == pid_; }, 10)) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  pid_ = 0;
}

std::vector<std::string> Rsyslogd::Lines() const {
  std::vector<std::string> lines;
  std::ifstream file(output_);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::string Rsyslogd::Errors() const { return Slurp(errors_); }

}  // namespace tld::testing_support
