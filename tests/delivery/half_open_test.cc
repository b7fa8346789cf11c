// SPDX-License-Identifier: Apache-2.0
// A receiver that is gone without a word: its network ends, and nobody closes the connection. Takes
// over a minute, and root.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <thread>

#include "deliver/destination.h"
#include "deliver/store.h"
#include "tests/deliver/receiver.h"
#include "tests/program/dispatcher.h"
#include "tests/support.h"

namespace tld {
namespace {

using testing_support::Eventually;
using testing_support::Receiver;

/// Another host: a network namespace with a cable to ours.
class OtherHost {
 public:
  OtherHost() {
    Run("ip netns add " + name_);
    Run("ip link add " + name_ + " type veth peer name eth0 netns " + name_);
    Run("ip addr add 198.51.100.1/30 dev " + name_ + " && ip link set " + name_ + " up");
    Run("ip -n " + name_ + " addr add 198.51.100.2/30 dev eth0");
    Run("ip -n " + name_ + " link set eth0 up");
  }
  ~OtherHost() { Run("ip netns del " + name_); }
  /// What is sent there goes to a hardware address that nobody has: lost without an error.
  void Vanish() {
    Run("ip neigh replace 198.51.100.2 lladdr 02:00:00:00:00:99 dev " + name_ + " nud permanent");
  }
  void ComeBack() { Run("ip neigh del 198.51.100.2 dev " + name_); }
  /// A receiver there; sockets belong to the namespace of the thread that makes them.
  std::unique_ptr<Receiver> Listen() const {
    std::unique_ptr<Receiver> receiver;
    std::thread([&] {
      const Fd space(open(("/run/netns/" + name_).c_str(), O_RDONLY | O_CLOEXEC));
      if (setns(space.get(), CLONE_NEWNET) != 0) return;
      receiver = std::make_unique<Receiver>(Receiver::Behaviour::kRead, nullptr, 26'514, true);
    }).join();
    return receiver;
  }

 private:
  static void Run(const std::string& command) { EXPECT_EQ(system(command.c_str()), 0) << command; }
  std::string name_ = "tld" + std::to_string(getpid());
};

TEST(HalfOpen, APeerWithoutAWordIsGivenUpAndGetsAllWhenItIsBack) {
  if (std::getenv("TLD_LONG") == nullptr) return;  // part of check-long
  OtherHost host;
  const std::unique_ptr<Receiver> receiver = host.Listen();
  ASSERT_TRUE(receiver);
  const testing_support::TemporaryDirectory directory;
  Store store({directory / "alerts.db"});
  const Event event = testing_support::ParseEvent(testing_support::ExecRecords("nc", "/bin/nc"));
  Rule rule;
  rule.id = "1";
  rule.level = 9;
  std::uint64_t seq = 0;
  const auto put = [&](int count) {
    for (int i = 0; i < count; ++i) {
      Alert alert;
      alert.rule = &rule;
      alert.event = &event;
      alert.seq = ++seq;
      alert.time_us = RealtimeUs();
      store.Add(alert, {}, FormatJson(alert, {}, kFileLimit), 0);
    }
    store.Flush();
  };
  Destination::Setup setup;
  setup.remote.name = "far";
  setup.remote.protocol = Remote::Protocol::kTcp;
  setup.remote.host = "198.51.100.2";
  setup.remote.port = "26514";
  setup.store_path = directory / "alerts.db";
  setup.cursor_path = directory / "courier.db";
  Bell bell;
  DestinationState state;
  put(5);
  Destination destination(setup, bell, state);
  std::thread thread([&] { destination.Run(); });
  EXPECT_TRUE(Eventually([&] { return state.cursor == 5; }));
  host.Vanish();
  put(20);
  bell.Ring();
  EXPECT_TRUE(Eventually([&] { return state.failures >= 1; }, 90));
  EXPECT_EQ(state.problem.Get(), "connection lost: Connection timed out");
  EXPECT_EQ(state.cursor, 5u);  // nothing counts that nobody acknowledged
  host.ComeBack();
  EXPECT_TRUE(Eventually([&] { return state.cursor == 25; }, 120)) << state.problem.Get();
  receiver
      ->Reset();  // it knows nothing of the end of the first connection, and reads one at a time
  EXPECT_TRUE(Eventually([&] { return receiver->Records().size() == 25; }))
      << receiver->Records().size();
  bell.Stop();
  thread.join();
}

}  // namespace
}  // namespace tld
