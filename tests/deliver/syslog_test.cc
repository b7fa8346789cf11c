// SPDX-License-Identifier: Apache-2.0
#include "deliver/syslog.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <regex>

#include "tests/support.h"

namespace tld {
namespace {

/// A /dev/log of its own.
class Receiver {
 public:
  explicit Receiver(const std::string& path) : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), address.sun_path);
    unlink(path.c_str());
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  /// The next datagram; empty when none has come.
  std::string Next() {
    std::string buffer(1 << 16, '\0');
    const ssize_t n = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    return n <= 0 ? "" : buffer.substr(0, static_cast<std::size_t>(n));
  }

 private:
  Fd fd_;
};

class SyslogTest : public testing::Test {
 protected:
  Syslog::Options Options() {
    Syslog::Options options;
    options.socket = path_;
    return options;
  }
  testing_support::TemporaryDirectory directory_;
  std::string path_ = directory_ / "log";
};

TEST_F(SyslogTest, WritesTheFormOfSyslog3) {
  Receiver receiver(path_);
  Syslog syslog(Options());
  syslog.Send(2, "hello", 1000);
  const std::string line = receiver.Next();
  EXPECT_TRUE(std::regex_match(
      line, std::regex("<26>[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} tld-audisp\\[[0-9]+\\]: hello")))
      << line;
}

TEST_F(SyslogTest, LinesWaitForAReceiverThatIsNotThereYet) {
  Syslog syslog(Options());
  syslog.Send(2, "one", 1000);
  syslog.Send(2, "two", 1001);
  EXPECT_EQ(syslog.waiting(), 2u);
  Receiver receiver(path_);
  syslog.Flush(1600);
  EXPECT_TRUE(receiver.Next().ends_with(": one"));
  EXPECT_TRUE(receiver.Next().ends_with(": two"));
  EXPECT_EQ(syslog.waiting(), 0u);
}

TEST_F(SyslogTest, SmallLinesWaitForTheEndOfTheTurnAndGreatOnesTakeThemAlong) {
  Receiver receiver(path_);
  Syslog syslog(Options());
  syslog.Send(5, "small", 1000);
  EXPECT_EQ(receiver.Next(), "");
  syslog.Send(2, "great", 1000);
  EXPECT_TRUE(receiver.Next().ends_with(": small"));
  EXPECT_TRUE(receiver.Next().ends_with(": great"));
  syslog.Send(5, "last", 1000);
  syslog.Send(5, "told", 1000, Syslog::Rate::kUrgent);
  EXPECT_TRUE(receiver.Next().ends_with(": last"));
  EXPECT_TRUE(receiver.Next().ends_with(": told"));
}

TEST_F(SyslogTest, ManyLinesOfOneTurnComeInOrder) {
  Receiver receiver(path_);
  Syslog syslog(Options());
  std::vector<std::string> received;
  const auto receive = [&] {
    for (std::string line; !(line = receiver.Next()).empty();) received.push_back(line);
  };
  for (int i = 0; i < 100; ++i) {
    syslog.Send(5, "line " + std::to_string(i), 1000);
    receive();
  }
  for (int i = 0; i < 100 && syslog.waiting() > 0; ++i) {
    syslog.Flush(1000);  // the receiver has room for ten or so
    receive();
  }
  ASSERT_EQ(received.size(), 100u);
  for (std::size_t i = 0; i < received.size(); ++i) {
    EXPECT_TRUE(received[i].ends_with(": line " + std::to_string(i))) << received[i];
  }
  EXPECT_EQ(syslog.counters().sent, 100u);
  EXPECT_EQ(syslog.waiting(), 0u);
}

TEST_F(SyslogTest, AReceiverThatWasRestartedGetsWhatFollows) {
  Syslog syslog(Options());
  {
    Receiver first(path_);
    syslog.Send(2, "one", 1000);
    EXPECT_TRUE(first.Next().ends_with(": one"));
  }
  syslog.Send(2, "two", 2000);  // nobody there
  Receiver second(path_);
  syslog.Flush(3000);
  EXPECT_TRUE(second.Next().ends_with(": two"));
}

TEST_F(SyslogTest, AReceiverThatReadsNothingBlocksNothing) {
  Receiver receiver(path_);
  Syslog syslog(Options());
  for (int i = 0; i < 20'000; ++i) syslog.Send(5, std::string(100, 'x'), 1000 + i / 1000 * 40'000);
  EXPECT_LE(syslog.waiting(), Syslog::kQueueLines);
  const Syslog::Counters& counters = syslog.counters();
  EXPECT_GT(counters.dropped, 0u);
  std::uint64_t received = 0;
  for (std::int64_t now = 1'000'000; syslog.waiting() > 0; now += 1000) {
    while (!receiver.Next().empty()) ++received;
    syslog.Flush(now);
  }
  while (!receiver.Next().empty()) ++received;
  EXPECT_EQ(received, counters.sent);
  EXPECT_EQ(counters.sent + counters.dropped + counters.suppressed, 20'000u);
}

TEST_F(SyslogTest, WhatIsOverTheRateIsCountedInOneLine) {
  Receiver receiver(path_);
  Syslog::Options options = Options();
  options.rate_burst = 3;
  options.rate_interval_s = 10;
  Syslog syslog(options);
  for (int i = 0; i < 8; ++i) {
    syslog.Send(5, std::to_string(i), 20'000);
  }
  syslog.Flush(20'000);
  for (const char* line : {": 0", ": 1", ": 2"}) EXPECT_TRUE(receiver.Next().ends_with(line));
  EXPECT_EQ(receiver.Next(), "");
  syslog.Flush(30'000);
  EXPECT_NE(receiver.Next().find(": 5 more alerts in 10 s were not written to syslog"),
            std::string::npos);
  syslog.Send(2, "again", 30'001);
  EXPECT_TRUE(receiver.Next().ends_with(": again"));
}

TEST_F(SyslogTest, AFloodOfSmallAlertsHidesNoGreatOne) {
  Syslog::Options options = Options();
  options.rate_burst = 10;
  Syslog syslog(options);
  for (int i = 0; i < 100; ++i) syslog.Send(5, "small", 50'000);
  syslog.Send(2, "great", 50'001);
  syslog.Send(4, "urgent", 50'001, Syslog::Rate::kUrgent);
  Receiver receiver(path_);
  syslog.TellSuppressed(50'600);
  std::string all;
  for (std::int64_t now = 50'600; syslog.waiting() > 0; now += 10) {
    syslog.Flush(now);
    for (std::string line; !(line = receiver.Next()).empty();) all += line + '\n';
  }
  EXPECT_NE(all.find(": great"), all.npos);
  EXPECT_NE(all.find(": urgent"), all.npos);
  EXPECT_NE(all.find(": 90 more alerts in 0 s were not written"), all.npos) << all;
}

TEST_F(SyslogTest, AFullQueueDropsTheLeastSevereLine) {
  Syslog::Options options = Options();
  options.rate_burst = 0;
  Syslog syslog(options);
  for (std::size_t i = 0; i < Syslog::kQueueLines; ++i) syslog.Send(5, "small", 1000);
  syslog.Send(2, "great", 1001);
  syslog.Send(5, "too late", 1001);
  EXPECT_EQ(syslog.counters().dropped, 2u);
  Receiver receiver(path_);
  std::string all;
  for (std::int64_t now = 10'000; syslog.waiting() > 0; now += 1000) {
    syslog.Flush(now);
    for (std::string line; !(line = receiver.Next()).empty();) all += line + '\n';
  }
  EXPECT_NE(all.find(": great"), all.npos);
  EXPECT_EQ(all.find(": too late"), all.npos);
}

TEST_F(SyslogTest, TellsThatNobodyTakesLines) {
  Syslog syslog(Options());
  syslog.Send(2, "one", 1000);
  syslog.Flush(1000 + Syslog::kProblemMs - 1);
  EXPECT_EQ(syslog.problem(), "");
  syslog.Flush(1000 + Syslog::kProblemMs);
  EXPECT_EQ(syslog.problem(), "syslog takes no lines: " + path_ + ": No such file or directory");
  Receiver receiver(path_);
  syslog.Flush(8000);
  EXPECT_EQ(syslog.waiting(), 0u);
  EXPECT_EQ(syslog.problem(), "");
}

TEST_F(SyslogTest, TellsThatAReceiverReadsNothing) {
  Receiver receiver(path_);
  Syslog syslog(Options());
  const std::string text(1000, 'x');
  while (syslog.waiting() == 0) syslog.Send(2, text, 1000);
  syslog.Flush(1000 + Syslog::kProblemMs);
  EXPECT_EQ(syslog.problem(), "syslog takes no lines: " + path_ + ": it does not read");
  receiver.Next();
  syslog.Flush(1001 + Syslog::kProblemMs);
  EXPECT_EQ(syslog.problem(), "");
}

TEST_F(SyslogTest, OneLineTakenOfManyIsNotTheEndOfTrouble) {
  Receiver receiver(path_);
  Syslog syslog(Options());
  const std::string text(1000, 'x');
  while (syslog.waiting() < 3) syslog.Send(2, text, 1000);
  syslog.Flush(1000 + Syslog::kProblemMs);
  receiver.Next();
  syslog.Flush(1001 + Syslog::kProblemMs);
  EXPECT_EQ(syslog.waiting(), 2u);
  EXPECT_NE(syslog.problem(), "");
  while (!receiver.Next().empty()) syslog.Flush(1002 + Syslog::kProblemMs);
  EXPECT_EQ(syslog.problem(), "");
}

TEST_F(SyslogTest, TellsWhatIsWrongNow) {
  Syslog syslog(Options());
  syslog.Send(2, "one", 1000);
  syslog.Flush(1000 + Syslog::kProblemMs);
  Syslog::Options other = Options();
  other.socket = directory_ / std::string(200, 'x');
  syslog.Configure(other);
  syslog.Flush(1001 + Syslog::kProblemMs);
  EXPECT_EQ(syslog.problem(), "syslog takes no lines: " + other.socket + ": File name too long");
}

TEST_F(SyslogTest, CountsWhatIsLeftAtTheEnd) {
  Syslog syslog(Options());
  syslog.Send(2, "one", 1000);
  syslog.Send(2, "two", 1000);
  syslog.DropWaiting();
  EXPECT_EQ(syslog.waiting(), 0u);
  EXPECT_EQ(syslog.counters().dropped, 2u);
}

TEST_F(SyslogTest, NewOptionsLoseNoLineThatWaits) {
  Syslog syslog(Options());
  syslog.Send(2, "one", 1000);
  Syslog::Options other = Options();
  other.socket = directory_ / "other";
  Receiver receiver(other.socket);
  syslog.Configure(other);
  syslog.Flush(2000);
  EXPECT_TRUE(receiver.Next().ends_with(": one"));
}

TEST(Facility, IsNamedAsInSyslogConf) {
  EXPECT_EQ(FacilityNumber("daemon"), 3);
  EXPECT_EQ(FacilityNumber("local7"), 23);
  EXPECT_EQ(FacilityNumber("kern"), -1);
}

}  // namespace
}  // namespace tld
