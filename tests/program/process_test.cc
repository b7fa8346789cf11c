// SPDX-License-Identifier: Apache-2.0
#include "program/process.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/os.h"

namespace tld {
namespace {

TEST(Process, RunsSinceItsStartAndNotBefore) {
  const std::int64_t now_ns = RealtimeUs() * 1000;
  const auto own = static_cast<std::uint64_t>(getpid());
  EXPECT_TRUE(RunsSince(own, now_ns));
  EXPECT_FALSE(RunsSince(own, now_ns - std::int64_t{86'400} * 1'000'000'000));
  EXPECT_FALSE(RunsSince(0, now_ns));
}

TEST(Process, OneThatHasEndedDoesNotRun) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  siginfo_t ended{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
  EXPECT_FALSE(RunsSince(static_cast<std::uint64_t>(child), RealtimeUs() * 1000));
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
}

}  // namespace
}  // namespace tld
