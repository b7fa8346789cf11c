// SPDX-License-Identifier: Apache-2.0
#include "program/remote_watch.h"

#include <gtest/gtest.h>

#include <memory>

#include "program/remote_state.h"
#include "tests/support.h"

namespace tld {
namespace {

using testing_support::TemporaryDirectory;
using Strings = std::vector<std::string>;

class RemoteWatchTest : public testing::Test {
 protected:
  RemoteWatchTest()
      : courier_(std::make_unique<CourierCounters>()),
        own_(std::make_unique<SensorCounters>()),
        watch_(*courier_, *own_, -1) {
    config_.state_directory = directory_.path();
    config_.store.path = directory_ / "alerts.db";
  }
  void Take(const Strings& names, std::int64_t now_us) {
    config_.remotes.clear();
    for (const std::string& name : names) {
      Remote remote;
      remote.name = name;
      remote.host = "h";
      config_.remotes.push_back(remote);
    }
    EXPECT_TRUE(watch_.Configure(config_, now_us));
    courier_->remotes = RemotesKey(config_.remotes);
  }
  Strings Told(std::int64_t seconds) {
    Strings told;
    for (const News& news : watch_.Tell(1'000'000 + seconds * 1000)) told.push_back(news.text);
    return told;
  }

  TemporaryDirectory directory_;
  Config config_;
  std::unique_ptr<CourierCounters> courier_;
  std::unique_ptr<SensorCounters> own_;
  RemoteWatch watch_;
};

TEST_F(RemoteWatchTest, TellsChangesAtMostOnceAMinute) {
  Take({"a"}, 1);
  SharedText<200>& problem = courier_->destinations[0].problem;
  EXPECT_EQ(Told(0), Strings{});
  problem.Set("x");
  EXPECT_EQ(Told(1), Strings{"remote a: x; alerts wait in the store"});
  for (int second = 2; second < 61; ++second) {
    problem.Set(second % 2 == 0 ? "" : "y");
    EXPECT_EQ(Told(second), Strings{}) << second;
  }
  problem.Set("");
  EXPECT_EQ(Told(61), Strings{"remote a takes alerts again"});
  EXPECT_EQ(Told(4000), Strings{});
  problem.Set("z");
  EXPECT_EQ(Told(4001), Strings{"remote a: z; alerts wait in the store"});
  EXPECT_EQ(Told(4061), Strings{});
  EXPECT_EQ(Told(7601), Strings{"remote a: z; alerts wait in the store"});  // each hour
}

TEST_F(RemoteWatchTest, AWrongCertificateIsToldEachMinute) {
  Take({"a"}, 1);
  courier_->destinations[0].problem.Set("expired");
  courier_->destinations[0].certificate = true;
  int times = 0;
  for (int second = 0; second < 300; ++second) times += static_cast<int>(Told(second).size());
  EXPECT_EQ(times, 5);
}

TEST_F(RemoteWatchTest, KeepsWhatTheSlowestNeeds) {
  EXPECT_EQ(watch_.KeepAfter(), std::nullopt);
  Take({"a", "b"}, 1);
  EXPECT_EQ(watch_.KeepAfter(), 0);  // nothing is known yet
  for (std::size_t i = 0; i < 2; ++i) {
    courier_->destinations[i].known = true;
    courier_->destinations[i].cursor = 10 * (i + 1);
  }
  EXPECT_EQ(watch_.KeepAfter(), 10);
  courier_->remotes = 0;  // another courier, of other remotes
  EXPECT_EQ(watch_.KeepAfter(), 0);
  config_.remotes.clear();
  EXPECT_TRUE(watch_.Configure(config_, 2));
  EXPECT_EQ(watch_.KeepAfter(), std::nullopt);
}

TEST_F(RemoteWatchTest, HandsOnEachSettingAndSinceWhenARemoteIsThere) {
  Remote remote;
  remote.name = "a \"b\"";
  remote.protocol = Remote::Protocol::kUdp;
  remote.host = "h";
  remote.port = "99";
  remote.socket = "/s";
  remote.group = "g";
  remote.format = Payload::kCef;
  remote.shape = Remote::Shape::kRfc3164;
  remote.facility = 7;
  remote.level = 9;
  remote.groups = {"x", "y"};
  remote.size_bytes = 4096;
  remote.ca = "/ca";
  remote.certificate = "/c";
  remote.key = "/k";
  remote.peer = "p";
  remote.verify = false;
  config_.remotes = {remote};
  EXPECT_TRUE(watch_.Configure(config_, 5));
  Result<RemoteState> state = LoadRemoteState(config_.remotes_file());
  ASSERT_TRUE(state) << state.message();
  EXPECT_EQ(*state, (RemoteState{config_.store.path, {{remote, 5}}}));
  Remote other;
  other.name = "b";
  config_.remotes = {other, remote};
  EXPECT_TRUE(watch_.Configure(config_, 9));
  state = LoadRemoteState(config_.remotes_file());
  ASSERT_TRUE(state);
  EXPECT_EQ(*state, (RemoteState{config_.store.path, {{other, 9}, {remote, 5}}}));
  for (const char* bad : {"", "{", "[]", "{\"store\":1,\"remotes\":[]}",
                          "{\"store\":\"x\",\"remotes\":[{\"name\":\"a\"}]}"}) {
    directory_.Write("remotes.json", bad);
    EXPECT_FALSE(LoadRemoteState(config_.remotes_file())) << bad;
  }
}

}  // namespace
}  // namespace tld
