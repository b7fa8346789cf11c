// SPDX-License-Identifier: Apache-2.0
#include "audit/whole_event.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace tld {
namespace {

const std::string kSyscall =
    "type=SYSCALL msg=audit(1.000:7): arch=c000003e syscall=257 key=\"files\"\x1D"
    "ARCH=x86_64\n";
const std::string kCwd = "type=CWD msg=audit(1.000:7): cwd=\"/\"\n";
const std::string kPath = "type=PATH msg=audit(1.000:7): item=0 name=\"/etc\"\n";
const std::string kEoe = "type=EOE msg=audit(1.000:7): \n";

std::optional<WholeEvent> Read(std::string_view input) {
  WholeEvent event;
  if (!ReadWholeEvent(input, event)) return {};
  return event;
}

TEST(WholeEvent, IsReadUpToItsEnd) {
  const std::string event = kSyscall + kCwd + kPath + kEoe;
  const std::string next = "type=SYSCALL msg=audit(1.000:8): arch=c000003e\n";
  const std::string input = event + next;
  const auto read = Read(input);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->bytes, event.size());
  EXPECT_EQ(read->lines, 4u);
  EXPECT_EQ(read->header.serial, 7u);
  EXPECT_EQ(read->body, "arch=c000003e syscall=257 key=\"files\"");
  ASSERT_EQ(read->records.size(), 3u);
  EXPECT_EQ(read->records[0].type_name, "SYSCALL");
  EXPECT_EQ(read->records[2].type_name, "PATH");
  for (const RecordLine& record : read->records) {
    const auto header = ParseHeader(record.line);
    ASSERT_TRUE(header);
    EXPECT_EQ(record.type, header->type);
    EXPECT_EQ(record.type_begin, header->type_begin);
    EXPECT_EQ(record.body_begin, header->body_begin);
  }
}

TEST(WholeEvent, OfANode) {
  std::string event;
  for (const std::string& line : {kSyscall, kCwd, kEoe}) event += "node=a.example " + line;
  const auto read = Read(event);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->header.node, "a.example");
  const RecordLine& cwd = read->records.at(1);
  EXPECT_EQ(cwd.line.substr(cwd.type_begin, 8), "type=CWD");
  EXPECT_EQ(cwd.line.substr(cwd.body_begin), "cwd=\"/\"");
  EXPECT_EQ(read->bytes, event.size());
}

TEST(WholeEvent, WhateverIsNotWholeIsReadLineByLine) {
  const std::string other = "type=CWD msg=audit(1.000:8): cwd=\"/\"\n";
  EXPECT_FALSE(Read(kSyscall + kCwd));                       // no end yet
  EXPECT_FALSE(Read(kSyscall + kCwd + kEoe.substr(0, 10)));  // nor this
  EXPECT_FALSE(Read(kSyscall + other + kEoe));               // another event between
  EXPECT_FALSE(Read(kSyscall + "node=b " + kCwd + kEoe));    // of another node
  EXPECT_FALSE(Read("node=a " + kSyscall + kCwd + kEoe));    // and this
  EXPECT_FALSE(Read(kCwd + kPath + kEoe));                   // its first record came before
  EXPECT_FALSE(Read(kSyscall + "type=AVC msg=audit(1.000:7): avc:\n" + kEoe));  // rare
  EXPECT_FALSE(Read(kSyscall + "type=USER_CMD msg=audit(1.000:7): x\n" + kEoe));
  EXPECT_FALSE(Read(kSyscall + "type=TLD_IDENTITY msg=audit(1.000:7): x=1\n" + kEoe));
  EXPECT_FALSE(Read(kSyscall + "\n" + kEoe));
  EXPECT_FALSE(Read(kSyscall + "type=EOE msg=audit(1.000:7): type=CWD msg=audit(1.000:7): a=1\n"));
  EXPECT_FALSE(Read(kSyscall + std::string(20'000, 'x') + '\n' + kEoe));
  EXPECT_FALSE(Read("type=SYSCALL msg=audit(x): a=1\ntype=EOE msg=audit(x): \n"));
  EXPECT_FALSE(
      Read("node=n type=UNKNOWN[1300] msg=audit(1.000:1): key=\"files\"\n"
           "node=n type=PATH 1300] msg=audit(1.000:1): a=b\n"
           "node=n type=EOE 1300] msg=audit(1.000:1):\n"));
  std::string many = kSyscall;
  for (int i = 0; i < 40; ++i) many += kPath;
  EXPECT_FALSE(Read(many + kEoe));
}

}  // namespace
}  // namespace tld
