// SPDX-License-Identifier: Apache-2.0
#include "program/pager.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace tld {
namespace {

[[noreturn]] void RunPager(int input) {
  dup2(input, STDIN_FILENO);
  setenv("LESS", "FRX", 0);  // leave when all fits, show colours, keep the screen
  const bool secure = geteuid() == 0;
  if (secure) setenv("LESSSECURE", "1", 1);
  const char* const wanted = secure ? nullptr : getenv("PAGER");
  if (wanted != nullptr && wanted[0] != '\0') {
    execl("/bin/sh", "sh", "-c", wanted, static_cast<char*>(nullptr));
  }
  execlp("less", "less", static_cast<char*>(nullptr));
  execlp("cat", "cat", static_cast<char*>(nullptr));
  _exit(127);
}

}  // namespace

Pager::Pager() {
  int ends[2];
  if (isatty(STDOUT_FILENO) == 0 || pipe2(ends, O_CLOEXEC) != 0) return;
  std::fflush(stdout);
  pid_ = fork();
  if (pid_ == 0) RunPager(ends[0]);
  if (pid_ > 0) dup2(ends[1], STDOUT_FILENO);
  close(ends[0]);
  close(ends[1]);
}

Pager::~Pager() {
  if (pid_ <= 0) return;
  std::signal(SIGINT, SIG_IGN);  // it is the pager's, which has the terminal
  std::fflush(stdout);
  close(STDOUT_FILENO);
  waitpid(pid_, nullptr, 0);
}

}  // namespace tld
