// SPDX-License-Identifier: Apache-2.0
#include "tests/live/host.h"

#include <fcntl.h>
#include <libaudit.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/text.h"
#include "tests/program/dispatcher.h"

namespace tld::testing_support {
namespace {

constexpr char kLock[] = "/run/lock/tld-audisp-live";

pid_t Spawn(const std::vector<std::string>& command, const std::string& output) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  const int out = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  dup2(out, 1);
  dup2(out, 2);
  execvp(argv[0], argv.data());
  _exit(127);
}

void Stop(pid_t& pid, int seconds) {
  if (pid <= 0) return;
  kill(pid, SIGTERM);
  int status = 0;
  if (!Eventually([&] { return waitpid(pid, &status, WNOHANG) == pid; }, seconds)) {
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
  }
  pid = 0;
}

void BecomeLogin(uid_t uid, long auid) {
  if (auid >= 0) {
    std::ofstream loginuid("/proc/self/loginuid");
    loginuid << auid;
    loginuid.close();
    if (!loginuid) _exit(125);
  }
  if (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0) _exit(125);
}

int WaitFor(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace

std::string Output(const std::string& command, int* status) {
  std::string out;
  std::FILE* pipe = popen(command.c_str(), "re");
  if (pipe == nullptr) return out;
  char buffer[4096];
  for (std::size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.append(buffer, n);
  const int result = pclose(pipe);
  if (status != nullptr) *status = WIFEXITED(result) ? WEXITSTATUS(result) : -1;
  return out;
}

LiveState FindLiveState() {
  const int fd = audit_open();
  if (fd < 0) return LiveState::kNoKernelAudit;
  audit_close(fd);
  if (geteuid() != 0) return LiveState::kNotRoot;
  return LiveHost::Kernel("pid") == 0 ? LiveState::kReady : LiveState::kAuditdRuns;
}

std::uint64_t LiveHost::Kernel(const std::string& name) {
  std::istringstream lines(Output("auditctl -s 2>/dev/null"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + ' ')) return ParseNumber(line.substr(name.size() + 1)).value_or(0);
  }
  return 0;
}

int LiveHost::Auditctl(const std::string& arguments) {
  int status = 0;
  Output("auditctl " + arguments + " >/dev/null 2>&1", &status);
  return status;
}

LiveHost::LiveHost(const Options& options)
    : lock_(open(kLock, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  if (!lock_ || flock(lock_.get(), LOCK_EX) != 0) {
    problem_ = "cannot take the lock";
    return;
  }
  chmod(directory_.path().c_str(), 0755);
  WriteFiles(options);
  if (options.start_rsyslog && !StartRsyslog()) {
    problem_ = "rsyslogd does not start: " + Slurp(path("rsyslogd.out"));
    return;
  }
  if (!StartAuditd()) {
    problem_ = "auditd does not start: " + Slurp(path("auditd.out"));
    return;
  }
  if (Auditctl("-R " + Top() + "/rules/audit/40-tld-audisp.rules") != 0) {
    problem_ = "the audit rules do not load";
  }
}

LiveHost::~LiveHost() {
  Auditctl("-D");
  Stop(auditd_, 20);
  Auditctl("-D");
  Auditctl("-e 0");
  Stop(rsyslogd_, 10);
  // The plugin ends when auditd has closed its input; the directory must stay until then.
  Eventually([&] { return Output("pgrep -f ^" + plugin()).empty(); }, 10);
}

void LiveHost::WriteFiles(const Options& options) {
  const std::string top = Top();
  std::filesystem::copy_file(BuildDirectory() + "/tld-audisp", plugin());
  chmod(plugin().c_str(), 0755);
  std::filesystem::create_directories(path("rules"));
  std::filesystem::create_directories(path("audit"));
  for (const auto& entry : std::filesystem::directory_iterator(top + "/rules/detect")) {
    if (entry.path().extension() == ".xml")
      directory_.Write("rules/" + entry.path().filename().string(), Slurp(entry.path()));
  }
  directory_.Write("rules/local_rules.xml", Slurp(top + "/conf/local_rules.xml"));
  for (const char* list : {"audit-keys", "suspicious-programs"}) {
    directory_.Write(std::string("lists/") + list, Slurp(top + "/lists/" + list));
  }
  directory_.Write(
      "tld.conf",
      "[plugin]\nuser = " + options.user + "\nrun_directory = " + path("run") +
          "\nstate_directory = " + path("state") + "\n[rules]\npaths = " + path("rules") +
          "\n[lists]\ndirectories = " + path("lists") + "\ncompiled = " + path("compiled") +
          "\n[store]\npath = " + path("store/alerts.db") + "\n[syslog]\nsocket = " + path("log") +
          "\n[file]\npath = " + path("alerts/alerts.json") + "\nlevel = 1\n");
  directory_.Write(
      "etc/auditd.conf",
      "log_file = " + path("audit/audit.log") + "\nlog_format = " + options.log_format +
          "\nlog_group = root\npriority_boost = 4\nflush = INCREMENTAL_ASYNC\n"
          "freq = 50\nnum_logs = 2\nname_format = NONE\nmax_log_file = 100\n"
          "max_log_file_action = ROTATE\nspace_left = 75\nspace_left_action = IGNORE\n"
          "admin_space_left = 50\nadmin_space_left_action = IGNORE\n"
          "disk_full_action = IGNORE\ndisk_error_action = IGNORE\nplugin_dir = " +
          path("plugins") + "\nq_depth = 2000\noverflow_action = SYSLOG\nmax_restarts = 10\n" +
          options.auditd_more);
  directory_.Write("plugins/tld.conf", "active = yes\ndirection = out\npath = " + plugin() +
                                           "\ntype = always\nargs = --conf=" + path("tld.conf") +
                                           "\nformat = string\n");
  chmod(path("etc/auditd.conf").c_str(), 0640);
  chmod(path("plugins/tld.conf").c_str(), 0640);
  directory_.Write("rsyslog.conf",
                   "module(load=\"imuxsock\" SysSock.Use=\"off\")\n"
                   "input(type=\"imuxsock\" Socket=\"" +
                       path("log") +
                       "\" RateLimit.Interval=\"0\")\n"
                       "action(type=\"omfile\" file=\"" +
                       path("syslog") + "\")\n");
}

bool LiveHost::StartRsyslog() {
  rsyslogd_ = Spawn({"rsyslogd", "-n", "-f", path("rsyslog.conf"), "-i", path("rsyslogd.pid")},
                    path("rsyslogd.out"));
  return Eventually([&] { return FileExists(path("log")); });
}

bool LiveHost::StartAuditd() {
  auditd_ = Spawn({"auditd", "-n", "-s", "enable", "-c", path("etc")}, path("auditd.out"));
  const bool started =
      Eventually([&] { return Kernel("pid") == static_cast<std::uint64_t>(auditd_); });
  Auditctl("-b 8192");
  return started && Eventually([&] { return FileExists(path("run/state.json")); });
}

int LiveHost::RunAsLogin(uid_t uid, const std::vector<std::string>& command,
                         const std::vector<std::string>& environment, long auid) {
  const pid_t pid = fork();
  if (pid == 0) {
    BecomeLogin(uid, auid);
    const int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
    std::vector<char*> argv;
    std::vector<char*> envp;
    for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    for (const std::string& word : environment) envp.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    envp.push_back(nullptr);
    execve(argv[0], argv.data(), envp.data());
    _exit(126);
  }
  return WaitFor(pid);
}

void LiveHost::CallAsLogin(uid_t uid, const std::function<void()>& work) {
  const pid_t pid = fork();
  if (pid == 0) {
    BecomeLogin(uid, 1000);
    work();
    _exit(0);
  }
  WaitFor(pid);
}

int LiveHost::Tldctl(const std::string& arguments, std::string* out) {
  const std::size_t space = arguments.find(" -- ");
  const std::string common = " --conf " + path("tld.conf");
  const std::string line = space == arguments.npos
                               ? arguments + common
                               : arguments.substr(0, space) + common + arguments.substr(space);
  int status = 0;
  const std::string printed = Output(BuildDirectory() + "/tldctl " + line + " 2>&1", &status);
  if (out != nullptr) *out = printed;
  return status;
}

std::string LiveHost::Syslog() const {
  return FileExists(path("syslog")) ? Slurp(path("syslog")) : "";
}

bool LiveHost::Logged(const std::string& text, int seconds) const {
  return Eventually([&] { return Syslog().find(text) != std::string::npos; }, seconds);
}

std::vector<std::string> LiveHost::Documents() const {
  std::vector<std::string> lines;
  if (!FileExists(path("alerts/alerts.json"))) return lines;
  std::istringstream text(Slurp(path("alerts/alerts.json")));
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

pid_t LiveHost::Front() const {
  std::istringstream pids(Output("pgrep -o -f ^" + plugin()));
  pid_t pid = 0;
  pids >> pid;
  return pid;
}

pid_t LiveHost::Sensor() const {
  const std::vector<pid_t> roles = RolesOf(Front(), false);
  return roles.empty() ? 0 : roles.front();
}

}  // namespace tld::testing_support
