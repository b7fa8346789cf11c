// SPDX-License-Identifier: Apache-2.0
#include "deliver/json_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support.h"

namespace tld {
namespace {

using testing_support::Slurp;
using testing_support::TemporaryDirectory;

TEST(JsonFile, AppendsALineEach) {
  const TemporaryDirectory directory;
  JsonFile file(directory / "alerts.json");
  file.Write("{\"a\":1}");
  file.Write("{\"a\":2}");
  EXPECT_EQ(Slurp(directory / "alerts.json"), "{\"a\":1}\n{\"a\":2}\n");
  struct stat st {};
  ASSERT_EQ(stat((directory / "alerts.json").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777 & 07137, 0u);  // no more than 0640
}

TEST(JsonFile, FollowsLogrotate) {
  const TemporaryDirectory directory;
  JsonFile file(directory / "alerts.json");
  file.Write("1");
  ASSERT_EQ(rename((directory / "alerts.json").c_str(), (directory / "alerts.json.1").c_str()), 0);
  file.Write("2");
  EXPECT_EQ(Slurp(directory / "alerts.json.1"), "1\n");
  EXPECT_EQ(Slurp(directory / "alerts.json"), "2\n");
}

TEST(JsonFile, AMissingDirectoryIsCountedAndTriedAgain) {
  const TemporaryDirectory directory;
  JsonFile file(directory / "later/alerts.json");
  file.Write("1");
  EXPECT_EQ(file.counters().failed, 1u);
  ASSERT_EQ(mkdir((directory / "later").c_str(), 0755), 0);
  file.Write("2");
  EXPECT_EQ(Slurp(directory / "later/alerts.json"), "2\n");
}

TEST(JsonFile, DoesNotFollowALinkOrWaitForAPipe) {
  const TemporaryDirectory directory;
  ASSERT_EQ(symlink((directory / "target").c_str(), (directory / "link").c_str()), 0);
  JsonFile link(directory / "link");
  link.Write("1");
  EXPECT_EQ(link.counters().failed, 1u);
  ASSERT_EQ(mkfifo((directory / "pipe").c_str(), 0600), 0);
  JsonFile pipe(directory / "pipe");
  pipe.Write("1");
  EXPECT_EQ(pipe.counters().failed, 1u);
}

}  // namespace
}  // namespace tld
