// SPDX-License-Identifier: Apache-2.0
// The alert store on a file system that is really full. Here since it mounts one, as root only may.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <filesystem>
#include <fstream>

#include "deliver/store.h"
#include "tests/support.h"

namespace tld {
namespace {

using testing_support::TemporaryDirectory;

/// A file system of 1 MiB.
class SmallDisk {
 public:
  explicit SmallDisk(std::string path) : path_(std::move(path)) {
    std::filesystem::create_directory(path_);
    mounted_ = mount("none", path_.c_str(), "tmpfs", 0, "size=1m") == 0;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted_) umount(path_.c_str());
  }
  bool mounted() const { return mounted_; }

 private:
  std::string path_;
  bool mounted_ = false;
};

TEST(FullDisk, AlertsWaitAndNoneIsLostOnceThereIsRoomAgain) {
  TemporaryDirectory directory;
  const SmallDisk disk(directory / "small");
  ASSERT_TRUE(disk.mounted());
  const std::string ballast = directory / "small/ballast";
  std::ofstream(ballast) << std::string(700'000, 'x');
  Store::Options options;
  options.path = directory / "small/alerts.db";
  Store store(options);
  Rule rule;
  rule.id = "100210";
  rule.level = 12;
  std::int64_t now_ms = 1000;
  for (std::uint64_t seq = 1; seq <= 40; ++seq) {
    Alert alert;
    alert.rule = &rule;
    alert.seq = seq;
    store.Add(alert, {}, std::string(16'000, 'd'), now_ms);
    store.Tick(now_ms += Store::kBatchMs, 0);
  }
  EXPECT_NE(store.problem().find("cannot be written"), std::string::npos) << store.problem();
  EXPECT_GT(store.pending(), 0u);
  std::filesystem::remove(ballast);
  store.Tick(now_ms + 1000, 0);
  EXPECT_EQ(store.problem(), "");
  EXPECT_EQ(store.pending(), 0u);
  EXPECT_EQ(store.counters().lost, 0u);
  Result<Database> database = Database::Open(options.path, Database::Mode::kRead);
  ASSERT_TRUE(database) << database.message();
  EXPECT_EQ(database->Ask("SELECT count(*) FROM alert"), 40);
  EXPECT_EQ(database->Ask("SELECT max(seq) FROM alert"), 40);
}

}  // namespace
}  // namespace tld
