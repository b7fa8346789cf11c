// SPDX-License-Identifier: Apache-2.0
#include "deliver/destination.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <memory>
#include <thread>

#include "deliver/store.h"
#include "tests/deliver/faults.h"
#include "tests/deliver/receiver.h"
#include "tests/program/dispatcher.h"
#include "tests/support.h"

namespace tld {
namespace {

using testing_support::Eventually;
using testing_support::ExecRecords;
using testing_support::Receiver;
using testing_support::TemporaryDirectory;
using testing_support::TestCa;
using Strings = std::vector<std::string>;

/// A destination at work, in a thread, until it goes.
class Working {
 public:
  explicit Working(const Destination::Setup& setup)
      : destination_(setup, bell_, state_), thread_([this] {
          testing_support::WatchThisThread();
          destination_.Run();
        }) {}
  ~Working() {
    bell_.Stop();
    thread_.join();
  }
  void Ring() { bell_.Ring(); }
  const DestinationState& state() const { return state_; }

 private:
  Bell bell_;
  DestinationState state_;
  Destination destination_;
  std::thread thread_;
};

class DestinationTest : public testing::Test {
 protected:
  DestinationTest() : event_(testing_support::ParseEvent(ExecRecords("nc", "/usr/bin/nc"))) {
    rule_.id = "100210";
    rule_.level = 12;
    rule_.groups = {"audit"};
    sender_.host = "host1";
    sender_.instance = 7;
    setup_.store_path = directory_ / "alerts.db";
    setup_.cursor_path = directory_ / "courier.db";
    setup_.remote.name = "r";
    setup_.remote.protocol = Remote::Protocol::kTcp;
    setup_.remote.host = "127.0.0.1";
    store_ = std::make_unique<Store>(Store::Options{setup_.store_path});
  }

  void Put(int count, int level = 12) {
    for (int i = 0; i < count; ++i) {
      rule_.level = level;
      Alert alert;
      alert.rule = &rule_;
      alert.event = &event_;
      alert.description = "d";
      alert.seq = ++seq_;
      alert.time_us = RealtimeUs();
      alert.location = "auditd";
      store_->Add(alert, sender_, FormatJson(alert, sender_, kFileLimit), 0);
    }
    store_->Tick(now_ms_ += 1000, RealtimeUs());
  }

  void SendTo(int port) { setup_.remote.port = std::to_string(port); }

  /// The last that has come is this one, once the receiver has read what its kernel took for it.
  static bool EndsWith(Receiver& receiver, int last) {
    return Eventually([&] {
      const std::vector<int> numbers = Numbers(receiver.Records());
      return !numbers.empty() && numbers.back() == last;
    });
  }

  /// The sequence numbers in the records.
  static std::vector<int> Numbers(const Strings& records) {
    std::vector<int> numbers;
    for (const std::string& record : records) {
      const std::size_t at = record.find("seq=\"");
      numbers.push_back(at == record.npos ? -1 : std::stoi(record.substr(at + 5)));
    }
    return numbers;
  }
  static std::vector<int> UpTo(int last, int first = 1) {
    std::vector<int> numbers;
    for (int i = first; i <= last; ++i) numbers.push_back(i);
    return numbers;
  }
  /// The peer's kernel may have acknowledged what its program has not read yet.
  static testing::AssertionResult Receives(Receiver& receiver, const std::vector<int>& numbers) {
    if (Eventually([&] { return Numbers(receiver.Records()) == numbers; })) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << testing::PrintToString(Numbers(receiver.Records()));
  }
  /// Each number is there, and the first time of each comes in order.
  static void ExpectAllInOrder(std::vector<int> numbers, int last) {
    std::vector<int> first;
    for (const int n : numbers) {
      if (std::find(first.begin(), first.end(), n) == first.end()) first.push_back(n);
    }
    EXPECT_EQ(first, UpTo(last));
  }

  TemporaryDirectory directory_;
  Destination::Setup setup_;
  Event event_;
  Rule rule_;
  Sender sender_;
  std::unique_ptr<Store> store_;
  std::uint64_t seq_ = 0;
  std::int64_t now_ms_ = 1'000'000;
};

TEST_F(DestinationTest, DeliversInOrderAndGoesOnWhereItWas) {
  Receiver receiver(Receiver::Behaviour::kRead);
  SendTo(receiver.port());
  Put(100);
  {
    Working working(setup_);
    ASSERT_TRUE(Eventually([&] { return receiver.Records().size() == 100; }));
    Put(5);
    working.Ring();
    ASSERT_TRUE(Eventually([&] { return working.state().cursor == 105; }));
    EXPECT_EQ(working.state().delivered, 105u);
    EXPECT_EQ(working.state().problem.Get(), "");
  }
  Put(5);
  {
    Working working(setup_);
    ASSERT_TRUE(Eventually([&] { return working.state().cursor == 110; }));
    EXPECT_EQ(working.state().delivered, 5u);
  }
  EXPECT_TRUE(Receives(receiver, UpTo(110)));
}

TEST_F(DestinationTest, WaitsForAReceiverThatIsAway) {
  int port = 0;
  { port = Receiver(Receiver::Behaviour::kRead).port(); }
  SendTo(port);
  Put(3);
  Working working(setup_);
  ASSERT_TRUE(Eventually([&] { return working.state().failures >= 2; }));
  EXPECT_NE(working.state().problem.Get().find("cannot connect to 127.0.0.1:"), std::string::npos);
  EXPECT_EQ(working.state().cursor, 0u);
  Receiver receiver(Receiver::Behaviour::kRead, nullptr, port);
  ASSERT_TRUE(Eventually([&] { return working.state().delivered == 3; }, 20));
  EXPECT_TRUE(Receives(receiver, UpTo(3)));
  EXPECT_EQ(working.state().problem.Get(), "");
}

TEST_F(DestinationTest, WhatAResetTookIsSentAgain) {
  auto receiver = std::make_unique<Receiver>(Receiver::Behaviour::kCutAfter);
  SendTo(receiver->port());
  Put(400);  // more than the receiver's kernel takes
  Working working(setup_);
  ASSERT_TRUE(Eventually([&] { return working.state().failures >= 2; }, 20));
  const int port = receiver->port();
  std::vector<int> numbers = Numbers(receiver->Records());
  receiver.reset();
  Receiver whole(Receiver::Behaviour::kRead, nullptr, port);
  ASSERT_TRUE(Eventually([&] { return working.state().cursor == 400; }, 30));
  // What the peer's kernel had acknowledged counts as delivered, read or not: the rest is here.
  EXPECT_TRUE(EndsWith(whole, 400));
  const std::vector<int> rest = Numbers(whole.Records());
  EXPECT_TRUE(std::is_sorted(rest.begin(), rest.end()));
}

TEST_F(DestinationTest, AConnectionThatWasClosedWhileIdleCostsNothing) {
  Receiver receiver(Receiver::Behaviour::kRead);
  SendTo(receiver.port());
  Put(1);
  Working working(setup_);
  // The kernel takes the alert before the receiver has taken the connection, and read.
  ASSERT_TRUE(Eventually([&] { return working.state().delivered == 1; }));
  ASSERT_TRUE(EndsWith(receiver, 1));
  receiver.Reset();
  ASSERT_TRUE(Eventually([&] { return !receiver.connected(); }));
  Put(1);
  working.Ring();
  ASSERT_TRUE(Eventually([&] { return receiver.connections() == 2; }));
  ASSERT_TRUE(Eventually([&] { return working.state().cursor == seq_; }));
  EXPECT_EQ(working.state().failures, 0u);
  EXPECT_TRUE(EndsWith(receiver, static_cast<int>(seq_)));
  ExpectAllInOrder(Numbers(receiver.Records()), static_cast<int>(seq_));
}

TEST_F(DestinationTest, AStuckReceiverHoldsUpNoOther) {
  Receiver stuck(Receiver::Behaviour::kSilent);
  Receiver good(Receiver::Behaviour::kRead);
  Destination::Setup other = setup_;
  other.remote.name = "stuck";
  other.remote.port = std::to_string(stuck.port());
  SendTo(good.port());
  for (int i = 0; i < 20; ++i) Put(500);
  Working waiting(other);
  ASSERT_TRUE(Eventually([&] { return waiting.state().busy_since_ms != 0; }));
  Working working(setup_);
  ASSERT_TRUE(Eventually([&] { return working.state().delivered == 10'000; }, 60));
  EXPECT_LT(waiting.state().delivered, 10'000u);
  EXPECT_TRUE(Receives(good, UpTo(10'000)));
  stuck.Reset();
}

/// Each call that sends or keeps the place fails once, at each of its first times.
TEST_F(DestinationTest, AFailingCallLosesNothing) {
  const std::pair<const char*, int> calls[] = {
      {"socket", ENOMEM}, {"connect", ENETUNREACH}, {"send", ECONNRESET}, {"send", ENOBUFS},
      {"ioctl", EIO},     {"getsockopt", EBADF},    {"getaddrinfo", 0},   {"open", EMFILE},
      {"pwrite", EIO},    {"pwrite", ENOSPC},       {"pread", EIO},       {"fsync", EIO},
      {"ftruncate", EIO}};
  Put(20);
  for (const auto& [call, error] : calls) {
    testing_support::FailCall(call, 0, 0);
    int times = 0;
    {
      Receiver receiver(Receiver::Behaviour::kRead);
      SendTo(receiver.port());
      setup_.cursor_path = directory_ / (std::string("count") + call + ".db");
      Working working(setup_);
      ASSERT_TRUE(Eventually([&] { return working.state().cursor == 20; }));
      times = std::min(testing_support::CallsSeen(), 4);
    }
    for (int nth = 1; nth <= times; ++nth) {
      Receiver receiver(Receiver::Behaviour::kRead);
      SendTo(receiver.port());
      setup_.cursor_path =
          directory_ / (call + std::to_string(error) + "-" + std::to_string(nth) + ".db");
      testing_support::FailCall(call, nth, error);
      Working working(setup_);
      ASSERT_TRUE(Eventually([&] { return working.state().cursor == 20; }, 20))
          << call << ' ' << error << ' ' << nth << ' ' << working.state().problem.Get();
      EXPECT_TRUE(EndsWith(receiver, 20));
      ExpectAllInOrder(Numbers(receiver.Records()), 20);
    }
  }
  testing_support::FailCall("", 0, 0);
}

TEST_F(DestinationTest, APlaceThatCouldNotBeKeptIsKeptLater) {
  Receiver receiver(Receiver::Behaviour::kRead);
  SendTo(receiver.port());
  Put(1);
  {
    Working working(setup_);
    ASSERT_TRUE(Eventually([&] { return working.state().cursor == 1; }));
    testing_support::FailCall("pwrite", 1, EIO);
    Put(1);
    working.Ring();
    ASSERT_TRUE(Eventually([&] { return working.state().cursor == 2; }));
    testing_support::FailCall("", 0, 0);
  }
  Put(1);
  Working working(setup_);
  ASSERT_TRUE(Eventually([&] { return working.state().cursor == 3; }));
  EXPECT_EQ(working.state().delivered, 1u);
}

TEST_F(DestinationTest, ASlowReaderGetsAllOverOneConnection) {
  Receiver receiver(Receiver::Behaviour::kSlow);
  SendTo(receiver.port());
  Put(400);
  Working working(setup_);
  ASSERT_TRUE(Eventually([&] { return working.state().cursor == 400; }, 60));
  EXPECT_TRUE(Receives(receiver, UpTo(400)));
  EXPECT_EQ(receiver.connections(), 1);
  EXPECT_EQ(working.state().failures, 0u);
}

TEST_F(DestinationTest, LevelAndGroupsChoose) {
  Receiver receiver(Receiver::Behaviour::kRead);
  SendTo(receiver.port());
  setup_.remote.level = 7;
  setup_.remote.groups = {"wanted"};
  Put(2);
  rule_.groups = {"other", "wanted"};
  Put(1, 6);
  Put(1, 7);
  Working working(setup_);
  ASSERT_TRUE(Eventually([&] { return working.state().cursor == 4; }));
  EXPECT_TRUE(Receives(receiver, std::vector<int>{4}));
}

TEST_F(DestinationTest, ANewOneBeginsWithWhatIsStoredFromThenOn) {
  Receiver receiver(Receiver::Behaviour::kRead);
  SendTo(receiver.port());
  Put(3);
  setup_.since_us = RealtimeUs() + 3'600'000'000;  // the store's clock has passed no second
  {
    Working working(setup_);
    ASSERT_TRUE(Eventually([&] { return working.state().known.load(); }));
    EXPECT_EQ(working.state().cursor, 3u);
  }
  Put(2);
  Working working(setup_);
  ASSERT_TRUE(Eventually([&] { return working.state().cursor == 5; }));
  EXPECT_TRUE(Receives(receiver, UpTo(5, 4)));
}

TEST_F(DestinationTest, WhenCursorsAreLostAllIsSentAgain) {
  Receiver receiver(Receiver::Behaviour::kRead);
  SendTo(receiver.port());
  setup_.since_us = RealtimeUs() + 3'600'000'000;
  Put(3);
  directory_.Write("courier.db", std::string(5000, 'x'));
  const Result<bool> lost = Cursors::Repair(setup_.cursor_path);
  ASSERT_TRUE(lost) << lost.message();
  ASSERT_TRUE(*lost);
  EXPECT_TRUE(FileExists(setup_.cursor_path + ".corrupt"));
  setup_.cursors_lost = true;
  Working working(setup_);
  ASSERT_TRUE(Eventually([&] { return working.state().delivered == 3; }));
  EXPECT_FALSE(*Cursors::Repair(setup_.cursor_path));
}

TEST_F(DestinationTest, ANewStoreIsReadFromItsBeginning) {
  Receiver receiver(Receiver::Behaviour::kRead);
  SendTo(receiver.port());
  Put(5);
  Working working(setup_);
  ASSERT_TRUE(Eventually([&] { return working.state().delivered == 5; }));
  store_.reset();
  for (const char* suffix : {"", "-wal", "-shm"}) std::remove((setup_.store_path + suffix).c_str());
  store_ = std::make_unique<Store>(Store::Options{setup_.store_path});
  Put(3);
  working.Ring();
  ASSERT_TRUE(Eventually([&] { return working.state().delivered == 8; }));
  EXPECT_TRUE(Receives(receiver, UpTo(8)));
}

TEST_F(DestinationTest, ADocumentThatIsNoneIsPassedOverAndCounted) {
  Receiver receiver(Receiver::Behaviour::kRead);
  SendTo(receiver.port());
  setup_.remote.format = Payload::kText;
  Put(1);
  {
    Result<Database> database = Database::Open(setup_.store_path, Database::Mode::kWrite);
    ASSERT_TRUE(database && database->Run("UPDATE alert SET document = '{'"));
  }
  Put(1);
  Working working(setup_);
  ASSERT_TRUE(Eventually([&] { return working.state().cursor == 2; }));
  EXPECT_EQ(working.state().unreadable, 1u);
  EXPECT_TRUE(Receives(receiver, std::vector<int>{2}));
}

TEST_F(DestinationTest, ADatagramThatWasRefusedIsSentAgain) {
  setup_.remote.protocol = Remote::Protocol::kUdp;
  Fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  SendTo(ntohs(address.sin_port));
  fd.Reset();
  Put(3);
  Working working(setup_);
  ASSERT_TRUE(Eventually([&] { return working.state().failures >= 1; }));
  EXPECT_NE(working.state().problem.Get().find("refuse"), std::string::npos);
  fd.Reset(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_TRUE(Eventually([&] { return working.state().delivered == 3; }, 20));
  Strings records;
  char buffer[65536];
  for (ssize_t n; (n = recv(fd.get(), buffer, sizeof buffer, 0)) > 0;) {
    records.emplace_back(buffer, static_cast<std::size_t>(n));
  }
  ExpectAllInOrder(Numbers(records), 3);
}

TEST_F(DestinationTest, AnAgentGetsItsOwnForm) {
  setup_.remote.protocol = Remote::Protocol::kAgent;
  setup_.remote.socket = directory_ / "queue";
  Put(2);
  Working working(setup_);
  ASSERT_TRUE(Eventually([&] { return working.state().failures >= 1; }));
  EXPECT_NE(working.state().problem.Get().find("cannot connect to the agent at "),
            std::string::npos);
  Fd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(setup_.remote.socket.begin(), setup_.remote.socket.end(), address.sun_path);
  ASSERT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_TRUE(Eventually([&] { return working.state().delivered == 2; }, 20));
  char buffer[65536];
  const ssize_t n = recv(fd.get(), buffer, sizeof buffer, 0);
  ASSERT_GT(n, 0);
  const std::string record(buffer, static_cast<std::size_t>(n));
  EXPECT_TRUE(record.starts_with("1:tld-audisp:{\"audit\":{")) << record;
  EXPECT_NE(record.find("\"command\":\"nc\""), std::string::npos);
}

TEST_F(DestinationTest, RelpCountsWhatIsAnswered) {
  setup_.remote.protocol = Remote::Protocol::kRelp;
  Put(500);
  Receiver receiver(Receiver::Behaviour::kRelp);
  SendTo(receiver.port());
  Working working(setup_);
  ASSERT_TRUE(Eventually([&] { return working.state().cursor == 500; }));
  EXPECT_TRUE(Receives(receiver, UpTo(500)));
  EXPECT_EQ(working.state().delivered, 500u);
  receiver.Reset();
  ASSERT_TRUE(Eventually([&] { return !receiver.connected(); }));
  Put(1);
  working.Ring();
  ASSERT_TRUE(Eventually([&] { return working.state().cursor == 501; }));
  EXPECT_EQ(working.state().failures, 0u);
}

TEST_F(DestinationTest, RelpCountsNothingThatIsNotAnswered) {
  setup_.remote.protocol = Remote::Protocol::kRelp;
  Put(10);
  for (const auto behaviour : {Receiver::Behaviour::kRelpDies, Receiver::Behaviour::kRelpRefuses}) {
    auto receiver = std::make_unique<Receiver>(behaviour);
    const int port = receiver->port();
    SendTo(port);
    Working working(setup_);
    if (behaviour == Receiver::Behaviour::kRelpDies) {
      ASSERT_TRUE(Eventually([&] { return receiver->connected(); }));
      const timespec while_all_are_sent{0, 300'000'000};
      nanosleep(&while_all_are_sent, nullptr);
      receiver.reset();  // with the ten in hand
    }
    ASSERT_TRUE(Eventually([&] { return working.state().failures >= 1; }));
    EXPECT_EQ(working.state().cursor, 0u);
    EXPECT_EQ(working.state().delivered, 0u);
  }
  Receiver good(Receiver::Behaviour::kRelp);
  SendTo(good.port());
  Working working(setup_);
  ASSERT_TRUE(Eventually([&] { return working.state().cursor == 10; }));
  EXPECT_TRUE(Receives(good, UpTo(10)));
}

TEST_F(DestinationTest, WhatIsNoRelpIsSaid) {
  setup_.remote.protocol = Remote::Protocol::kRelp;
  Put(1);
  Receiver silent(Receiver::Behaviour::kSilent);
  SendTo(silent.port());
  Working working(setup_);
  ASSERT_TRUE(Eventually([&] { return working.state().failures >= 1; }, 30));
  EXPECT_EQ(working.state().problem.Get(), "RELP with 127.0.0.1: no answer within 10 s");
}

class TlsDestinationTest : public DestinationTest {
 protected:
  TlsDestinationTest() : ca_(directory_.path(), "ca"), other_(directory_.path(), "other") {
    setup_.remote.protocol = Remote::Protocol::kTls;
    setup_.remote.host = "localhost";
    setup_.remote.ca = ca_.certificate();
  }
  Receiver::Tls Server(const TestCa::Issued& issued, const std::string& client_ca = "") const {
    return {issued.certificate, issued.key, client_ca};
  }
  void UseCertificate(const TestCa::Issued& issued) {
    setup_.remote.certificate = issued.certificate;
    setup_.remote.key = issued.key;
    chmod(issued.key.c_str(), 0640);
  }
  /// What keeps it from delivering to such a receiver.
  std::string Problem(const Receiver::Tls& tls) {
    Receiver receiver(Receiver::Behaviour::kRead, &tls);
    SendTo(receiver.port());
    Working working(setup_);
    EXPECT_TRUE(Eventually([&] { return working.state().failures >= 1; }));
    EXPECT_TRUE(working.state().certificate);
    EXPECT_EQ(working.state().delivered, 0u);
    EXPECT_TRUE(receiver.Records().empty());
    return working.state().problem.Get();
  }

  TestCa ca_;
  TestCa other_;
};

TEST_F(TlsDestinationTest, DeliversWithCertificatesOfBothSides) {
  const Receiver::Tls tls = Server(ca_.Issue("localhost"), ca_.certificate());
  Receiver receiver(Receiver::Behaviour::kRead, &tls);
  SendTo(receiver.port());
  UseCertificate(ca_.Issue("host1"));
  Put(200);
  Working working(setup_);
  ASSERT_TRUE(Eventually([&] { return working.state().delivered == 200; }))
      << working.state().problem.Get();
  EXPECT_TRUE(Receives(receiver, UpTo(200)));
  receiver.Reset();
  Put(50);
  working.Ring();
  ASSERT_TRUE(Eventually([&] { return working.state().cursor == 250; }, 20));
}

TEST_F(TlsDestinationTest, AFailingCallLosesNothing) {
  const Receiver::Tls tls = Server(ca_.Issue("localhost"));
  Put(20);
  for (const char* call : {"SSL_connect", "SSL_write", "getsockopt", "ioctl"}) {
    for (int nth = 1; nth <= 3; ++nth) {
      Receiver receiver(Receiver::Behaviour::kRead, &tls);
      SendTo(receiver.port());
      setup_.cursor_path = directory_ / (call + std::to_string(nth) + ".db");
      testing_support::FailCall(call, nth, ECONNRESET);
      Working working(setup_);
      ASSERT_TRUE(Eventually([&] { return working.state().cursor == 20; }, 20))
          << call << ' ' << nth << ' ' << working.state().problem.Get();
      EXPECT_TRUE(EndsWith(receiver, 20));
      ExpectAllInOrder(Numbers(receiver.Records()), 20);
    }
  }
  testing_support::FailCall("", 0, 0);
}

TEST_F(TlsDestinationTest, AWrongCertificateIsNamed) {
  Put(1);
  EXPECT_EQ(Problem(Server(ca_.Issue("elsewhere"))),
            "the certificate of localhost is not accepted: hostname mismatch");
  EXPECT_EQ(Problem(Server(ca_.Issue("localhost", -10))),
            "the certificate of localhost is not accepted: certificate has expired");
  EXPECT_EQ(Problem(Server(other_.Issue("localhost"))),
            "the certificate of localhost is not accepted: unable to get local issuer certificate");
  setup_.remote.peer = "elsewhere";
  EXPECT_EQ(Problem(Server(ca_.Issue("localhost"))),
            "the certificate of localhost is not accepted: hostname mismatch");
}

TEST_F(TlsDestinationTest, AReceiverThatRefusesOurCertificateGetsNothing) {
  Put(3);
  const Receiver::Tls tls = Server(ca_.Issue("localhost"), ca_.certificate());
  const std::string none = Problem(tls);
  EXPECT_NE(none.find("TLS with localhost: "), std::string::npos) << none;
  UseCertificate(other_.Issue("host1"));
  const std::string wrong = Problem(tls);
  EXPECT_NE(wrong.find("TLS with localhost: "), std::string::npos) << wrong;
}

TEST_F(TlsDestinationTest, AReceiverThatSpeaksTheNewestVersionAloneGetsWhatItMayHave) {
  Put(3);
  Receiver::Tls tls = Server(ca_.Issue("localhost"), ca_.certificate());
  tls.oldest = TLS1_3_VERSION;
  UseCertificate(other_.Issue("host1"));
  const std::string wrong = Problem(tls);
  EXPECT_NE(wrong.find("TLS with localhost: "), std::string::npos) << wrong;
  tls = Server(ca_.Issue("localhost"));
  tls.oldest = TLS1_3_VERSION;
  Receiver receiver(Receiver::Behaviour::kRead, &tls);
  SendTo(receiver.port());
  Working working(setup_);
  ASSERT_TRUE(Eventually([&] { return working.state().delivered == 3; }, 30))
      << working.state().problem.Get();
  EXPECT_TRUE(Receives(receiver, UpTo(3)));
}

TEST_F(TlsDestinationTest, RelpInTlsNeedsCertificatesOfBothSides) {
  setup_.remote.protocol = Remote::Protocol::kRelpTls;
  Put(50);
  Receiver::Tls tls = Server(ca_.Issue("localhost"), ca_.certificate());
  UseCertificate(other_.Issue("host1"));
  EXPECT_NE(Problem(tls).find("localhost: "), std::string::npos);
  UseCertificate(ca_.Issue("host1"));
  EXPECT_EQ(Problem(Server(other_.Issue("localhost"), ca_.certificate())),
            "the certificate of localhost is not accepted: unable to get local issuer certificate");
  Receiver receiver(Receiver::Behaviour::kRelp, &tls);
  SendTo(receiver.port());
  Working working(setup_);
  ASSERT_TRUE(Eventually([&] { return working.state().cursor == 50; }))
      << working.state().problem.Get();
  EXPECT_TRUE(Receives(receiver, UpTo(50)));
}

TEST_F(TlsDestinationTest, OldVersionsAreRefusedAndAnyCertificateIsTakenWhereTheSettingSaysSo) {
  Put(1);
  for (const auto protocol : {Remote::Protocol::kTls, Remote::Protocol::kRelpTls}) {
    setup_.remote.protocol = protocol;
    Receiver::Tls tls = Server(ca_.Issue("localhost"));
    tls.newest = TLS1_1_VERSION;
    EXPECT_NE(Problem(tls).find("TLS with localhost: "), std::string::npos);
  }
  setup_.remote.verify = false;
  const Receiver::Tls stranger = Server(other_.Issue("elsewhere"));
  Receiver receiver(Receiver::Behaviour::kRelp, &stranger);
  SendTo(receiver.port());
  Working working(setup_);
  ASSERT_TRUE(Eventually([&] { return working.state().cursor == 1; }))
      << working.state().problem.Get();
}

TEST_F(TlsDestinationTest, FilesThatCannotBeUsedAreNamed) {
  Put(1);
  const Receiver::Tls tls = Server(ca_.Issue("localhost"));
  UseCertificate(ca_.Issue("host1"));
  chmod(setup_.remote.key.c_str(), 0644);
  EXPECT_EQ(Problem(tls),
            setup_.remote.key + ": everybody can read this key; chmod 640 and group _tld-audisp");
  chmod(setup_.remote.key.c_str(), 0640);
  setup_.remote.ca = directory_ / "none.crt";
  EXPECT_EQ(Problem(tls), setup_.remote.ca + ": cannot open: No such file or directory");
  setup_.remote.ca = directory_.Write("noise.crt", "noise");
  EXPECT_NE(Problem(tls).find("noise.crt: "), std::string::npos);
}

TEST_F(TlsDestinationTest, AHandshakeThatNeverEndsIsGivenUp) {
  Receiver silent(Receiver::Behaviour::kSilent);
  SendTo(silent.port());
  Put(1);
  Working working(setup_);
  ASSERT_TRUE(Eventually([&] { return working.state().failures >= 1; }, 30));
  EXPECT_EQ(working.state().problem.Get(), "TLS with localhost: no handshake within 10 s");
  EXPECT_FALSE(working.state().certificate);
}

}  // namespace
}  // namespace tld
