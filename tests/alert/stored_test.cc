// SPDX-License-Identifier: Apache-2.0
#include "alert/stored.h"

#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <ctime>
#include <random>

#include "base/text.h"
#include "tests/support.h"

namespace tld {
namespace {

using testing_support::ExecRecords;
using testing_support::ParseEvent;

class StoredTest : public testing::Test {
 protected:
  StoredTest() {
    setenv("TZ", "UTC", 1);
    tzset();
    rule_.id = "100210";
    rule_.level = 12;
    rule_.groups = {"audit", "suspicious"};
    sender_.host = "host1";
    sender_.instance = 0xabc;
  }

  StoredAlert Stored(const Event& event, const std::vector<std::string>* previous = nullptr) {
    Alert alert;
    alert.rule = &rule_;
    alert.event = &event;
    alert.description = "run: " + Shown(event.First("audit.exe"));
    alert.seq = 7;
    alert.previous = previous;
    alert.time_us = event.id().TimeMs() * 1000;
    alert.location = "auditd";
    summary_ = FormatText(Summarize(alert, sender_), kSyslogLimit);
    cef_ = FormatCef(Summarize(alert, sender_), kSyslogLimit);
    StoredAlert stored;
    stored.instance = sender_.InstanceText();
    stored.seq = alert.seq;
    stored.time_us = alert.time_us;
    stored.rule = rule_.id;
    stored.level = rule_.level;
    stored.host = event.id().node.empty() ? sender_.host : event.id().node;
    stored.document = FormatJson(alert, sender_, kFileLimit);
    return stored;
  }

  static rapidjson::Document Parsed(const std::string& json) {
    rapidjson::Document document;
    document.Parse(json.c_str());
    EXPECT_FALSE(document.HasParseError()) << json.substr(0, 300);
    return document;
  }

  Rule rule_;
  Sender sender_;
  std::string summary_;  ///< of the alert that was stored last, straight from it
  std::string cef_;
};

TEST_F(StoredTest, TheDocumentGoesOutAsItIsAndTextAndCefAsFromTheAlert) {
  const Event event = ParseEvent(ExecRecords("nc", "/usr/bin/nc.openbsd"));
  const StoredAlert stored = Stored(event);
  EXPECT_EQ(FormatStored(Payload::kJson, stored, kSyslogLimit), stored.document);
  EXPECT_EQ(FormatStored(Payload::kText, stored, kSyslogLimit), summary_);
  EXPECT_EQ(FormatStored(Payload::kCef, stored, kSyslogLimit), cef_);
}

TEST_F(StoredTest, AnEventHasItsFieldsAtTheTop) {
  const Event event = ParseEvent(ExecRecords("nc", "/usr/bin/nc.openbsd"));
  const auto text = FormatStored(Payload::kEvent, Stored(event), kSyslogLimit);
  ASSERT_TRUE(text);
  const rapidjson::Document document = Parsed(*text);
  EXPECT_STREQ(document["audit"]["command"].GetString(), "nc");
  EXPECT_STREQ(document["tld"]["rule"]["id"].GetString(), "100210");
  EXPECT_EQ(document["tld"]["rule"]["level"].GetInt(), 12);
  EXPECT_STREQ(document["tld"]["instance"].GetString(), "0000000000000abc");
  EXPECT_STREQ(document["tld"]["timestamp"].GetString(), "2023-11-14T22:13:20.123+0000");
  EXPECT_FALSE(document["tld"].HasMember("full_log"));
}

TEST_F(StoredTest, ALongDocumentIsCutInItsOrderAndStaysValid) {
  std::string execve = "type=EXECVE msg=audit(1700000000.123:7): argc=61 a0=\"nc\"";
  for (int i = 1; i <= 60; ++i) {
    execve += " a" + std::to_string(i) + "=\"" + std::string(200, 'x') + std::to_string(i) + "\"";
  }
  const Event event = ParseEvent(
      "type=SYSCALL msg=audit(1700000000.123:7): arch=c000003e syscall=59 auid=1000 uid=0 "
      "comm=\"nc\" exe=\"/usr/bin/nc\" key=\"k\"\n" +
      execve + "\ntype=CWD msg=audit(1700000000.123:7): cwd=\"/" + std::string(1500, 'd') + "\"\n");
  const std::vector<std::string> previous(3, std::string(500, 'p'));
  const StoredAlert stored = Stored(event, &previous);
  std::size_t before = stored.document.size();
  ASSERT_GT(before, 20'000u);
  for (const std::size_t limit : {30'000u, 20'000u, 14'000u, 6144u, 3000u, 1500u, 700u}) {
    const auto text = FormatStored(Payload::kJson, stored, limit);
    ASSERT_TRUE(text);
    EXPECT_LE(text->size(), limit);
    EXPECT_LE(text->size(), before);
    before = text->size();
    const rapidjson::Document document = Parsed(*text);
    EXPECT_STREQ(document["rule"]["id"].GetString(), "100210");
    EXPECT_STREQ(document["agent"]["name"].GetString(), "host1");
    EXPECT_EQ(document["tld"]["seq"].GetInt(), 7);
    const auto& audit = document["data"]["audit"];
    EXPECT_STREQ(audit["exe"].GetString(), "/usr/bin/nc") << limit;
    EXPECT_STREQ(audit["auid"].GetString(), "1000");
    EXPECT_STREQ(audit["key"].GetString(), "k");
    if (stored.document.size() > limit) {
      EXPECT_TRUE(document["tld"].HasMember("truncated")) << limit;
    }
    // What stands earlier in the order is gone before the next is touched.
    if (!audit.HasMember("execve") || !audit["execve"].HasMember("a60")) {
      EXPECT_FALSE(document.HasMember("previous_output")) << limit;
      EXPECT_FALSE(document.HasMember("full_log")) << limit;
    }
    EXPECT_LE(FormatStored(Payload::kEvent, stored, limit)->size(), limit);
  }
}

/// Bytes that JSON writes as two or six are no way to have a command left out on its way.
TEST_F(StoredTest, WhatStaysOfACommandFillsTheLimit) {
  for (const char* pad : {"78", "01", "0A", "FF", "61220A01"}) {
    std::string hex = "2F746D702F6563686F";  // /tmp/echo
    while (hex.size() < 7000) hex += pad;
    const Event event = ParseEvent(
        "type=SYSCALL msg=audit(1700000000.123:7): arch=c000003e syscall=59 auid=1000 uid=0 "
        "comm=\"nc\" exe=\"/usr/bin/nc\" key=\"k\"\ntype=EXECVE msg=audit(1700000000.123:7): "
        "argc=2 "
        "a0=\"nc\" a1=" +
        hex + "\n");
    const StoredAlert stored = Stored(event);
    for (const Payload payload : {Payload::kJson, Payload::kEvent}) {
      const auto text = FormatStored(payload, stored, 6144);
      ASSERT_TRUE(text);
      EXPECT_LE(text->size(), 6144u);
      const rapidjson::Document document = Parsed(*text);
      const auto& audit = payload == Payload::kJson ? document["data"]["audit"] : document["audit"];
      ASSERT_TRUE(audit["execve"].HasMember("cmdline")) << pad;
      const std::string line = audit["execve"]["cmdline"].GetString();
      EXPECT_TRUE(line.starts_with("nc '/tmp/echo") || line.starts_with("nc /tmp/echo")) << line;
      EXPECT_GT(text->size(), 4000u) << pad;
    }
  }
}

TEST_F(StoredTest, LongNamesOfAProgramFitAndLeaveTheCommand) {
  for (const char* byte : {"61", "01"}) {
    std::string name;
    while (name.size() < 7000) name += byte;
    const std::string header = "msg=audit(1700000000.123:7): ";
    const Event event =
        ParseEvent("type=SYSCALL " + header +
                   "arch=c000003e syscall=59 auid=1000 uid=0 comm=" + name.substr(0, 5000) +
                   " exe=\"/usr/bin/nc\" key=" + name.substr(0, 5000) + "\ntype=EXECVE " + header +
                   "argc=1 a0=" + name + "\ntype=PATH " + header + "item=0 name=" + name +
                   " inode=1 dev=08:01 mode=0100755 ouid=0 nametype=NORMAL\n");
    const StoredAlert stored = Stored(event);
    for (const std::size_t limit : {6144u, 3000u}) {
      const auto text = FormatStored(Payload::kJson, stored, limit);
      ASSERT_TRUE(text);
      EXPECT_LE(text->size(), limit) << byte;
      EXPECT_NE(text->find("/usr/bin/nc"), text->npos);
      if (limit == 3000u) continue;
      EXPECT_NE(text->find("\"cmdline\":\""), text->npos) << byte;
    }
  }
}

/// Somebody may have changed the file.
TEST_F(StoredTest, DocumentsOfAnotherShapeAreShortenedToo) {
  const std::string much(9000, 'x');
  for (const std::string& data :
       {'"' + much + '"', "[\"" + much + "\"]", "{\"audit\":\"" + much + "\"}",
        "{\"audit\":[{\"raw_hex\":\"" + much + "\"}]}",
        "{\"audit\":{\"raw_hex\":\"" + much + "\",\"execve\":\"" + much + "\"}}",
        "{\"audit\":{\"raw_hex\":{\"execve\":[\"" + much + "\"]},\"execve\":{\"cmdline\":[\"" +
            much + "\"]}}}",
        "{\"audit\":{\"execve\":{},\"a\":\"" + much + "\"}}",
        "{\"audit\":{\"execve\":{\"a1\":\"1\"},\"a\":\"" + much + "\"}}"}) {
    StoredAlert stored;
    stored.document = "{\"rule\":{\"id\":\"1\"},\"data\":" + data + ",\"tld\":{}}";
    for (const Payload payload : {Payload::kJson, Payload::kEvent, Payload::kText, Payload::kCef}) {
      const auto text = FormatStored(payload, stored, 6144);
      ASSERT_TRUE(text) << data.substr(0, 30);
    }
  }
}

TEST_F(StoredTest, GroupsChooseAndNoDocumentIsNone) {
  const Event event = ParseEvent(ExecRecords("nc", "/usr/bin/nc"));
  const StoredAlert stored = Stored(event);
  EXPECT_EQ(InGroups(stored.document, {"other", "suspicious"}), true);
  EXPECT_EQ(InGroups(stored.document, {"susp"}), false);
  EXPECT_EQ(InGroups("{\"rule\":{\"groups\":7}}", {"a"}), false);
  EXPECT_EQ(InGroups("noise", {"a"}), std::nullopt);
  for (const char* bad : {"", "{", "[]", "null", "{\"rule\":"}) {
    StoredAlert broken = stored;
    broken.document = bad;
    EXPECT_FALSE(FormatStored(Payload::kText, broken, 100)) << bad;
    EXPECT_FALSE(FormatStored(Payload::kEvent, broken, 100)) << bad;
  }
  // A document of another shape is sent as far as it goes.
  StoredAlert strange = stored;
  strange.document = "{\"rule\":[1,2],\"data\":\"x\",\"tld\":7}";
  EXPECT_TRUE(FormatStored(Payload::kText, strange, 1000));
  EXPECT_TRUE(FormatStored(Payload::kEvent, strange, 10));
}

/// Fields of the header, the parameters of the structured data, the message: an own reading of RFC
/// 5424 section 6.
struct Message {
  std::vector<std::string> header;
  std::vector<std::pair<std::string, std::string>> parameters;
  std::string text;
};
Message ReadRfc5424(const std::string& record) {
  Message message;
  std::size_t at = 0;
  for (int i = 0; i < 6; ++i) {
    const std::size_t space = record.find(' ', at);
    message.header.push_back(record.substr(at, space - at));
    at = space + 1;
  }
  EXPECT_EQ(record.substr(at, 10), "[tld@32473");
  at += 10;
  while (record.at(at) == ' ') {
    const std::size_t equals = record.find('=', at);
    const std::string name = record.substr(at + 1, equals - at - 1);
    std::string value;
    for (at = equals + 2; record.at(at) != '"'; ++at) {
      if (record[at] == '\\') ++at;
      value += record.at(at);
    }
    message.parameters.emplace_back(name, value);
    ++at;
  }
  EXPECT_EQ(record.at(at), ']');
  message.text = record.substr(at + 2);
  return message;
}

TEST_F(StoredTest, SyslogFramesReadBack) {
  const Event event = ParseEvent(
      "node=n1 type=SYSCALL msg=audit(1700000000.123:7): arch=c000003e syscall=59 auid=1000 uid=0 "
      "comm=" +
      HexEncode("a]b\"c\\d\ne") + " exe=\"/usr/bin/nc\" key=\"k\"\n");
  const StoredAlert stored = Stored(event);
  const Message message = ReadRfc5424(FrameRfc5424(stored, 3, "the payload"));
  EXPECT_EQ(message.header, (std::vector<std::string>{"<26>1", "2023-11-14T22:13:20.123000Z", "n1",
                                                      "tld-audisp", "-", "alert"}));
  EXPECT_EQ(message.parameters,
            (std::vector<std::pair<std::string, std::string>>{{"instance", "0000000000000abc"},
                                                              {"seq", "7"},
                                                              {"rule", "100210"},
                                                              {"level", "12"},
                                                              {"auid", "1000"},
                                                              {"uid", "0"},
                                                              {"command", "a]b\"c\\d\\x0ae"},
                                                              {"exe", "/usr/bin/nc"}}));
  EXPECT_EQ(message.text, "the payload");
  EXPECT_EQ(FrameRfc3164(stored, 3, "x"), "<26>Nov 14 22:13:20 n1 tld-audisp: x");
}

TEST_F(StoredTest, WhateverTheEventHeldOneAlertIsOneRecord) {
  std::mt19937 random(5);
  const auto bytes = [&](std::size_t most) {
    std::string text;
    for (std::size_t n = random() % most + 1; n > 0; --n) text += static_cast<char>(random() % 256);
    return text;
  };
  for (int round = 0; round < 300; ++round) {
    const std::string exe = "/" + bytes(300);
    const Event event =
        ParseEvent("node=n" + std::to_string(round) +
                   " type=SYSCALL msg=audit(1.000:7): arch=c000003e syscall=59 auid=1 uid=0 comm=" +
                   HexEncode(bytes(15)) + " exe=" + HexEncode(exe) + " key=" + HexEncode(bytes(9)) +
                   "\nnode=n" + std::to_string(round) +
                   " type=EXECVE msg=audit(1.000:7): argc=1 a0=" + HexEncode(bytes(900)) + "\n");
    const StoredAlert stored = Stored(event);
    for (const Payload payload : {Payload::kJson, Payload::kEvent, Payload::kText, Payload::kCef}) {
      const auto text = FormatStored(payload, stored, 1200);
      ASSERT_TRUE(text);
      for (const std::string& record :
           {FrameRfc5424(stored, 3, *text), FrameRfc3164(stored, 3, *text)}) {
        EXPECT_TRUE(IsUtf8(record));
        EXPECT_EQ(Shown(record), record);  // no newline, no control byte
      }
      if (payload == Payload::kJson || payload == Payload::kEvent) Parsed(*text);
      EXPECT_EQ(ReadRfc5424(FrameRfc5424(stored, 3, *text)).text, *text);
    }
    const rapidjson::Document document = Parsed(*FormatStored(Payload::kJson, stored, kFileLimit));
    if (IsUtf8(exe)) {
      const auto& value = document["data"]["audit"]["exe"];
      EXPECT_EQ(std::string(value.GetString(), value.GetStringLength()), exe);
    }
  }
}

}  // namespace
}  // namespace tld
