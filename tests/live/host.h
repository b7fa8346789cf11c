// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "base/os.h"
#include "tests/support.h"

namespace tld::testing_support {

/// Whether live tests can run: the kernel must have auditing, we must be root, and no auditd may
/// run.
enum class LiveState { kReady, kNoKernelAudit, kNotRoot, kAuditdRuns };
LiveState FindLiveState();

/// A private auditd with the plugin, and a private rsyslogd, on the real kernel. One at a time on
/// the machine: it holds a lock. All is stopped, by pid, and the kernel's rules are removed at the
/// end.
class LiveHost {
 public:
  struct Options {
    std::string log_format = "ENRICHED";
    std::string user = "nobody";
    bool start_rsyslog = true;
    std::string auditd_more;  ///< more lines of auditd.conf
  };
  explicit LiveHost(const Options& options);
  LiveHost(const LiveHost&) = delete;
  LiveHost& operator=(const LiveHost&) = delete;
  ~LiveHost();

  /// What could not be started, or empty.
  const std::string& problem() const { return problem_; }

  /// Runs a program as a login user (auid 1000) with the given uid, and waits for it. Its output is
  /// thrown away. Returns its exit status.
  int RunAsLogin(uid_t uid, const std::vector<std::string>& command,
                 const std::vector<std::string>& environment = {}, long auid = 1000);
  /// Runs a function in a process of a login user, and waits for it.
  void CallAsLogin(uid_t uid, const std::function<void()>& work);

  /// Runs tldctl with the plugin's settings; output to `out`.
  int Tldctl(const std::string& arguments, std::string* out = nullptr);

  std::string Syslog() const;
  bool Logged(const std::string& text, int seconds = 20) const;
  /// Lines of alerts.json.
  std::vector<std::string> Documents() const;
  /// A value of `auditctl -s`.
  static std::uint64_t Kernel(const std::string& name);
  static int Auditctl(const std::string& arguments);

  /// The plugin's front, and the sensor below it.
  pid_t Front() const;
  pid_t Sensor() const;
  std::string path(const std::string& name) const { return directory_ / name; }
  const TemporaryDirectory& directory() const { return directory_; }
  std::string plugin() const { return path("tld-audisp"); }

 private:
  void WriteFiles(const Options& options);
  bool StartRsyslog();
  bool StartAuditd();

  Fd lock_;
  TemporaryDirectory directory_;
  pid_t rsyslogd_ = 0;
  pid_t auditd_ = 0;
  std::string problem_;
};

/// A shell command's standard output.
std::string Output(const std::string& command, int* status = nullptr);

}  // namespace tld::testing_support
