// SPDX-License-Identifier: Apache-2.0
#include "program/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

namespace tld {

Result<SignalReader> SignalReader::Create() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&signals, signal);
  Fd fd(signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd) return OsError("signalfd");
  return SignalReader(std::move(fd));
}

std::optional<SignalReader::Signal> SignalReader::Next() {
  signalfd_siginfo info{};
  if (read(fd_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return {};
  return Signal{static_cast<int>(info.ssi_signo), static_cast<pid_t>(info.ssi_pid)};
}

}  // namespace tld
