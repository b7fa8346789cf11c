// SPDX-License-Identifier: Apache-2.0
// The administrator's tool as people run it: its output and its exit status.
#include "tests/program/tldctl.h"

#include <gtest/gtest.h>
#include <rapidjson/document.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "tests/support.h"

namespace tld {
namespace {

using testing_support::ExecRecords;
using testing_support::Ran;
using testing_support::RuleText;
using testing_support::Slurp;
using testing_support::TldctlTest;

const std::string kNc = ExecRecords("nc", "/usr/bin/nc.openbsd");

TEST_F(TldctlTest, TestShowsWhatWasTriedAndWhatWasNot) {
  Rules(
      RuleText("id=\"1\" level=\"3\"") +
      RuleText("id=\"2\" level=\"9\"",
               "<if_sid>1</if_sid><field name=\"audit.exe\">^/tmp</field>") +
      RuleText("id=\"3\" level=\"5\"", "<if_sid>1</if_sid><list field=\"audit.command\">l</list>") +
      RuleText("id=\"4\" level=\"5\"", "<if_sid>1</if_sid>"));
  const Ran ran = Run("test -v", kNc);
  EXPECT_EQ(ran.status, 0);
  EXPECT_NE(ran.out.find("**Rules tried\n"
                         "  1 level 3 holds\n"
                         "    2 level 9 does not hold: field audit.exe '^/tmp' on "
                         "'/usr/bin/nc.openbsd'\n"
                         "    3 level 5 holds: list l, field audit.command on 'nc'\n"
                         "      and takes the event before 4\n"
                         "**Phase 3: rule\n"
                         "  id: 3\n"),
            std::string::npos)
      << ran.out;
}

TEST_F(TldctlTest, WhyNamesAllThatKeepsARuleFromFiring) {
  Rules(RuleText("id=\"1\" level=\"3\"") +
        RuleText("id=\"2\" level=\"0\"", "<if_sid>1</if_sid><match>nc</match>") +
        RuleText("id=\"3\" level=\"5\"",
                 "<if_sid>1</if_sid><field name=\"audit.tty\">^pts9$</field>"
                 "<field name=\"audit.none\">x</field>") +
        RuleText("id=\"4\" level=\"5\"", "<if_sid>3</if_sid>") +
        RuleText("id=\"5\" level=\"5\" frequency=\"4\"", "<if_matched_sid>1</if_matched_sid>"));
  const auto why = [&](const std::string& id) {
    const std::string out = Run("test --why " + id, kNc).out;
    return out.substr(std::min(out.find("**Rule"), out.size()));
  };
  EXPECT_EQ(why("2"), "**Rule 2 fires.\n\n");
  EXPECT_EQ(why("1"),
            "**Rule 1 would fire if this held:\n"
            "  rule 2 (level 0), its child, not taking the event\n\n");
  EXPECT_EQ(why("3"),
            "**Rule 3 would fire if this held:\n"
            "  rule 2 (level 0), which is tried before it, not taking the event\n"
            "  field audit.tty '^pts9$' on 'pts0'\n"
            "  field audit.none 'x': the event has no such field\n\n");
  EXPECT_EQ(why("4"),
            "**Rule 4 would fire if this held:\n"
            "  rule 2 (level 0), which is tried before it, not taking the event\n"
            "  its parent 3: field audit.tty '^pts9$' on 'pts0'\n"
            "  its parent 3: field audit.none 'x': the event has no such field\n\n");
  EXPECT_EQ(why("5"),
            "**Rule 5 would fire if this held:\n"
            "  rule 2 (level 0), which is tried before it, not taking the event\n"
            "  4 events in 360 s that it counts\n\n");
  EXPECT_EQ(Run("test --why 99", kNc).status, 2);
}

TEST_F(TldctlTest, ACompositeTellsHowFarItHasCome) {
  Rules(RuleText("id=\"1\" level=\"3\"") +
        RuleText("id=\"5\" level=\"5\" frequency=\"3\" timeframe=\"60\" ignore=\"60\"",
                 "<if_matched_sid>1</if_matched_sid>"));
  std::string log;
  for (int i = 0; i < 6; ++i) log += ExecRecords("nc", "/usr/bin/nc.openbsd", 10 + i);
  const std::string out = Run("test --why 5", log).out;
  EXPECT_NE(out.find("  3 events in 60 s: this is number 2\n"), std::string::npos) << out;
  EXPECT_NE(out.find("  frequency: 3 in 60 s\n"), std::string::npos) << out;
  EXPECT_NE(out.find("  rule 5 was alerted less than 60 s before: its parent answers\n  id: 1\n"),
            std::string::npos)
      << out;
  EXPECT_NE(out.find("  no alert of it in the 60 s before, which it ignores\n"), std::string::npos)
      << out;
  const std::string json = Run("test --json", log).out;
  EXPECT_NE(json.find("\"rule\":{\"level\":5,\"description\":\"d\",\"id\":\"5\",\"frequency\":3,"),
            std::string::npos)
      << json;
}

TEST_F(TldctlTest, WhyShowsWhatEachKindOfConditionLookedAt) {
  Rules(RuleText("id=\"1\" level=\"3\"") +
        RuleText("id=\"2\" level=\"5\"", "<if_sid>1</if_sid><srcip>10.0.0.0/8</srcip>") +
        RuleText("id=\"3\" level=\"5\"",
                 "<if_sid>1</if_sid><time>03:00-03:01</time><hostname>^zz</hostname>") +
        RuleText("id=\"4\" level=\"5\"", "<if_sid>1</if_sid><user>root</user>") +
        RuleText("id=\"5\" level=\"0\"") +
        RuleText("id=\"6\" level=\"5\"", "<if_matched_sid>5</if_matched_sid>"));
  const auto why = [&](const std::string& id, const std::string& log) {
    const std::string out = Run("test --why " + id, log).out;
    return out.substr(std::min(out.find("**Rule"), out.size()));
  };
  const auto holds = [&](const std::string& id, const std::string& log, const std::string& text) {
    const std::string out = why(id, log);
    EXPECT_NE(out.find(text), std::string::npos) << out;
  };
  holds("2", kNc, "srcip '10.0.0.0/8': the event has no source address\n");
  holds("2", "type=USER_AUTH msg=audit(1700000000.000:1): pid=1 msg='op=a addr=192.0.2.7'\n",
        "srcip '10.0.0.0/8' on '192.0.2.7'\n");
  holds("3", kNc, "time '03:00-03:01' at ");
  holds("3", "node=vm " + kNc.substr(0, kNc.find('\n') + 1), "hostname '^zz' on 'vm'\n");
  holds("4", kNc, "<user>, which never holds on audit events\n");
  holds("6", kNc, "a rule that it counts: none of them answers at a level above 0\n");
}

TEST_F(TldctlTest, AnIgnoredRulesParentFiresAndNoLogIsNotSilence) {
  Rules(RuleText("id=\"1\" level=\"3\"") +
        RuleText("id=\"2\" level=\"5\" ignore=\"60\"", "<if_sid>1</if_sid>"));
  const std::string out = Run("test --why 1", kNc + ExecRecords("nc", "/usr/bin/nc", 8)).out;
  EXPECT_NE(out.find("**Rule 1 would fire if this held:\n"), std::string::npos) << out;
  EXPECT_NE(out.find("**Rule 1 fires.\n"), std::string::npos) << out;
  Rules(RuleText("id=\"1\" level=\"3\"", "<options>no_log</options>"));
  EXPECT_NE(Run("test", kNc).out.find("**No alert: the rule has the option no_log.\n"),
            std::string::npos);
  Rules(RuleText("id=\"1\" level=\"0\""));
  EXPECT_NE(Run("test", kNc).out.find("**No alert: the event is consumed silently.\n"),
            std::string::npos);
}

TEST_F(TldctlTest, JsonCarriesTraceAndWhyWhenAskedFor) {
  Rules(RuleText("id=\"1\" level=\"3\"") +
        RuleText("id=\"2\" level=\"9\"", "<if_sid>1</if_sid><match>zzz</match>"));
  const Ran ran = Run("test --json -v --why 2", kNc);
  rapidjson::Document document;
  document.Parse(ran.out.c_str());
  ASSERT_FALSE(document.HasParseError()) << ran.out;
  ASSERT_EQ(document["trace"].Size(), 2u);
  EXPECT_STREQ(document["trace"][1]["rule"].GetString(), "2");
  EXPECT_FALSE(document["trace"][1]["held"].GetBool());
  ASSERT_EQ(document["why"].Size(), 1u);
  EXPECT_STREQ(document["why"][0].GetString(), "the full log 'zzz'");
  document.Parse(Run("test --json", kNc).out.c_str());
  EXPECT_FALSE(document.HasMember("trace"));
  EXPECT_FALSE(document.HasMember("why"));
}

TEST_F(TldctlTest, LintIsShownAndCountsWithStrictAlone) {
  Rules(RuleText("id=\"7\" level=\"3\"", "<list field=\"audit.exe\">l</list>"));
  const Ran plain = Run("check");
  EXPECT_EQ(plain.status, 0);
  EXPECT_NE(plain.out.find("/rules/r.xml:1:18: lint: ids of your own rules are 100000 to 120000 "
                           "[rule 7]\n  <group name=\"g,\"><rule id=\"7\""),
            std::string::npos)
      << plain.out;
  EXPECT_NE(plain.out.find("1 rule, 1 list: 1 lint\n"), std::string::npos) << plain.out;
  EXPECT_EQ(Run("check --strict").status, 1);
  const Ran json = Run("check --json");
  EXPECT_EQ(json.status, 0);
  rapidjson::Document document;
  document.Parse(json.out.c_str());
  ASSERT_FALSE(document.HasParseError()) << json.out;
  EXPECT_STREQ(document["severity"].GetString(), "lint");
  EXPECT_STREQ(document["code"].GetString(), "foreign-id");
  EXPECT_STREQ(document["rule"].GetString(), "7");
}

TEST_F(TldctlTest, CheckNamesAllFaultsOfAllFiles) {
  directory_.Write("rules/a.xml", RuleText("id=\"x\" level=\"3\"") + "<rule/>");
  directory_.Write("rules/b.xml", "<group name=\"g\">");
  directory_.Write("lists/l", ":novalue\n");
  Rules(RuleText("id=\"100001\" level=\"3\"", "<if_sid>9</if_sid>"));
  const Ran ran = Run("check");
  EXPECT_EQ(ran.status, 1);
  for (const char* place : {"a.xml:1:28: error", "a.xml:2:1: error", "b.xml:1:", "l:1:1: error",
                            "r.xml:1:82: warning"}) {
    EXPECT_NE(ran.out.find(place), std::string::npos) << place << '\n' << ran.out;
  }
}

TEST_F(TldctlTest, AMatchThatIsGivenUpIsSaid) {
  Rules(RuleText("id=\"100001\" level=\"3\"",
                 "<field name=\"audit.exe\" type=\"pcre2\">^/(a|aa)+$</field>"));
  const std::string log = ExecRecords("a", "/" + std::string(3000, 'a') + "b");
  for (const char* command : {"test", "replay"}) {
    EXPECT_NE(Run(command, log).out.find("tldctl: pattern matches were given up 1 times"),
              std::string::npos)
        << command;
    EXPECT_EQ(Run(command, kNc).out.find("given up"), std::string::npos) << command;
  }
}

TEST_F(TldctlTest, ReplayShowsAlertsAndASummary) {
  Rules(RuleText("id=\"100001\" level=\"3\"") +
        RuleText("id=\"100002\" level=\"5\" frequency=\"2\"",
                 "<if_matched_sid>100001</if_matched_sid>"));
  const std::string log = kNc + ExecRecords("nc", "/usr/bin/nc.openbsd", 8);
  const Ran ran = Run("replay", log);
  EXPECT_EQ(ran.status, 0);
  EXPECT_NE(ran.out.find("2 events, 2 alerts\n"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("1  rule 100002 level 5"), std::string::npos) << ran.out;
  const Ran json = Run("replay --json --level 5", log);
  rapidjson::Document document;
  document.Parse(json.out.c_str());
  ASSERT_FALSE(document.HasParseError()) << json.out;
  EXPECT_STREQ(document["rule"]["id"].GetString(), "100002");
}

TEST_F(TldctlTest, ReplayTakesTheEarliestLogFirst) {
  Rules(RuleText("id=\"100001\" level=\"3\"") +
        RuleText("id=\"100002\" level=\"5\" frequency=\"2\"",
                 "<if_matched_sid>100001</if_matched_sid>"));
  std::string later = ExecRecords("nc", "/usr/bin/nc.openbsd", 8);
  const std::string_view stamp = "(1700000000";
  for (std::size_t at = 0; (at = later.find(stamp, at)) != later.npos; at += stamp.size()) {
    later[at + stamp.size() - 1] = '9';
  }
  const std::string old_log = directory_.Write("audit.log.1", kNc);
  const std::string new_log = directory_.Write("audit.log", later);
  const std::string in_order = Run("replay " + old_log + ' ' + new_log).out;
  EXPECT_EQ(Run("replay " + new_log + ' ' + old_log).out, in_order);
  const std::string empty = directory_.Write("audit.log.2", "");
  EXPECT_EQ(Run("replay " + empty + ' ' + new_log + ' ' + old_log).out, in_order);
  EXPECT_LT(in_order.find("100001 level=3"), in_order.find("100002 level=5")) << in_order;
  EXPECT_NE(in_order.find("2 events, 2 alerts"), std::string::npos) << in_order;
}

TEST_F(TldctlTest, LogsThatWereCopiedByHandAreRead) {
  Rules(RuleText("id=\"100001\" level=\"3\"", "<field name=\"audit.cwd\">^/root$</field>"));
  std::string log = "  " + kNc;
  for (std::size_t at = 0; (at = log.find('\n', at)) != log.npos; at += 4)
    log.replace(at, 1, "\r\n  ");
  const Ran ran = Run("replay", log);
  EXPECT_EQ(ran.status, 0);
  EXPECT_NE(ran.out.find("1 events, 1 alerts\n"), std::string::npos) << ran.out;
}

TEST_F(TldctlTest, AnInputWithoutRecordsIsAFault) {
  Rules(RuleText("id=\"100001\" level=\"3\""));
  for (const char* command : {"replay", "test"}) {
    const Ran other = Run(command, "hello\n");
    EXPECT_EQ(other.status, 1);
    EXPECT_NE(other.out.find("there is no audit record in the input\n"), std::string::npos);
    const Ran shown = Run(command, "type=CWD msg=audit(01/31/2026 14:00:00.123:45) : cwd=/tmp \n");
    EXPECT_EQ(shown.status, 1);
    EXPECT_NE(shown.out.find("what 'ausearch --raw' writes is needed"), std::string::npos)
        << shown.out;
    EXPECT_EQ(Run(command, "").status, 0);
  }
}

TEST_F(TldctlTest, OutputThatCannotBeWrittenIsAFault) {
  Rules(RuleText("id=\"100001\" level=\"3\""));
  const std::string log = directory_.Write("audit.log", kNc);
  const std::string given =
      " --rules " + (directory_ / "rules") + " --lists " + (directory_ / "lists");
  for (const std::string& command : {"replay --json " + log + given, "test " + log + given,
                                     "list show" + given, std::string("--help")}) {
    const Ran ran = RunAsItIs(command + " 2>&1 >/dev/full #");
    EXPECT_EQ(ran.status, 2) << command;
    EXPECT_TRUE(ran.out.starts_with("tldctl: cannot write standard output")) << command;
  }
}

TEST_F(TldctlTest, AnEmptyValueIsNotAnOptionThatIsNotGiven) {
  for (const char* command :
       {"hunt --since ''", "hunt --until ''", "hunt --histogram ''", "hunt --top ''",
        "test --why ''", "list get '' x", "audit-rules --users ''"}) {
    const Ran ran = RunAsItIs(command);
    EXPECT_EQ(ran.status, 2) << command;
    EXPECT_NE(ran.out.find("the value is empty"), std::string::npos) << ran.out;
  }
}

TEST_F(TldctlTest, NoRuleAtAllIsAFault) {
  std::filesystem::create_directories(directory_ / "rules");
  const Ran ran = Run("check");
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.out.find("/rules:1:1: error: there is no rule here"), std::string::npos) << ran.out;
}

TEST_F(TldctlTest, CheckTellsOfSettingsThatOthersMayWrite) {
  Rules(RuleText("id=\"100001\" level=\"3\""));
  directory_.Write("none.conf", "[rules]\npaths = " + (directory_ / "rules") +
                                    "\n[lists]\ndirectories = " + (directory_ / "lists") + '\n');
  const std::string part = directory_.Write("conf.d/50-x.conf", "");
  ASSERT_EQ(chmod(part.c_str(), 0666), 0);
  const Ran ran = RunAsItIs("check --conf " + (directory_ / "none.conf"));
  EXPECT_NE(ran.out.find(part + ":1:1: error: the plugin refuses this file"), std::string::npos)
      << ran.out;
}

TEST_F(TldctlTest, CheckWarnsOfWhatThisHostLacks) {
  Rules(RuleText("id=\"100001\" level=\"3\""));
  const std::string lists = directory_ / "no-lists";
  const std::string file = directory_.Write(
      "none.conf", "[plugin]\nuser = nobody-at-all\n[rules]\npaths = " + (directory_ / "rules") +
                       "\n[lists]\ndirectories = " + lists +
                       "\n[store]\nsize = 4096\nmost = 64\n[remote r]\nprotocol = tls\naddress = "
                       "h\nca = /none\n");
  const Ran ran = RunAsItIs("check --conf " + file);
  EXPECT_EQ(ran.status, 0);
  for (const std::string& text :
       {file + ":1:1: warning: there is no user 'nobody-at-all'; the plugin runs as uid 65534",
        file + ":1:1: warning: [remote r] there is no file /none",
        file + ":1:1: warning: [store] size is more than most: the file never becomes so large",
        lists + ":1:1: warning: [lists] names it, and it is not there"}) {
    EXPECT_NE(ran.out.find(text), std::string::npos) << ran.out;
  }
}

TEST_F(TldctlTest, AnEntryDoesNotLoseItsValueByOversight) {
  const Ran ran = Run("list add l nc");
  EXPECT_EQ(ran.status, 2) << ran.out;
  EXPECT_EQ(ran.out,
            "tldctl: 'nc' has the value 'red'; say which one it shall have, or remove it first\n");
  EXPECT_EQ(Slurp(directory_ / "lists/l"), "nc:red\n");
  EXPECT_EQ(Run("list add l nc orange").status, 0);
  EXPECT_EQ(Run("list get l nc").out, "orange\n");
  EXPECT_EQ(Run("list get l nc --json").out, "{\"key\":\"nc\",\"value\":\"orange\"}\n");
}

TEST_F(TldctlTest, AnEntryThatNoRuleAsksForIsToldOf) {
  Rules(RuleText(
      "id=\"100001\" level=\"3\"",
      R"(<list field="audit.program" lookup="match_key_value" check_value="red">l</list>)"));
  EXPECT_EQ(Run("list add l ncat red").out, "");
  EXPECT_EQ(Run("list add l socat rde").out,
            "tldctl: warning: no rule asks the list 'l' for the value 'rde'\n");
  EXPECT_EQ(Run("list get l socat").out, "rde\n");
  EXPECT_EQ(Run("list add ll socat red").out,
            "tldctl: warning: no rule asks the list 'll' for the value 'red'\n");
  EXPECT_EQ(Run("list add ll socat2").out,
            "tldctl: warning: no rule asks the list 'll' for an entry without a value\n");
}

TEST_F(TldctlTest, AListIsANameAndNoPath) {
  for (const char* action : {"show ../none.conf", "get ../none.conf x", "check ../none.conf",
                             "compile ../none.conf", "add ../x y", "add l.exclude y"}) {
    const Ran ran = Run(std::string("list ") + action);
    EXPECT_EQ(ran.status, 2) << action;
    EXPECT_NE(ran.out.find("is no name of a list"), std::string::npos) << ran.out;
  }
}

TEST_F(TldctlTest, CheckShowsTheRulesBelowEachOther) {
  Rules(
      "<group name=\"g,\">"
      "<rule id=\"100001\" "
      "level=\"0\"><decoded_as>auditd</decoded_as><description>a</description></rule>"
      "<rule id=\"100002\" level=\"3\"><if_sid>100001</if_sid><description>b "
      "$(audit.exe)</description></rule>"
      "<rule id=\"100003\" level=\"12\"><if_sid>100001</if_sid><description>c</description></rule>"
      "<rule id=\"100004\" level=\"5\"><if_sid>100002, "
      "100003</if_sid><description>d</description></rule>"
      "</group>");
  const Ran ran = Run("check --tree");
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out,
            "100001 level=0 a\n"
            "  100003 level=12 c\n"
            "    100004 level=5 d\n"
            "  100002 level=3 b $(audit.exe)\n"
            "    100004 level=5 d\n");
  EXPECT_NE(Run("check --tree --json")
                .out.find("{\"rule\":\"100004\",\"level\":5,\"depth\":2,\"again\":true,"),
            std::string::npos);
}

}  // namespace
}  // namespace tld
