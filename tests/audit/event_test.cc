// SPDX-License-Identifier: Apache-2.0
#include "audit/event.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/support.h"

namespace tld {
namespace {

using testing_support::Values;

TEST(Event, ValuesOfANameStandInTheOrderInWhichTheyCame) {
  Event event;
  event.Add("audit.key", "one");
  event.AddNamed("audit.zone", "east");
  event.AddNamed("audit.key", "two");  // the same field
  event.AddNamed("audit.zone", "west");
  EXPECT_EQ(Values(event, "audit.key"), "one|two");
  EXPECT_EQ(Values(event, "audit.zone"), "east|west");
  EXPECT_EQ(event.First("audit.key"), "one");
  EXPECT_EQ(event.First(FieldName("AUDIT.ZONE")), "east");
  EXPECT_TRUE(event.Find("audit.key").HasSeveral());
  EXPECT_TRUE(event.Find("audit.exe").empty());
  EXPECT_EQ(event.First("audit.exe"), "");
}

TEST(Event, NamesThatNobodyKnowsAreToldApartHoweverMany) {
  Event event;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 500; ++i) {
      event.AddNamed("audit.n" + std::to_string(i),
                     std::to_string(i) + '/' + std::to_string(round));
    }
  }
  for (int i = 0; i < 500; ++i) {
    const std::string number = std::to_string(i);
    ASSERT_EQ(Values(event, "audit.n" + number), number + "/0|" + number + "/1");
  }
  EXPECT_EQ(Values(event, "audit.n500"), "");
}

TEST(Event, FieldsAreSortedByNameAndThenAsTheyCame) {
  Event event;
  for (const char* name :
       {"audit.uid", "audit.b", "audit.exe", "audit.zz", "audit.b", "audit.aa"}) {
    event.AddNamed(name, std::to_string(event.fields().size()));
  }
  std::string sorted;
  for (const Field& field : event.SortedFields()) {
    sorted += std::string(field.name) + '=' + std::string(field.value) + ' ';
  }
  EXPECT_EQ(sorted, "audit.aa=5 audit.b=1 audit.b=4 audit.exe=2 audit.uid=0 audit.zz=3 ");
}

TEST(Event, OneThatBeginsAnewHasNothingOfTheOneBefore) {
  Event event;
  RawEvent raw;
  raw.text = "type=SYSCALL msg=audit(1.000:7): uid=0";
  event.Begin(raw);
  event.Add("audit.uid", "0");
  event.AddNamed("audit.other", std::string(10'000, 'x'));
  event.argument_list().arguments.push_back({0, "nc"});
  RawEvent next;
  next.text = "type=CWD msg=audit(2.000:8): cwd=\"/\"";
  event.Begin(next);
  EXPECT_EQ(next.text, "type=SYSCALL msg=audit(1.000:7): uid=0");  // its memory goes round
  EXPECT_EQ(event.full_log(), "type=CWD msg=audit(2.000:8): cwd=\"/\"");
  EXPECT_TRUE(event.fields().empty());
  EXPECT_TRUE(event.arguments().empty());
  EXPECT_TRUE(event.Find("audit.uid").empty());
  EXPECT_EQ(Values(event, "audit.other"), "");
  event.Add("audit.uid", "1");
  EXPECT_EQ(Values(event, "audit.uid"), "1");
}

TEST(Event, AHugeOneLeavesNoMemoryBehind) {
  Event event;
  for (int i = 0; i < 20'000; ++i) event.AddNamed("audit.n", "1");
  event.argument_list().arguments.resize(100'000);
  event.argument_list().decoded.resize(1 << 20);
  RawEvent next;
  event.Begin(next);
  EXPECT_LT(event.fields().capacity(), 2'000u);
  EXPECT_LT(event.arguments().capacity(), 5'000u);
  EXPECT_LT(event.argument_list().decoded.capacity(), 100'000u);
}

TEST(Event, MovesWithItsBytes) {
  std::vector<Event> events;
  for (int i = 0; i < 10; ++i) events.emplace_back().AddNamed("audit.n", std::to_string(i));
  const Event moved = std::move(events[3]);
  EXPECT_EQ(Values(moved, "audit.n"), "3");
}

}  // namespace
}  // namespace tld
