// SPDX-License-Identifier: Apache-2.0
// What an attacker could do who runs code of his own inside a role: each test becomes the role, as
// the plugin does, and then makes the calls. docs/security.md says the same in words.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>

#include "base/os.h"
#include "program/sandbox.h"
#include "tests/support.h"

namespace tld {
namespace {

using Enter = std::function<bool()>;  // becomes the role
using Call = std::function<int()>;    // 0, or an error number

/// What the call gave in the role: 0, an error number, or -SIGNAL.
int InRole(const Enter& enter, const Call& call) {
  const pid_t pid = fork();
  if (pid == 0) {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    if (!enter()) _exit(250);
    _exit(call());
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int Error(long result) { return result < 0 ? errno : 0; }

class TakeoverTest : public testing::Test {
 protected:
  TakeoverTest() {
    chmod(directory_.path().c_str(), 0755);
    for (const char* name : {"own", "other"}) {
      EXPECT_EQ(mkdir((directory_ / name).c_str(), 0777), 0);
      chmod((directory_ / name).c_str(), 0777);
    }
    chmod(directory_.Write("secret", "s").c_str(), 0600);
    writable_ = {directory_ / "own"};
  }

  /// As the program does before it becomes the front.
  bool Front() const {
    const std::vector<int> kept = {CAP_DAC_READ_SEARCH, CAP_AUDIT_CONTROL};
    const bool dropped = geteuid() != 0 || DropPrivileges({65534, 65534}, {}, kept);
    return dropped && RestrictFiles({writable_, true, true}) && ConfineFront();
  }
  bool Sensor() const {
    return Front() && GiveUpCapabilities() && RestrictFiles({writable_, false, true}) &&
           ConfineSensor();
  }
  bool Courier() const {
    return Front() && GiveUpCapabilities() && RestrictFiles({writable_, true, true}) &&
           ConfineCourier();
  }
  bool Witness() const {
    if (!Front()) return false;
    TakeCapabilities();
    return RestrictFiles({{}, false, true}) && ConfineWitness();
  }
  std::vector<std::pair<std::string, Enter>> Roles() const {
    return {{"front", [this] { return Front(); }},
            {"sensor", [this] { return Sensor(); }},
            {"courier", [this] { return Courier(); }},
            {"witness", [this] { return Witness(); }}};
  }

  Call Open(const std::string& path, int flags) const {
    return [path, flags] { return Error(open(path.c_str(), flags, 0600)); };
  }
  /// The error of Landlock, else that of no error: a kernel without it leaves this to the file's
  /// mode.
  static int ByLandlock() { return HasLandlock() ? EACCES : 0; }
  static bool HasLandlock() { return syscall(SYS_landlock_create_ruleset, nullptr, 0, 1u) > 0; }

  testing_support::TemporaryDirectory directory_;
  std::vector<std::string> writable_;
};

#if !defined(__SANITIZE_ADDRESS__)  // the sanitizer's own calls are not on the lists

TEST_F(TakeoverTest, NobodyRunsAProgramOrTracesOrLoadsCode) {
  const std::vector<std::pair<std::string, Call>> calls = {
      {"execve",
       [] {
         char name[] = "/bin/true";
         char* argv[] = {name, nullptr};
         return Error(execve(name, argv, nullptr));
       }},
      {"execveat", [] { return Error(syscall(SYS_execveat, 3, "", nullptr, nullptr, 0)); }},
      {"ptrace", [] { return Error(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); }},
      {"bpf", [] { return Error(syscall(SYS_bpf, 0, nullptr, 0)); }},
      {"init_module", [] { return Error(syscall(SYS_init_module, nullptr, 0, "")); }},
      {"mount", [] { return Error(syscall(SYS_mount, "", "", "", 0, nullptr)); }},
      {"unshare", [] { return Error(syscall(SYS_unshare, 0)); }}};
  for (const auto& [role, enter] : Roles()) {
    for (const auto& [call, make] : calls) {
      EXPECT_EQ(InRole(enter, make), -SIGSYS) << role << ' ' << call;
    }
  }
}

TEST_F(TakeoverTest, NobodyChangesWhoHeIs) {
  for (const auto& [role, enter] : Roles()) {
    EXPECT_EQ(InRole(enter, [] { return Error(syscall(SYS_setresuid, 0, 0, 0)); }), EPERM) << role;
    EXPECT_EQ(InRole(enter, [] { return Error(syscall(SYS_chmod, "/tmp", 0777)); }), EPERM) << role;
  }
}

TEST_F(TakeoverTest, OnlyTheDirectoriesOfTheRolesAreWritten) {
  const Call own = Open(directory_ / "own/file", O_WRONLY | O_CREAT);
  const Call other = Open(directory_ / "other/file", O_WRONLY | O_CREAT);
  for (const auto& [role, enter] : Roles()) {
    const bool writes = role != "witness";
    EXPECT_EQ(InRole(enter, own), writes ? 0 : EPERM) << role;
    EXPECT_EQ(InRole(enter, other), writes ? ByLandlock() : EPERM) << role;
  }
}

TEST_F(TakeoverTest, TheWitnessAloneReadsWhatIsNotForIt) {
  if (geteuid() != 0) return;
  const Call secret = Open(directory_ / "secret", O_RDONLY);
  for (const auto& [role, enter] : Roles()) {
    EXPECT_EQ(InRole(enter, secret), role == "witness" ? 0 : EACCES) << role;
    EXPECT_EQ(InRole(enter, Open("/etc/passwd", O_RDONLY)), 0) << role;
  }
}

TEST_F(TakeoverTest, TheCourierAloneHasTheNetwork) {
  const auto socket_of = [](int family, int type, int protocol) {
    return [=] { return Error(socket(family, type, protocol)); };
  };
  for (const auto& [role, enter] : Roles()) {
    const bool network = role == "courier" || role == "front";  // whose filter the courier inherits
    EXPECT_EQ(InRole(enter, socket_of(AF_INET, SOCK_STREAM, 0)), network ? 0 : EPERM) << role;
    EXPECT_EQ(InRole(enter, socket_of(AF_INET6, SOCK_DGRAM, 0)), network ? 0 : EPERM) << role;
  }
  const Call audit = socket_of(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT);
  EXPECT_EQ(InRole(Roles()[1].second, audit), EPERM);
  EXPECT_EQ(InRole(Roles()[3].second, audit), 0);
  EXPECT_EQ(InRole(Roles()[3].second, socket_of(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)), EPERM);
}

TEST_F(TakeoverTest, TheFrontAloneMakesProcessesAndSignalsThem) {
  const pid_t test = getpid();
  for (const auto& [role, enter] : Roles()) {
    const int forked = InRole(enter, [] {
      const pid_t pid = fork();
      if (pid == 0) _exit(0);
      return Error(pid);
    });
    EXPECT_EQ(forked, role == "front" ? 0 : EPERM) << role;
    // The test is not of the role's user; the filter or the kernel says no.
    EXPECT_EQ(InRole(enter, [&] { return Error(kill(test, 0)); }),
              role == "front" && geteuid() != 0 && !HasLandlock() ? 0 : EPERM)
        << role;
  }
}

TEST_F(TakeoverTest, NoMemoryIsWritableAndExecutable) {
  for (const auto& [role, enter] : Roles()) {
    EXPECT_EQ(InRole(enter,
                     [] {
                       void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                       return page == MAP_FAILED ? errno : 0;
                     }),
              EPERM)
        << role;
  }
}

#endif

}  // namespace
}  // namespace tld
