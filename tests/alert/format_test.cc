// SPDX-License-Identifier: Apache-2.0
#include "alert/format.h"

#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <algorithm>
#include <ctime>
#include <random>

#include "audit/names.h"
#include "base/text.h"
#include "detect/engine.h"
#include "tests/support.h"

namespace tld {
namespace {

using testing_support::ExecRecords;
using testing_support::ParseEvent;

class FormatTest : public testing::Test {
 protected:
  FormatTest() {
    setenv("TZ", "UTC", 1);
    tzset();
    rule_.id = "100210";
    rule_.level = 12;
    rule_.groups = {"audit", "pci_dss_10.2.5", "gdpr_IV_30.1.g"};
    rule_.mitre.ids = {"T1095"};
    sender_.host = "host1";
    sender_.instance = 0xabc;
  }
  Alert About(const Event& event) {
    Alert alert;
    alert.rule = &rule_;
    alert.event = &event;
    alert.description = Shown(
        CutAtCharacter("Audit: command executed: " + std::string(event.First("audit.exe")), 250));
    alert.fired_times = 2;
    alert.seq = 7;
    alert.policy = 3;
    alert.time_us = event.id().TimeMs() * 1000;
    alert.location = "auditd";
    return alert;
  }
  rapidjson::Document Parsed(const std::string& json) {
    rapidjson::Document document;
    document.Parse(json.c_str());
    EXPECT_FALSE(document.HasParseError()) << json.substr(0, 300);
    return document;
  }

  Rule rule_;
  Sender sender_;
};

TEST_F(FormatTest, TextIsTheDocumentedLine) {
  Event event = ParseEvent(ExecRecords("nc", "/usr/bin/nc.openbsd"));
  event.Add("audit.auid_name", "alice");
  EXPECT_EQ(
      FormatText(Summarize(About(event), sender_), kSyslogLimit),
      "100210 level=12 \"Audit: command executed: /usr/bin/nc.openbsd\" auid=1000(alice) uid=0 "
      "exe=/usr/bin/nc.openbsd cmd=\"nc -v\" cwd=/root tty=pts0 key=audit-wazuh-c "
      "event=host1|msg=audit(1700000000.123:7) seq=7");
}

TEST_F(FormatTest, ACompositesAlertShowsWhatItCounted) {
  const Event event = ParseEvent(ExecRecords("nc", "/usr/bin/nc.openbsd"));
  rule_.composite.emplace();
  rule_.composite->frequency = 3;
  const std::vector<std::string> previous = {"type=A \"2\"", "type=A 1"};
  Alert alert = About(event);
  alert.previous = &previous;
  const std::string json = FormatJson(alert, sender_, kFileLimit);
  const auto document = Parsed(json);
  EXPECT_EQ(document["rule"]["frequency"].GetInt(), 3);
  EXPECT_STREQ(document["previous_output"].GetString(), "type=A \"2\"\ntype=A 1");
  EXPECT_LT(json.find("\"id\":\"0000000000000abc-7\""), json.find("\"previous_output\""));
  EXPECT_LT(json.find("\"previous_output\""), json.find("\"full_log\""));
  rule_.full_log = false;
  EXPECT_FALSE(Parsed(FormatJson(alert, sender_, kFileLimit)).HasMember("previous_output"));
}

TEST_F(FormatTest, PreviousLogsAreTheFirstToGo) {
  const Event event = ParseEvent(ExecRecords("nc", "/usr/bin/nc.openbsd"));
  rule_.composite.emplace();
  const std::vector<std::string> previous(10, std::string(3000, 'p'));
  Alert alert = About(event);
  alert.previous = &previous;
  const auto document = Parsed(FormatJson(alert, sender_, kSyslogLimit));
  EXPECT_EQ(std::string(document["previous_output"].GetString()), std::string(3000, 'p'));
  EXPECT_EQ(document["full_log"].GetString(), event.full_log());
  ASSERT_EQ(document["tld"]["truncated"].Size(), 1u);
  EXPECT_STREQ(document["tld"]["truncated"][0].GetString(), "previous_output");
}

TEST_F(FormatTest, TechniquesHaveTheirNamesAndTactics) {
  const Event event = ParseEvent(ExecRecords("nc", "/usr/bin/nc.openbsd"));
  const auto mitre = [&](const Mitre& of) {
    rule_.mitre = of;
    const std::string json = FormatJson(About(event), sender_, kFileLimit);
    const std::size_t begin = json.find("\"mitre\":") + 8;
    return json.substr(begin, json.find('}', begin) + 1 - begin);
  };
  EXPECT_EQ(mitre({{"T1095"}, {}}), R"({"id":["T1095"],"tactic":["Command and Control"],)"
                                    R"("technique":["Non-Application Layer Protocol"]})");
  EXPECT_EQ(mitre({{"T1040", "T1059.004"}, {}}),
            R"({"id":["T1040","T1059.004"],"tactic":["Execution","Credential Access","Discovery"],)"
            R"("technique":["Network Sniffing","Unix Shell"]})");
  EXPECT_EQ(mitre({{"T1040"}, {"TA0007"}}),
            R"({"id":["T1040"],"tactic":["Discovery"],"technique":["Network Sniffing"]})");
  EXPECT_EQ(mitre({{"T9999"}, {}}), R"({"id":["T9999"]})");
}

TEST_F(FormatTest, TheDocumentHasTheManagersShape) {
  const Event event = ParseEvent(ExecRecords("nc", "/usr/bin/nc.openbsd"));
  const std::string json = FormatJson(About(event), sender_, kFileLimit);
  const rapidjson::Document document = Parsed(json);
  EXPECT_STREQ(document["timestamp"].GetString(), "2023-11-14T22:13:20.123+0000");
  EXPECT_EQ(document["rule"]["level"].GetInt(), 12);
  EXPECT_STREQ(document["rule"]["id"].GetString(), "100210");
  EXPECT_EQ(document["rule"]["firedtimes"].GetInt(), 2);
  EXPECT_STREQ(document["rule"]["groups"][0].GetString(), "audit");
  EXPECT_EQ(document["rule"]["groups"].Size(), 1u);
  EXPECT_STREQ(document["rule"]["pci_dss"][0].GetString(), "10.2.5");
  EXPECT_STREQ(document["rule"]["gdpr"][0].GetString(), "IV_30.1.g");
  EXPECT_STREQ(document["rule"]["mitre"]["id"][0].GetString(), "T1095");
  EXPECT_STREQ(document["agent"]["id"].GetString(), "000");
  EXPECT_STREQ(document["id"].GetString(), "0000000000000abc-7");
  EXPECT_STREQ(document["decoder"]["name"].GetString(), "auditd");
  EXPECT_STREQ(document["data"]["audit"]["command"].GetString(), "nc");
  EXPECT_STREQ(document["data"]["audit"]["execve"]["a1"].GetString(), "-v");
  EXPECT_STREQ(document["data"]["audit"]["file"]["name"][1].GetString(),
               "/lib64/ld-linux-x86-64.so.2");
  EXPECT_TRUE(document["full_log"].IsString());
  EXPECT_FALSE(document["tld"].HasMember("truncated"));
  std::vector<std::string> order;
  for (const auto& member : document.GetObject()) order.emplace_back(member.name.GetString());
  EXPECT_EQ(order, (std::vector<std::string>{"timestamp", "rule", "agent", "manager", "id",
                                             "full_log", "decoder", "data", "location", "tld"}));
}

TEST_F(FormatTest, NoFullLogLeavesItOut) {
  rule_.full_log = false;
  const Event event = ParseEvent(ExecRecords("nc", "/bin/nc"));
  EXPECT_FALSE(Parsed(FormatJson(About(event), sender_, kFileLimit)).HasMember("full_log"));
}

TEST_F(FormatTest, BytesThatAreNoUtf8AreReplacedAndKeptInHex) {
  const Event event = ParseEvent(
      "type=SYSCALL msg=audit(1.000:7): arch=c000003e syscall=59 comm=FF41 exe=2F62FE key=\"k\"\n"
      "type=EXECVE msg=audit(1.000:7): argc=2 a0=\"x\" a1=FF\n");
  const rapidjson::Document document = Parsed(FormatJson(About(event), sender_, kFileLimit));
  const auto& audit = document["data"]["audit"];
  EXPECT_STREQ(audit["command"].GetString(),
               "\uFFFD"
               "A");
  EXPECT_STREQ(audit["raw_hex"]["command"].GetString(), "ff41");
  EXPECT_STREQ(audit["raw_hex"]["exe"].GetString(), "2f62fe");
  EXPECT_STREQ(audit["raw_hex"]["execve"]["a1"].GetString(), "ff");
}

std::string HugeExec(std::size_t bytes) {
  std::string log = ExecRecords("nc", "/usr/bin/nc.openbsd");
  log.erase(log.find("type=EOE"));
  std::string body = "argc=99999";
  int index = 2;
  for (std::size_t written = 0; written < bytes;) {
    body += " a" + std::to_string(index++) + "=\"" + std::string(900, 'x') + '"';
    if (body.size() < 7000) continue;
    log += "type=EXECVE msg=audit(1700000000.123:7): " + body + '\n';
    written += body.size();
    body.clear();
  }
  return log;
}

TEST_F(FormatTest, AHugeEventStaysInItsLimitAndKeepsWhoAndWhat) {
  const Event event = ParseEvent(HugeExec(2u << 20));
  EXPECT_EQ(event.First("audit.truncated"), "yes");
  for (const std::size_t limit : {kSyslogLimit, kFileLimit, std::size_t{60 * 1024}}) {
    const std::string json = FormatJson(About(event), sender_, limit);
    EXPECT_LE(json.size(), limit);
    EXPECT_GT(json.size(), limit / 2);
    const rapidjson::Document document = Parsed(json);
    const auto& audit = document["data"]["audit"];
    EXPECT_STREQ(audit["exe"].GetString(), "/usr/bin/nc.openbsd");
    EXPECT_STREQ(audit["program"][0].GetString(), "nc");
    EXPECT_STREQ(audit["auid"].GetString(), "1000");
    EXPECT_STREQ(audit["key"].GetString(), "audit-wazuh-c");
    EXPECT_STREQ(document["tld"]["truncated"][0].GetString(), "full_log");
  }
  EXPECT_LE(FormatText(Summarize(About(event), sender_), kSyslogLimit).size(), kSyslogLimit);
  EXPECT_LE(FormatCef(Summarize(About(event), sender_), kSyslogLimit).size(), kSyslogLimit);
}

/// Bytes that JSON writes as six are no way to have a command left out.
TEST_F(FormatTest, WhatStaysOfACommandFillsTheLimit) {
  for (const std::size_t bytes : {3'000u, 8'000u, 50'000u, 500'000u}) {
    for (const char* pad : {"01", "0A", "FF", "C3A9", "61220A01"}) {
      std::string hex = "2F746D702F6563686F";  // /tmp/echo
      while (hex.size() < 2 * bytes) hex += pad;
      std::string log = ExecRecords("nc", "/usr/bin/nc.openbsd");
      log.erase(log.find("type=EXECVE"));
      const std::string header = "type=EXECVE msg=audit(1700000000.123:7): ";
      log += header + "argc=2 a0=\"nc\" a1_len=" + std::to_string(hex.size()) + '\n';
      for (std::size_t at = 0, piece = 0; at < hex.size(); at += 7000, ++piece)
        log += header + "a1[" + std::to_string(piece) + "]=" + hex.substr(at, 7000) + '\n';
      const Event event = ParseEvent(log);
      ASSERT_GT(event.First("audit.execve.cmdline").size(), bytes);
      for (const std::size_t limit : {kSyslogLimit, kFileLimit}) {
        const std::string json = FormatJson(About(event), sender_, limit);
        EXPECT_LE(json.size(), limit);
        const rapidjson::Document document = Parsed(json);
        const auto& execve = document["data"]["audit"]["execve"];
        ASSERT_TRUE(execve.HasMember("cmdline")) << bytes << ' ' << pad << ' ' << limit;
        const std::string line = execve["cmdline"].GetString();
        EXPECT_TRUE(line.starts_with("nc '/tmp/echo")) << bytes << ' ' << pad << ' ' << limit;
        if (!document["tld"].HasMember("truncated")) continue;
        EXPECT_GT(json.size(), limit / 2) << bytes << ' ' << pad << ' ' << limit;
        std::string names;
        for (const auto& name : document["tld"]["truncated"].GetArray())
          names += std::string(name.GetString()) + ' ';
        const bool exact = names.find("audit.raw_hex") != names.npos;
        const std::string all = std::string("full_log audit.execve.aN ") +
                                (exact ? "audit.raw_hex " : "") + "audit.execve.cmdline ";
        EXPECT_TRUE(all.starts_with(names)) << names;
      }
    }
  }
}

/// Nor are names and directories of any length.
TEST_F(FormatTest, ACommandStaysBesideLongNames) {
  const auto hex = [](const std::string& byte, std::size_t count) {
    std::string text;
    while (count-- > 0) text += byte;
    return text;
  };
  for (const char* byte : {"61", "01", "FF"}) {
    const std::string header = "msg=audit(1700000000.123:7): ";
    const std::string syscall = "type=SYSCALL " + header +
                                "arch=c000003e syscall=59 success=yes auid=1000 uid=0 comm=\"nc\" "
                                "exe=\"/usr/bin/nc.openbsd\" key=\"k\"\n";
    const std::string nc = "type=EXECVE " + header + "argc=3 a0=\"nc\" a1=\"-e\" a2=\"/bin/sh\"\n";
    const std::string path = "2F" + hex(byte, 3500);
    const Event deep = ParseEvent(syscall + nc + "type=CWD " + header + "cwd=" + path +
                                  "\ntype=PATH " + header + "item=0 name=" + path +
                                  " inode=1 dev=08:01 mode=0100755 ouid=0 nametype=NORMAL\n");
    const std::string name = hex(byte, 33'000);
    std::string execve =
        "type=EXECVE " + header + "argc=2 a0_len=" + std::to_string(name.size()) + '\n';
    for (std::size_t at = 0; at < name.size(); at += 7000)
      execve += "type=EXECVE " + header + "a0[" + std::to_string(at / 7000) +
                "]=" + name.substr(at, 7000) + '\n';
    const Event called = ParseEvent(syscall + execve + "type=EXECVE " + header + "a1=\"-e\"\n");
    for (const std::size_t limit : {kSyslogLimit, kFileLimit}) {
      const std::string beside = FormatJson(About(deep), sender_, limit);
      EXPECT_LE(beside.size(), limit);
      EXPECT_NE(beside.find("\"cmdline\":\"nc -e /bin/sh\""), beside.npos) << byte << ' ' << limit;
      const std::string behind = FormatJson(About(called), sender_, limit);
      EXPECT_LE(behind.size(), limit);
      EXPECT_NE(behind.find("\"cmdline\":\""), behind.npos) << byte << ' ' << limit;
      EXPECT_NE(behind.find("\"audit.program\""), behind.npos) << byte << ' ' << limit;
      EXPECT_NE(behind.find("/usr/bin/nc.openbsd"), behind.npos);
    }
  }
}

TEST_F(FormatTest, ManyEmptyArgumentsAreCutAtOnce) {
  std::string log =
      "type=SYSCALL msg=audit(1.000:7): arch=c000003e syscall=59 comm=\"nc\" exe=\"/bin/nc\" "
      "key=\"k\"\n"
      "type=EXECVE msg=audit(1.000:7): argc=9001 a0=\"" +
      std::string(7000, 'n') + '"';
  for (int i = 1; i <= 9000; ++i) log += " a" + std::to_string(i) + "=\"\"";
  const Event event = ParseEvent(log + '\n');
  const std::string json = FormatJson(About(event), sender_, kSyslogLimit);
  EXPECT_LE(json.size(), kSyslogLimit);
  EXPECT_GT(json.size(), kSyslogLimit / 2);
}

TEST_F(FormatTest, EventsMadeToBeTooLargeFitAllTheSame) {
  std::string log;
  const auto record = [&](const std::string& type, const std::string& body) {
    log += "type=" + type + " msg=audit(1.000:7): " + body + '\n';
  };
  record("SYSCALL", "arch=c000003e syscall=59 comm=0102030405060708090A0B0C0D0E0F exe=" +
                        HexEncode("/" + std::string(4000, '\x01')) + " key=\"k\"");
  for (int i = 0; i < 300; ++i) {
    record("PATH", "item=" + std::to_string(i) + " name=" + HexEncode(std::string(2000, '\xFE')) +
                       " nametype=NORMAL");
  }
  for (int i = 0; i < 100; ++i)
    record("AVC", "field" + std::to_string(i) + "=" + std::string(3000, 'y'));
  rule_.info = std::string(20'000, 'i');
  rule_.groups.assign(500, std::string(50, 'g'));
  Event event = ParseEvent(log);
  for (const std::size_t limit : {kSyslogLimit, kFileLimit}) {
    const std::string json = FormatJson(About(event), sender_, limit);
    EXPECT_LE(json.size(), limit);
    Parsed(json);
  }
  EXPECT_LE(FormatText(Summarize(About(event), sender_), kSyslogLimit).size(), kSyslogLimit);
  EXPECT_LE(FormatCef(Summarize(About(event), sender_), kSyslogLimit).size(), kSyslogLimit);
}

/// An independent reader of CEF: the seven header parts, then the extension.
std::vector<std::pair<std::string, std::string>> ReadCef(const std::string& line) {
  std::vector<std::pair<std::string, std::string>> out;
  std::string part;
  std::size_t at = 0;
  for (int bars = 0; bars < 7 && at < line.size(); ++at) {
    if (line[at] == '\\') {
      part += line[++at];
    } else if (line[at] == '|') {
      out.emplace_back("h" + std::to_string(bars++), part);
      part.clear();
    } else {
      part += line[at];
    }
  }
  // A key is the word before an unescaped `=`; the value runs up to the next key.
  std::vector<std::size_t> equals;
  for (std::size_t i = at; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == '=') {
      equals.push_back(i);
    }
  }
  for (std::size_t k = 0; k < equals.size(); ++k) {
    const std::size_t space = line.rfind(' ', equals[k]);
    const std::size_t begin = space == line.npos || space < at ? at : space + 1;
    std::size_t end = line.size();
    if (k + 1 < equals.size()) end = line.rfind(' ', equals[k + 1]);
    std::string value;
    for (std::size_t i = equals[k] + 1; i < end; ++i) {
      if (line[i] == '\\') ++i;
      value += line[i];
    }
    out.emplace_back(line.substr(begin, equals[k] - begin), value);
  }
  return out;
}

TEST_F(FormatTest, CefReadsBack) {
  const Event event = ParseEvent(
      "type=SYSCALL msg=audit(1.000:7): arch=c000003e syscall=59 auid=1000 uid=0 comm=\"n|c\" "
      "exe=\"/a=b\\c|d\" key=\"k\"\ntype=EXECVE msg=audit(1.000:7): argc=2 a0=\"n|c\" "
      "a1=\"x=y\\z\"\n");
  Alert alert = About(event);
  const auto parts = ReadCef(FormatCef(Summarize(alert, sender_), kSyslogLimit));
  const auto value = [&](const std::string& name) {
    for (const auto& [n, v] : parts) {
      if (n == name) return v;
    }
    return std::string("?");
  };
  EXPECT_EQ(value("h1"), "ThreatLockDown");
  EXPECT_EQ(value("h4"), "100210");
  EXPECT_EQ(value("h5"), alert.description);
  EXPECT_EQ(value("h6"), "8");
  EXPECT_EQ(value("filePath"), "/a=b\\c|d");
  EXPECT_EQ(value("dproc"), "n|c");
  EXPECT_EQ(value("suid"), "1000");
  EXPECT_EQ(value("externalId"), "1.000:7");
  EXPECT_EQ(value("cn1"), "7");
}

TEST_F(FormatTest, AValueThatEndsInABarHidesNoOtherOfCef) {
  const Event event = ParseEvent(
      "type=SYSCALL msg=audit(1.000:7): arch=c000003e syscall=59 success=yes auid=1000 uid=0 "
      "comm=\"nc|\" exe=\"/tmp/nc|\" key=\"k\"\n");
  const std::string cef = FormatCef(Summarize(About(event), sender_), kSyslogLimit);
  EXPECT_NE(cef.find(" dproc=nc| filePath=/tmp/nc| outcome=yes "), cef.npos) << cef;
  EXPECT_NE(cef.find("|8|rt="), cef.npos) << cef;
}

/// Whatever bytes the records hold: one line, no control byte, valid UTF-8, JSON that reads back.
TEST_F(FormatTest, OneAlertIsOneSafeLineInEveryFormat) {
  std::mt19937 random(11);
  const auto bytes = [&](std::size_t most) {
    std::string text;
    for (std::size_t n = random() % most; n > 0; --n) text += static_cast<char>(random() % 256);
    return text;
  };
  for (int round = 0; round < 500; ++round) {
    const std::string comm = bytes(15);
    const std::string exe = bytes(60);
    const std::string argument = bytes(200);
    const Event event = ParseEvent(
        "type=SYSCALL msg=audit(1.000:7): arch=c000003e syscall=59 auid=1 uid=0 tty=pts0 comm=" +
        HexEncode("c" + comm) + " exe=" + HexEncode("/" + exe) +
        " key=" + HexEncode("k" + bytes(9)) +
        "\ntype=EXECVE msg=audit(1.000:7): argc=1 a0=" + HexEncode("a" + argument) +
        "\ntype=CWD msg=audit(1.000:7): cwd=" + HexEncode("/" + bytes(30)) + "\n");
    ASSERT_EQ(event.First("audit.command"), "c" + comm);
    Alert alert = About(event);
    for (const Format format : {Format::kText, Format::kJson, Format::kCef}) {
      const std::string line = FormatAlert(format, alert, sender_, kSyslogLimit);
      EXPECT_TRUE(IsUtf8(line));
      EXPECT_EQ(Shown(line), line);  // nothing in it that a terminal acts on
    }
    const rapidjson::Document document = Parsed(FormatJson(alert, sender_, kFileLimit));
    const auto& audit = document["data"]["audit"];
    if (IsUtf8(argument)) {
      EXPECT_EQ(
          std::string(audit["execve"]["a0"].GetString(), audit["execve"]["a0"].GetStringLength()),
          "a" + argument);
    } else {
      EXPECT_EQ(HexDecode(audit["raw_hex"]["execve"]["a0"].GetString()), "a" + argument);
    }
  }
}

TEST_F(FormatTest, AReportOfThePluginItselfHasNoEvent) {
  Alert alert;
  alert.rule = &rule_;
  alert.description = "started";
  alert.seq = 1;
  EXPECT_EQ(FormatText(Summarize(alert, sender_), kSyslogLimit),
            "100210 level=12 \"started\" seq=1");
  const rapidjson::Document document = Parsed(FormatJson(alert, sender_, kFileLimit));
  EXPECT_FALSE(document.HasMember("data"));
  EXPECT_STREQ(document["decoder"]["name"].GetString(), "tld-audisp");
}

TEST(SyslogSeverity, FollowsTheLevels) {
  const std::pair<int, int> table[] = {{16, 1}, {15, 1}, {14, 2}, {12, 2}, {11, 3}, {10, 3},
                                       {9, 4},  {7, 4},  {6, 5},  {3, 5},  {2, 6},  {1, 6}};
  for (const auto& [level, severity] : table) EXPECT_EQ(SyslogSeverity(level), severity) << level;
}

}  // namespace
}  // namespace tld
