// SPDX-License-Identifier: Apache-2.0
#include "base/os.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support.h"

namespace tld {
namespace {

using testing_support::TemporaryDirectory;

TEST(AtomicFile, ReplacesWholeAndKeepsTheMode) {
  const TemporaryDirectory directory;
  const std::string path = directory.Write("f", "old");
  chmod(path.c_str(), 0640);
  ASSERT_TRUE(WriteFileAtomically(path, "new", 0600, true));
  EXPECT_EQ(*ReadFile(path, 100), "new");
  struct stat st {};
  ASSERT_EQ(stat(path.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0640u);
}

TEST(AtomicFile, LeavesNothingBehindWhenNotCommitted) {
  const TemporaryDirectory directory;
  { ASSERT_TRUE(AtomicFile::Create(directory / "f", 0644)); }
  EXPECT_TRUE(ListDirectory(directory.path())->empty());
}

TEST(MakeDirectories, LetsTheirOwnerThroughWhateverTheUmask) {
  const TemporaryDirectory directory;
  const mode_t before = umask(0077);
  const Status made = MakeDirectories(directory / "a/b/c", 0750);
  umask(before);
  ASSERT_TRUE(made) << made.message();
  const auto mode = [&](const std::string& name) {
    struct stat st {};
    stat((directory / name).c_str(), &st);
    return st.st_mode & 0777;
  };
  EXPECT_EQ(mode("a"), 0755u);
  EXPECT_EQ(mode("a/b"), 0755u);
  EXPECT_EQ(mode("a/b/c"), 0750u);
}

TEST(ReadFile, RefusesWhatIsTooLargeOrNoFile) {
  const TemporaryDirectory directory;
  const std::string path = directory.Write("f", "12345");
  EXPECT_TRUE(ReadFile(path, 5));
  EXPECT_FALSE(ReadFile(path, 4));
  EXPECT_FALSE(ReadFile(directory.path(), 100));
  EXPECT_FALSE(ReadFile(directory / "none", 100));
  const std::string fifo = directory / "fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_FALSE(ReadFile(fifo, 100));  // and does not hang
}

TEST(Trust, RefusesFilesThatOthersCanWrite) {
  const TemporaryDirectory directory;
  const std::string path = directory.Write("f", "x");
  const FileTrust trust{true, getuid()};
  chmod(path.c_str(), 0644);
  EXPECT_TRUE(ReadFile(path, 10, trust));
  chmod(path.c_str(), 0664);
  EXPECT_FALSE(ReadFile(path, 10, trust));
  chmod(path.c_str(), 0646);
  EXPECT_FALSE(ReadFile(path, 10, trust));
}

TEST(Trust, RefusesFilesOfOtherUsers) {
  if (getuid() != 0) {
    const FileTrust nobody{true, 0};
    const TemporaryDirectory directory;
    EXPECT_FALSE(ReadFile(directory.Write("f", "x"), 10, nobody));
    return;
  }
  const TemporaryDirectory directory;
  const std::string path = directory.Write("f", "x");
  ASSERT_EQ(chown(path.c_str(), 1000, 1000), 0);
  EXPECT_FALSE(ReadFile(path, 10, {true, 0}));
  EXPECT_TRUE(ReadFile(path, 10, {false, 0}));
}

TEST(Sha256, FitsTheStandard) {
  const std::string abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(Sha256Hex("abc"), abc);  // FIPS 180-2, B.1
  const TemporaryDirectory directory;
  const Result<Fd> fd = OpenUnlinked(directory.path());
  ASSERT_TRUE(fd);
  ASSERT_TRUE(WriteAll(fd->get(), "abc"));
  lseek(fd->get(), 0, SEEK_SET);
  EXPECT_EQ(*Sha256Hex(fd->get()), abc);
  EXPECT_TRUE(ListDirectory(directory.path())->empty());
}

}  // namespace
}  // namespace tld
