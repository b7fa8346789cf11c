// SPDX-License-Identifier: Apache-2.0
// auditd.service has MemoryDenyWriteExecute: a process that makes memory executable is ended here.
#include <gtest/gtest.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support.h"

namespace tld {
namespace {

using testing_support::Answers;
using testing_support::ExecRecords;
using testing_support::RuleText;
using testing_support::TestPolicy;

bool ForbidExecutableMemory() {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  bool good = filter != nullptr;
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect), SCMP_SYS(pkey_mprotect)}) {
    good = good && seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, call, 1,
                                    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC)) == 0;
  }
  return good && seccomp_load(filter) == 0;
}

/// Runs `child` in a process of its own; returns its wait status.
template <class Child>
int Fork(Child child) {
  const pid_t pid = fork();
  if (pid == 0) _exit(child());
  int status = 0;
  waitpid(pid, &status, 0);
  return status;
}

TEST(Confined, PatternsAnswerTheSameWhereNoMemoryMayBeExecutable) {
  const std::string rules =
      RuleText(
          "id=\"1\" level=\"3\"",
          "<field name=\"audit.exe\" type=\"pcre2\">^/usr/(s?bin)/(nc|ncat)(\\.\\w+)?$</field>") +
      RuleText("id=\"2\" level=\"5\"",
               "<if_sid>1</if_sid><regex>key=\\p\\w+\\p type=EXECVE\\.+a1=\\p-\\w\\p</regex>") +
      RuleText("id=\"3\" level=\"9\"", "<if_sid>2</if_sid><match>type=CWD</match>");
  const std::string log = ExecRecords("nc", "/usr/bin/nc.openbsd");
  const std::vector<std::string> expected = Answers(TestPolicy(rules).policy(), log);
  EXPECT_EQ(expected, std::vector<std::string>{"3"});
  const int status = Fork([&] {
    if (!ForbidExecutableMemory()) return 2;
    return Answers(TestPolicy(rules).policy(), log) == expected ? 0 : 1;
  });
  EXPECT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Confined, TheFilterOfThisTestWorks) {
  const int status = Fork([] {
    if (!ForbidExecutableMemory()) return 2;
    mmap(nullptr, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return 0;
  });
  EXPECT_TRUE(WIFSIGNALED(status));
}

}  // namespace
}  // namespace tld
