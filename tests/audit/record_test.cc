// SPDX-License-Identifier: Apache-2.0
#include "audit/record.h"

#include <gtest/gtest.h>

namespace tld {
namespace {

TEST(ParseHeader, TakesAllParts) {
  const std::string line = "type=SYSCALL msg=audit(1700000000.042:17): arch=c000003e";
  const auto header = ParseHeader(line);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->type, record_type::kSyscall);
  EXPECT_EQ(header->type_name, "SYSCALL");
  EXPECT_EQ(header->seconds, 1'700'000'000);
  EXPECT_EQ(header->milliseconds, 42u);
  EXPECT_EQ(header->serial, 17u);
  EXPECT_EQ(line.substr(header->body_begin), "arch=c000003e");
  EXPECT_EQ(header->node, "");
}

TEST(ParseHeader, TakesTheNode) {
  const auto header = ParseHeader("node=web1.example type=CWD msg=audit(1.000:2): cwd=\"/\"");
  ASSERT_TRUE(header);
  EXPECT_EQ(header->node, "web1.example");
  EXPECT_EQ(header->type_begin, 18u);
}

TEST(ParseHeader, NumbersUnknownTypes) {
  EXPECT_EQ(ParseHeader("type=UNKNOWN[1421] msg=audit(1.000:2): x=1")->type, 1421);
  EXPECT_EQ(ParseHeader("type=NEVER_HEARD msg=audit(1.000:2): x=1")->type, 0);
}

TEST(ParseHeader, AcceptsAnEmptyBody) {
  EXPECT_TRUE(ParseHeader("type=EOE msg=audit(1.000:2):"));
  EXPECT_TRUE(ParseHeader("type=EOE msg=audit(1.000:2): "));
}

TEST(ParseHeader, RefusesWhatIsNoRecord) {
  for (const char* bad :
       {"", "hello", "type=SYSCALL", "type=SYSCALL msg=audit(1.000:2)",
        "type= msg=audit(1.000:2): ", "xx type=SYSCALL msg=audit(1.000:2): ",
        "node= type=CWD msg=audit(1.000:2): ", "type=CWD msg=audit(x.000:2): ",
        "type=CWD msg=audit(1.1000:2): ", "type=CWD msg=audit(1:2): ",
        "type=CWD msg=audit(1.000): ", "type=CWD msg=audit(-1.000:2): ",
        "type=CWD msg=audit(99999999999999.000:2): ", "type=c msg=audit(1.000:2): ",
        "type=CWD msg=audit(1.000:): ", "type=CWD msg=audit(1.000:2x): ",
        "type=CWD msg=audit(1.000:18446744073709551616): "}) {
    EXPECT_FALSE(ParseHeader(bad)) << bad;
  }
}

std::string_view Cut(std::string_view line, int type = 1100) {
  return line.substr(0, EnrichmentBegin(line, type));
}

TEST(Enrichment, RecordsOfTheKernelAreCutAtTheFirstSeparator) {
  // What a socket's path is interpreted to may hold anything.
  EXPECT_EQ(Cut("saddr=01\x1dSADDR={ saddr_fam=local path=/tmp/a}b }", 1306), "saddr=01");
  EXPECT_EQ(Cut("saddr=01\x1dSADDR={ path=/\x1dUID=\"root }", 1306), "saddr=01");
}

TEST(Enrichment, ADeviceWithASeparatorInItsNameHidesNothing) {
  constexpr int kAnomPromiscuous = 1700;
  const std::string_view raw = "dev=a\x1d prom=256 old_prom=0 auid=1000";
  EXPECT_EQ(Cut(raw, kAnomPromiscuous), raw);
  const std::string_view named = "dev=a\x1dUID=\"root\" prom=256 old_prom=0 auid=1000";
  EXPECT_EQ(Cut(named, kAnomPromiscuous), named);
  EXPECT_EQ(Cut(std::string(named) + "\x1d" + "AUID=\"alice\" UID=\"alice\"", kAnomPromiscuous),
            named);
}

TEST(Enrichment, IsCutAtItsSeparator) {
  EXPECT_EQ(Cut("a=1\x1dUID=\"root\" AUID=\"alice\""), "a=1");
  EXPECT_EQ(Cut("a=1\x1d"
                "ARCH=x86_64 SYSCALL=execve"),
            "a=1");
  EXPECT_EQ(Cut("saddr=10\x1dSADDR={ saddr_fam=inet laddr=1.2.3.4 lport=80 }"), "saddr=10");
  EXPECT_EQ(Cut("a=1\x1dOLD-AUID=\"unset\""), "a=1");
  EXPECT_EQ(Cut("a=1"), "a=1");
}

TEST(Enrichment, ASeparatorInsideAValueHidesNothing) {
  const std::string_view raw = "exe=\"x\x1dUID=\"root\"\" res=failed'";
  EXPECT_EQ(Cut(raw), raw);
  EXPECT_EQ(Cut(std::string(raw) + "\x1dUID=\"alice\""), raw);
}

TEST(SingleRecord, FollowsTheRanges) {
  for (const int type : {1100, 1199, 1200, 1299, 2100, 2999}) EXPECT_TRUE(IsSingleRecord(type));
  for (const int type : {1006, 1300, 1305, 1400, 1700, 1999, 2000, 3000}) {
    EXPECT_FALSE(IsSingleRecord(type)) << type;
  }
}

using Keys = std::vector<std::string>;

Keys KeysOf(std::string_view body) {
  Keys keys;
  const bool any = ForEachKey(body, [&](std::string_view key) { keys.emplace_back(key); });
  EXPECT_EQ(any, !keys.empty());
  return keys;
}

TEST(Keys, AreTakenFromTheFieldOnly) {
  EXPECT_EQ(KeysOf("comm=\"x\" key=\"audit-wazuh-c\""), Keys{"audit-wazuh-c"});
  EXPECT_EQ(KeysOf("key=(null)"), Keys{});
  EXPECT_EQ(KeysOf("comm=\"key=(x)\" key=\"k\""), Keys{"k"});
  EXPECT_EQ(KeysOf("comm=\"nokey=1\""), Keys{});
  EXPECT_EQ(KeysOf("key=610162"), (Keys{"a", "b"}));
  EXPECT_EQ(KeysOf("key=\"3005\""), Keys{"3005"});
  EXPECT_EQ(KeysOf("key=\"\""), Keys{});
  EXPECT_EQ(KeysOf("key=016101016201"), (Keys{"a", "b"}));
  EXPECT_EQ(KeysOf("key=01"), Keys{});
}

TEST(DecodeUntrusted, DecodesByForm) {
  EXPECT_EQ(DecodeUntrusted("\"nc\""), "nc");
  EXPECT_EQ(DecodeUntrusted("\"3005\""), "3005");
  EXPECT_EQ(DecodeUntrusted("3005"), std::string("0\x05"));
  EXPECT_EQ(DecodeUntrusted("\"cut"), "cut");
  EXPECT_EQ(DecodeUntrusted("6162F"), "ab");
  EXPECT_EQ(DecodeUntrusted("(null)"), "(null)");
  EXPECT_EQ(DecodeUntrusted(""), "");
  EXPECT_EQ(DecodeUntrusted("\""), "");
}

}  // namespace
}  // namespace tld
