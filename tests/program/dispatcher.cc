// SPDX-License-Identifier: Apache-2.0
#include "tests/program/dispatcher.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace tld::testing_support {
namespace {

void SetSignals(Dispatcher::Start start) {
  if (start == Dispatcher::Start::kFirst) {
    for (int i = 1; i < NSIG; ++i) signal(i, SIG_IGN);
    return;
  }
  sigset_t blocked;
  sigemptyset(&blocked);
  for (const int s : {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD, SIGCONT}) sigaddset(&blocked, s);
  sigprocmask(SIG_BLOCK, &blocked, nullptr);
}

}  // namespace

Dispatcher::Dispatcher(const std::string& program, const std::vector<std::string>& arguments,
                       Start start) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return;
  socket_.Reset(ends[0]);
  const Fd theirs(ends[1]);
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ != 0) return;
  dup2(theirs.get(), 0);
  const int null = open("/dev/null", O_RDWR);
  dup2(null, 1);
  dup2(null, 2);
  dup2(null, 30);  // leaked: dup2 leaves it open over the exec
  SetSignals(start);
  if (chdir("/") != 0) _exit(126);
  char* no_environment[] = {nullptr};
  execve(program.c_str(), argv.data(), no_environment);
  _exit(127);
}

Dispatcher::~Dispatcher() {
  Close();
  if (Running()) {
    for (const pid_t child : Children()) kill(child, SIGKILL);
    kill(pid_, SIGKILL);
    Wait(5);
  }
}

bool Dispatcher::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    pollfd fd{socket_.get(), POLLOUT, 0};
    if (poll(&fd, 1, 20'000) <= 0) return false;
    const ssize_t n = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

void Dispatcher::Close() { socket_.Reset(); }

bool Dispatcher::Running() {
  if (!reaped_ && waitpid(pid_, &status_, WNOHANG) == pid_) reaped_ = true;
  return !reaped_;
}

int Dispatcher::Wait(int seconds) {
  if (!Eventually([this] { return !Running(); }, seconds)) return -1;
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_);
}

std::vector<pid_t> RolesOf(pid_t front, bool witness) {
  const std::string pid = std::to_string(front);
  std::ifstream file("/proc/" + pid + "/task/" + pid + "/children");
  const int own = getpriority(PRIO_PROCESS, static_cast<id_t>(front));
  std::vector<pid_t> children;
  for (pid_t child; file >> child;) {
    const bool nicer = getpriority(PRIO_PROCESS, static_cast<id_t>(child)) > own;
    if (nicer == witness) children.push_back(child);
  }
  return children;
}

pid_t Dispatcher::Witness() const {
  const std::vector<pid_t> witnesses = RolesOf(pid_, true);
  return witnesses.empty() ? 0 : witnesses.back();
}

std::string StatusLine(pid_t pid, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name + ":")) continue;
    const std::size_t begin = line.find_first_not_of(" \t", name.size() + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return {};
}

}  // namespace tld::testing_support
