// SPDX-License-Identifier: Apache-2.0
#include "audit/grouper.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace tld {
namespace {

class GrouperTest : public testing::Test {
 protected:
  void Start(Grouper::Mode mode) {
    grouper_ =
        std::make_unique<Grouper>(mode, [this](RawEvent&& e) { events_.push_back(std::move(e)); });
  }
  void Line(const std::string& line, std::int64_t now_ms = 0) {
    const auto header = ParseHeader(line);
    ASSERT_TRUE(header) << line;
    grouper_->Add(*header, line, now_ms);
  }
  /// A record of the event `serial` at second `t`.
  void Record(const std::string& type, int serial, const std::string& body = "a=1", int t = 100,
              std::int64_t now_ms = 0) {
    Line("type=" + type + " msg=audit(" + std::to_string(t) + ".000:" + std::to_string(serial) +
             "): " + body,
         now_ms);
  }
  std::vector<std::uint64_t> Serials() const {
    std::vector<std::uint64_t> serials;
    for (const RawEvent& event : events_) serials.push_back(event.id.serial);
    return serials;
  }
  static std::size_t Count(const RawEvent& event, int type) {
    return static_cast<std::size_t>(std::count_if(event.records.begin(), event.records.end(),
                                                  [&](const auto& r) { return r.type == type; }));
  }

  std::unique_ptr<Grouper> grouper_;
  std::vector<RawEvent> events_;
};

using SerialList = std::vector<std::uint64_t>;

TEST_F(GrouperTest, EoeEndsAnEventAndIsNotInIt) {
  Start(Grouper::Mode::kLive);
  Record("SYSCALL", 1);
  Record("CWD", 1, "cwd=\"/\"");
  EXPECT_TRUE(events_.empty());
  Record("EOE", 1, "");
  ASSERT_EQ(events_.size(), 1u);
  EXPECT_EQ(events_[0].text,
            "type=SYSCALL msg=audit(100.000:1): a=1 type=CWD msg=audit(100.000:1): cwd=\"/\"");
  EXPECT_EQ(grouper_->open(), 0u);
}

TEST_F(GrouperTest, InterleavedEventsAndNodesDoNotMix) {
  Start(Grouper::Mode::kLive);
  Line("node=a type=SYSCALL msg=audit(1.000:5): a=1");
  Line("node=b type=SYSCALL msg=audit(1.000:5): b=1");
  Record("SYSCALL", 6);
  Line("node=b type=EOE msg=audit(1.000:5): ");
  Line("node=a type=EOE msg=audit(1.000:5): ");
  ASSERT_EQ(events_.size(), 2u);
  EXPECT_EQ(events_[0].id.node, "b");
  EXPECT_EQ(events_[1].id.node, "a");
}

TEST_F(GrouperTest, AnOrphanDelaysNoOtherEvent) {
  Start(Grouper::Mode::kLive);
  Record("SYSCALL", 1);  // never ends
  Record("SYSCALL", 2);
  Record("EOE", 2, "");
  EXPECT_EQ(Serials(), SerialList{2});
}

TEST_F(GrouperTest, LiveTimeIsMonotonicAndTheRecordsClockDoesNotCount) {
  Start(Grouper::Mode::kLive);
  Record("SYSCALL", 1, "a=1", 100, 1000);
  Record("SYSCALL", 2, "a=1", 999999, 1001);  // the clock was set
  grouper_->Tick(2999);
  EXPECT_TRUE(events_.empty());
  grouper_->Tick(3000);
  EXPECT_EQ(Serials(), SerialList{1});
  EXPECT_EQ(grouper_->counters().timed_out, 1u);
}

TEST_F(GrouperTest, ProctitleDoesNotEndAnEventLive) {
  Start(Grouper::Mode::kLive);
  Record("SYSCALL", 1);
  Record("PROCTITLE", 1);
  Record("UNKNOWN[1421]", 1);
  Record("EOE", 1, "");
  ASSERT_EQ(events_.size(), 1u);
  EXPECT_EQ(events_[0].records.size(), 3u);
}

TEST_F(GrouperTest, RecordsOfUserSpaceEndAtOnceAndLoginDoesNot) {
  Start(Grouper::Mode::kLive);
  Record("USER_AUTH", 1);
  Record("DAEMON_START", 2);
  Record("ANOM_LOGIN_FAILURES", 3);
  EXPECT_EQ(Serials(), (SerialList{1, 2, 3}));
  Record("LOGIN", 4);
  Record("SYSCALL", 4);
  Record("EOE", 4, "");
  ASSERT_EQ(events_.size(), 4u);
  EXPECT_EQ(events_[3].records.size(), 2u);
  EXPECT_EQ(events_[3].TypeName(events_[3].MainRecord()), "SYSCALL");
}

TEST_F(GrouperTest, OfflineEventsComeInTheOrderOfTheirFirstRecords) {
  Start(Grouper::Mode::kOffline);
  Record("SYSCALL", 1);
  Record("SYSCALL", 2);
  Record("EOE", 2, "");
  EXPECT_TRUE(events_.empty());
  Record("EOE", 1, "");
  EXPECT_EQ(Serials(), (SerialList{1, 2}));
}

TEST_F(GrouperTest, OfflineProctitleEndsAfter32OtherLines) {
  Start(Grouper::Mode::kOffline);
  Record("SYSCALL", 1);
  Record("PROCTITLE", 1);
  for (int i = 0; i < 31; ++i) Record("CWD", 100 + i);
  EXPECT_TRUE(events_.empty());
  Record("CWD", 200);
  EXPECT_EQ(Serials(), SerialList{1});
}

TEST_F(GrouperTest, OfflineARecordAfterProctitleStillBelongsWithin32Lines) {
  Start(Grouper::Mode::kOffline);
  Record("SYSCALL", 1);
  Record("PROCTITLE", 1);
  for (int i = 0; i < 31; ++i) Record("CWD", 100 + i);
  Record("UNKNOWN[1421]", 1);
  grouper_->Flush();
  EXPECT_EQ(events_[0].records.size(), 3u);
}

TEST_F(GrouperTest, OfflineALaterRecordOfTheSameNodeEndsAnEvent) {
  Start(Grouper::Mode::kOffline);
  Line("node=a type=SYSCALL msg=audit(100.000:1): a=1");
  Line("node=b type=SYSCALL msg=audit(500.000:1): a=1");
  Line("node=a type=SYSCALL msg=audit(102.000:2): a=1");
  EXPECT_TRUE(events_.empty());  // 2 s are not more than 2 s
  Line("node=a type=SYSCALL msg=audit(102.001:3): a=1");
  EXPECT_EQ(Serials(), SerialList{1});
}

TEST_F(GrouperTest, TheEndOfTheInputEndsAll) {
  Start(Grouper::Mode::kOffline);
  Record("SYSCALL", 2);
  Record("SYSCALL", 1);
  grouper_->Flush();
  EXPECT_EQ(Serials(), (SerialList{2, 1}));
}

TEST_F(GrouperTest, TooManyOpenEventsEvaluateTheOldest) {
  Start(Grouper::Mode::kLive);
  for (int i = 0; i < 2049; ++i) Record("SYSCALL", i);
  EXPECT_EQ(Serials(), SerialList{0});
  EXPECT_EQ(grouper_->open(), Grouper::kOpenEvents);
  EXPECT_EQ(grouper_->counters().evicted, 1u);
}

TEST_F(GrouperTest, ANoisyNodeEvictsItsOwnEvents) {
  Start(Grouper::Mode::kLive);
  Line("node=victim type=SYSCALL msg=audit(1.000:1): comm=\"nc\"");
  for (int i = 0; i < 5000; ++i) {
    Line("node=evil type=CWD msg=audit(1.000:" + std::to_string(i) + "): cwd=\"/\"");
  }
  for (const RawEvent& event : events_) {
    EXPECT_EQ(event.id.node, "evil");
    EXPECT_TRUE(event.truncated);
  }
  Line("node=victim type=EXECVE msg=audit(1.000:1): argc=1 a0=\"nc\"");
  Line("node=victim type=EOE msg=audit(1.000:1): ");
  EXPECT_EQ(events_.back().records.size(), 2u);
  EXPECT_FALSE(events_.back().truncated);
}

TEST_F(GrouperTest, ARecordFromTheFutureDoesNotSplitWhatFollows) {
  Start(Grouper::Mode::kOffline);
  Record("CWD", 1, "a=1", 999999999);
  Record("SYSCALL", 2);
  Record("EXECVE", 2);
  Record("CWD", 2);
  grouper_->Flush();
  EXPECT_EQ(Serials(), (SerialList{1, 2}));
}

TEST_F(GrouperTest, AllBytesAreBounded) {
  Start(Grouper::Mode::kLive);
  const std::string body = "x=" + std::string(8000, 'x');
  for (int serial = 0; serial < 100; ++serial) {
    for (int i = 0; i < 100; ++i) Record("AVC", serial, body);
  }
  EXPECT_LE(grouper_->open_bytes(), Grouper::kAllBytes);
  EXPECT_GT(grouper_->counters().evicted, 0u);
}

TEST_F(GrouperTest, OverTheCapPayloadGoesAndIdentityStays) {
  Start(Grouper::Mode::kLive);
  const std::string piece = std::string(7500, 'A');
  Record("EXECVE", 1, "argc=9000 a0=\"first\"");
  for (int i = 0; i < 300; ++i) Record("EXECVE", 1, "a1[" + std::to_string(i) + "]=" + piece);
  Record("SOCKADDR", 1, "saddr=0200");
  Record("PATH", 1, "item=0 name=\"/usr/bin/nc\"");
  Record("PATH", 1, "item=1 name=\"/lib\"");
  Record("PATH", 1, "item=2 name=\"/other\"");
  Record("SYSCALL", 1, "comm=\"nc\"");
  Record("CWD", 1, "cwd=\"/\"");
  Record("PROCTITLE", 1, "proctitle=\"x\"");
  Record("AVC", 1, "avc=1");
  Record("EOE", 1, "");
  ASSERT_EQ(events_.size(), 1u);
  const RawEvent& event = events_[0];
  EXPECT_TRUE(event.truncated);
  EXPECT_LE(event.text.size(), Grouper::kEventBytes + 64 * 1024);
  EXPECT_NE(event.text.find("a0=\"first\""), event.text.npos);
  for (const char* kept :
       {"comm=\"nc\"", "item=0", "item=1", "item=2", "cwd=", "proctitle=", "avc=1", "saddr="}) {
    EXPECT_NE(event.text.find(kept), event.text.npos) << kept;
  }
  EXPECT_GT(grouper_->counters().dropped_records, 100u);
  EXPECT_EQ(grouper_->counters().truncated, 1u);
}

TEST_F(GrouperTest, OffsetsStayTrueAfterRecordsWereGivenUp) {
  Start(Grouper::Mode::kLive);
  Record("EXECVE", 1, "argc=1 a0=\"first\"");
  for (int i = 0; i < 200; ++i) Record("EXECVE", 1, "a1[0]=" + std::string(7500, 'B'));
  for (int i = 0; i < 50; ++i) Record("AVC", 1, "n=" + std::to_string(i) + std::string(7000, 'c'));
  Record("EOE", 1, "");
  for (const RawRecord& record : events_.at(0).records) {
    EXPECT_TRUE(ParseHeader(events_[0].Line(record)));
    EXPECT_EQ(events_[0].text.substr(record.type_begin, 5), "type=");
  }
  EXPECT_EQ(Count(events_[0], 1400), 50u);
}

TEST_F(GrouperTest, TheNumberOfRecordsIsBounded) {
  Start(Grouper::Mode::kLive);
  Record("SYSCALL", 1);
  for (int i = 0; i < 10'000; ++i) Record("AVC", 1);
  Record("EOE", 1, "");
  EXPECT_EQ(events_.at(0).records.size(), Grouper::kEventRecords);
  EXPECT_TRUE(events_[0].truncated);
}

TEST_F(GrouperTest, EnrichmentIsKeptApartFromTheText) {
  Start(Grouper::Mode::kLive);
  Line(
      "type=CONFIG_CHANGE msg=audit(1.000:1): op=x\x1d"
      "AUID=\"unset\"");
  Line("type=SYSCALL msg=audit(1.000:1): uid=0\x1dUID=\"root\" AUID=\"alice\"");
  Line("type=EOE msg=audit(1.000:1): ");
  EXPECT_EQ(events_.at(0).text.find('\x1d'), std::string::npos);
  EXPECT_EQ(events_[0].enrichment, "UID=\"root\" AUID=\"alice\"");
}

TEST_F(GrouperTest, AJoinedEventMergesWithNothing) {
  Start(Grouper::Mode::kOffline);
  const std::string line = "type=SYSCALL msg=audit(100.000:1): a=1";
  Record("SYSCALL", 1);
  const auto header = ParseHeader(line);
  grouper_->AddWhole(*header, {header->At(line)}, 1);
  grouper_->Flush();
  EXPECT_EQ(events_.size(), 2u);
}

/// Names so long are forgotten with their last event, also when that ends for a record of the same
/// node.
TEST_F(GrouperTest, ALongNameComesAgainAsItsLastEventEnds) {
  const std::string node = "node=" + std::string(300, 'n') + ' ';
  Start(Grouper::Mode::kOffline);
  Line(node + "type=PROCTITLE msg=audit(1.000:1): proctitle=61");
  for (std::uint64_t i = 0; i < Grouper::kLinesAfterProctitle; ++i) {
    Line("type=EOE msg=audit(1.000:2): ");
  }
  Line(node + "type=PATH msg=audit(1.000:1): item=0");  // its time is up: another event
  EXPECT_EQ(events_.size(), 1u);
  grouper_->Flush();
  EXPECT_EQ(events_.size(), 2u);

  events_.clear();
  Start(Grouper::Mode::kOffline);
  Line(node + "type=SYSCALL msg=audit(1.000:1): a=1");
  for (std::size_t i = 2; i <= Grouper::kOpenEvents; ++i)
    Record("SYSCALL", static_cast<int>(i), "", 1);
  Line(node + "type=SYSCALL msg=audit(1.000:9999): a=1");  // evicts the first
  EXPECT_EQ(Serials(), SerialList{1});
  grouper_->Flush();
  EXPECT_EQ(events_.back().id.serial, 9999u);
}

TEST_F(GrouperTest, AWholeEventTakesNoOthersPlace) {
  Start(Grouper::Mode::kLive);
  for (std::size_t i = 1; i <= Grouper::kOpenEvents; ++i) Record("SYSCALL", static_cast<int>(i));
  const std::string line = "type=SYSCALL msg=audit(100.000:9999): a=1";
  const auto header = ParseHeader(line);
  EXPECT_FALSE(grouper_->IsOpen(*header));
  grouper_->AddWhole(*header, {header->At(line)}, 2);
  EXPECT_EQ(Serials(), SerialList{9999});
  EXPECT_EQ(grouper_->open(), Grouper::kOpenEvents);
  EXPECT_EQ(grouper_->counters().evicted, 0u);
}

TEST_F(GrouperTest, OfflineAWholeEventWaitsForEarlierOnes) {
  Start(Grouper::Mode::kOffline);
  Record("SYSCALL", 1);
  const std::string line = "type=SYSCALL msg=audit(100.000:2): a=1";
  const auto header = ParseHeader(line);
  grouper_->AddWhole(*header, {header->At(line)}, 2);
  EXPECT_TRUE(events_.empty());
  Record("EOE", 1, "");
  EXPECT_EQ(Serials(), (SerialList{1, 2}));
}

TEST_F(GrouperTest, ANodesNameMayHoldTheMarkOfEnrichment) {
  Start(Grouper::Mode::kLive);
  Line("node=\x1d type=SYSCALL msg=audit(1.000:1): a=b\x1dUID=\"x\"");
  Line("node=\x1d type=EOE msg=audit(1.000:1): ");
  ASSERT_EQ(events_.size(), 1u);
  EXPECT_EQ(events_[0].TypeName(events_[0].records[0]), "SYSCALL");
  EXPECT_EQ(events_[0].Body(events_[0].records[0]), "a=b");
  EXPECT_EQ(events_[0].enrichment, "UID=\"x\"");
}

TEST_F(GrouperTest, ALongNodesNameServesItsEventAndIsForgotten) {
  Start(Grouper::Mode::kOffline);
  const std::string node = "node=" + std::string(8000, 'n') + ' ';
  for (int serial = 1; serial < 4; ++serial) {
    const std::string stamp = " msg=audit(1.000:" + std::to_string(serial) + "): ";
    Line(node + "type=SYSCALL" + stamp + "a=1");
    Line(node + "type=CWD" + stamp + "cwd=\"/\"");
    Line(node + "type=EOE" + stamp);
  }
  ASSERT_EQ(events_.size(), 3u);
  for (const RawEvent& event : events_) EXPECT_EQ(event.records.size(), 2u);
}

}  // namespace
}  // namespace tld
