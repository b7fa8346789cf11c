// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "base/os.h"

namespace tld::testing_support {

/// Children of a front, with the newest last: its witnesses, which alone are nicer than it, or the others.
std::vector<pid_t> RolesOf(pid_t front, bool witness);

/// Starts the plugin as auditd's safe_exec does: every signal ignored, or the six that its
/// dispatcher thread has blocked; no environment; standard input one end of a stream socket pair;
/// output to /dev/null; the directory `/`; a descriptor leaked.
class Dispatcher {
 public:
  enum class Start { kFirst, kRestart };

  Dispatcher(const std::string& program, const std::vector<std::string>& arguments, Start start);
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;
  ~Dispatcher();

  /// Writes all, waiting as auditd does. False when the plugin has gone, or takes nothing for 20 s.
  bool Write(std::string_view bytes);
  /// Closes the plugin's input.
  void Close();
  /// The exit status, or -1 after so many seconds; -N for a signal N.
  int Wait(int seconds);
  bool Running();

  pid_t pid() const { return pid_; }
  /// The plugin's children but for the witness, with the newest last.
  std::vector<pid_t> Children() const { return RolesOf(pid_, false); }
  /// 0 when there is none.
  pid_t Witness() const;

 private:
  pid_t pid_ = 0;
  Fd socket_;
  bool reaped_ = false;
  int status_ = 0;
};

/// A line of /proc/PID/status, without its name.
std::string StatusLine(pid_t pid, const std::string& name);

/// Polls until `done()` or the time is up.
template <class Condition>
bool Eventually(Condition&& done, int seconds = 10) {
  const std::int64_t end = MonotonicMs() + seconds * 1000;
  while (!done()) {
    if (MonotonicMs() > end) return false;
    const timespec pause{0, 10'000'000};
    nanosleep(&pause, nullptr);
  }
  return true;
}

}  // namespace tld::testing_support
