// SPDX-License-Identifier: Apache-2.0
#include "detect/lint.h"

#include <gtest/gtest.h>

#include "detect/audit_rules.h"
#include "tests/support.h"

namespace tld {
namespace {

using testing_support::RuleText;
using testing_support::TestPolicy;
using Strings = std::vector<std::string>;

/// `CODE RULE MESSAGE` of each finding, which all must be of the severity lint.
Strings Told(const Diagnostics& diagnostics) {
  Strings told;
  for (const Diagnostic& d : diagnostics.all()) {
    EXPECT_EQ(d.severity, Severity::kLint);
    told.push_back(d.code + ' ' + (d.rule.empty() ? "-" : d.rule) + ' ' + d.message);
  }
  return told;
}

/// `CODE RULE` of each.
Strings Short(const Strings& told) {
  Strings cut;
  for (const std::string& text : told)
    cut.push_back(text.substr(0, text.find(' ', text.find(' ') + 1)));
  return cut;
}

std::string Rule(int id, int level, const std::string& options) {
  return RuleText("id=\"" + std::to_string(id) + "\" level=\"" + std::to_string(level) + "\"",
                  options);
}

const std::string kBase = Rule(100000, 0, "");
const std::string kBelow = "<if_sid>100000</if_sid>";

Strings Tree(const std::string& rules, const TestPolicy::Lists& lists = {}) {
  const TestPolicy policy(rules, lists);
  EXPECT_EQ(testing_support::Codes(policy.diagnostics()), Strings{});
  Diagnostics diagnostics;
  LintTree({policy.policy()->ruleset, policy.loaded().definitions}, diagnostics);
  return Told(diagnostics);
}

std::string Field(const std::string& name, const std::string& pattern,
                  const std::string& attributes = "") {
  return "<field name=\"" + name + "\"" + attributes + ">" + pattern + "</field>";
}

TEST(LintShadow, ASilentSiblingWithoutConditionsTakesAll) {
  const Strings told = Tree(kBase + Rule(100001, 0, kBelow) +
                            Rule(100002, 12, kBelow + Field("audit.exe", "^/tmp")));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(
      told[0].starts_with("shadowed 100002 this rule can never fire: rule 100001 (level 0, "));
  EXPECT_TRUE(told[0].ends_with("rules.xml:2) is tried before it and takes all its events"));
}

TEST(LintShadow, ABroaderSiblingOfAHigherLevelTakesWhatItsConditionsShare) {
  EXPECT_EQ(Short(Tree(kBase + Rule(100001, 9, kBelow + Field("audit.exe", "^/tmp")) +
                       Rule(100002, 5, kBelow + Field("audit.exe", "^/tmp") + "<match>x</match>"))),
            Strings{"shadowed 100002"});
  // The other way round the narrow one comes first.
  EXPECT_EQ(Tree(kBase + Rule(100001, 5, kBelow + Field("audit.exe", "^/tmp")) +
                 Rule(100002, 9, kBelow + Field("audit.exe", "^/tmp") + "<match>x</match>")),
            Strings{});
}

TEST(LintShadow, KnownValuesAreTriedOnTheBroaderPattern) {
  EXPECT_EQ(Short(Tree(kBase + Rule(100001, 9, kBelow + Field("audit.command", "^n")) +
                       Rule(100002, 5, kBelow + Field("audit.command", "^nc$|^ncat$")))),
            Strings{"shadowed 100002"});
  EXPECT_EQ(Tree(kBase + Rule(100001, 9, kBelow + Field("audit.command", "^n")) +
                 Rule(100002, 5, kBelow + Field("audit.command", "^nc$|^socat$"))),
            Strings{});
  EXPECT_EQ(Tree(kBase + Rule(100001, 9, kBelow + Field("audit.command", "^n", " negate=\"yes\"")) +
                 Rule(100002, 5, kBelow + Field("audit.command", "^nc$"))),
            Strings{});
}

TEST(LintShadow, AKeyTakesWhatAKeyWithAValueWould) {
  const std::string key = "<list field=\"audit.command\">l</list>";
  const std::string value =
      "<list field=\"audit.command\" lookup=\"match_key_value\" check_value=\"red\">l</list>";
  const TestPolicy::Lists lists = {{"l", "nc:red\n"}};
  EXPECT_EQ(
      Short(Tree(kBase + Rule(100001, 9, kBelow + key) + Rule(100002, 5, kBelow + value), lists)),
      Strings{"shadowed 100002"});
  EXPECT_EQ(Tree(kBase + Rule(100001, 9, kBelow + value) + Rule(100002, 5, kBelow + key), lists),
            Strings{});
  EXPECT_EQ(Short(Tree(kBase + Rule(100001, 9, kBelow + key) +
                           Rule(100002, 5, kBelow + Field("audit.command", "^nc$")),
                       lists)),
            Strings{"shadowed 100002"});
}

TEST(LintShadow, WhatTheParentAsksForIsKnown) {
  EXPECT_EQ(Short(Tree(Rule(100000, 3, Field("audit.type", "^SYSCALL$")) +
                       Rule(100001, 9, kBelow + Field("audit.type", "SYSCALL")) +
                       Rule(100002, 5, kBelow + Field("audit.exe", "^/tmp")))),
            Strings{"shadowed 100002"});
}

TEST(LintShadow, GatesCompositesAndOtherPlacesTakeNothing) {
  EXPECT_EQ(Tree(kBase + RuleText("id=\"100001\" level=\"0\" noalert=\"1\"", kBelow) +
                 Rule(100002, 5, kBelow)),
            Strings{});
  EXPECT_EQ(Tree(kBase + Rule(100003, 3, kBelow) +
                 RuleText("id=\"100001\" level=\"9\"", "<if_matched_sid>100003</if_matched_sid>") +
                 Rule(100002, 5, "<if_sid>100003</if_sid>")),
            Strings{});
  // Shadowed below one parent, not below the other.
  EXPECT_EQ(Tree(Rule(100000, 3, "<match>a</match>") + Rule(100003, 3, "<match>b</match>") +
                 Rule(100001, 0, kBelow) + Rule(100002, 5, "<if_sid>100000,100003</if_sid>")),
            Strings{});
}

TEST(LintGroup, APartOfAGroupTextIsNoName) {
  const std::string parents =
      "<group name=\"sys,\"><rule id=\"100000\" level=\"3\"><match>a</match>"
      "<description>d</description></rule></group>"
      "<group name=\"syslog,ids,\"><rule id=\"100001\" level=\"3\"><match>b</match>"
      "<description>d</description></rule></group>";
  const Strings told = Tree(parents + Rule(100002, 5, "<if_group>sys</if_group>"));
  EXPECT_EQ(told,
            Strings{"surprising-parent 100002 'sys' is part of the group text, but no group's "
                    "name, of rule 100001 (groups 'syslog,ids,')"});
  EXPECT_EQ(Tree(parents + Rule(100002, 5, "<if_group>sys,</if_group>")), Strings{});
  EXPECT_EQ(Tree(parents + Rule(100002, 5, "<if_group>^sys</if_group>")), Strings{});
  EXPECT_EQ(Tree(parents + Rule(100002, 5, "<if_group>syslog|ids</if_group>")), Strings{});
}

Strings Conditions(const std::string& rules, const std::string& shipped = "/none") {
  const TestPolicy policy(rules);
  Diagnostics diagnostics;
  LintConditions({policy.policy()->ruleset, policy.loaded().definitions},
                 shipped.empty() ? policy.directory().path() : shipped, diagnostics);
  return Told(diagnostics);
}

TEST(LintNever, ConditionsThatNoAuditEventMeets) {
  const std::pair<std::string, std::string> table[] = {
      {Field("audit.syscall", "^execve$"), "this never holds: this field is a number"},
      {Field("audit.syscall", "^59$|^execve$"), ""},
      {Field("audit.exit", "^-13$"), ""},
      {Field("audit.auid", "^root$", " type=\"pcre2\""),
       "this never holds: this field is a number"},
      {Field("audit.auid", "^root$", " negate=\"yes\""), ""},
      {Field("audit.success", "^true$"), "this never holds: this field is 'yes' or 'no'"},
      {Field("audit.success", "^yes$"), ""},
      {Field("audit.exe", "^nc$"), "this never holds: this field is a whole path, from / on"},
      {Field("audit.command", "^systemd-journald$"),
       "this never holds: this field has at most 15 bytes"},
      {Field("audit.type", "^SYSCAL$"), "this never holds: there is no such record type"},
      {Field("audit.type", "^SYSCALL$|^AVC$|^UNKNOWN[1420]$"), ""},
      {Field("win.system.eventID", "^1$"), "no audit event has a field 'win.system.eventID'"},
      {"<program_name>^sshd</program_name>", "no audit event sets what <program_name> looks at"},
  };
  for (const auto& [option, message] : table) {
    const Strings expected = message.empty() ? Strings{} : Strings{"never-true 100001 " + message};
    EXPECT_EQ(Conditions(Rule(100001, 3, option)), expected) << option;
  }
}

TEST(LintField, ANameThatIsNearlyOne) {
  EXPECT_EQ(Conditions(Rule(100001, 3, Field("audit.comand", "^nc$"))),
            Strings{"unknown-field 100001 'audit.comand' is no field that is known; "
                    "did you mean 'audit.command'?"});
  EXPECT_EQ(
      Conditions(Rule(100001, 3, Field("comm", "^nc$"))),
      Strings{
          "never-true 100001 no audit event has a field 'comm'; did you mean 'audit.command'?"});
  EXPECT_EQ(Conditions(Rule(100001, 3, Field("audit.grantors", "^pam_unix$"))), Strings{});
}

TEST(LintField, APatternOfAnotherLanguage) {
  const auto told = [](const std::string& pattern, const std::string& type = "") {
    return Short(Conditions(Rule(100001, 3, Field("audit.exe", pattern, type))));
  };
  EXPECT_EQ(told("^/tmp/.*sh$"), Strings{"other-syntax 100001"});
  EXPECT_EQ(told("^/usr/bin/[a-z]$"), Strings{"other-syntax 100001"});
  EXPECT_EQ(told("^/tmp/\\.*sh$"), Strings{});
  EXPECT_EQ(told("^/tmp/\\.*/.*sh$"), Strings{"other-syntax 100001"});
  EXPECT_EQ(told("^/tmp/.*sh$", " type=\"pcre2\""), Strings{});
}

TEST(LintField, TheVariablesOfADescription) {
  const auto told = [](const std::string& description) {
    return Conditions("<group name=\"g,\"><rule id=\"100001\" level=\"3\"><description>" +
                      description + "</description></rule></group>");
  };
  EXPECT_EQ(told("$(audit.exe) by $(audit.auid)"), Strings{});
  EXPECT_EQ(told("run: $(audit.exe"),
            Strings{"open-variable 100001 '$(' is not closed in this description"});
  EXPECT_EQ(told("by $(srcuser)"),
            Strings{"empty-variable 100001 no audit event has a field 'srcuser'"});
  EXPECT_EQ(told("run: $(audit.exee)"),
            Strings{"unknown-field 100001 'audit.exee' is no field that is known; "
                    "did you mean 'audit.exe'?"});
}

TEST(LintNever, ACompositeThatNothingFeeds) {
  const std::string counts = "<if_matched_sid>100000</if_matched_sid>";
  const Strings told = Tree(kBase + Rule(100001, 5, counts));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0],
            "never-true 100001 this rule counts nothing: no rule that it names answers at a level "
            "above 0");
  EXPECT_EQ(Tree(Rule(100000, 3, "") + Rule(100001, 5, counts)), Strings{});
  EXPECT_EQ(
      Short(Tree(RuleText("id=\"100000\" level=\"3\" noalert=\"1\"") + Rule(100001, 5, counts))),
      Strings{"never-true 100001"});
  EXPECT_EQ(Short(Tree(kBase + Rule(100001, 5,
                                    "<if_sid>100000</if_sid><if_matched_group>none,"
                                    "</if_matched_group>"))),
            Strings{"never-true 100001"});
}

TEST(LintNever, ComparisonsAndCountingRules) {
  const std::string base = Rule(100001, 3, "");
  const std::string sid = "<if_matched_sid>100001</if_matched_sid>";
  EXPECT_EQ(Conditions(base + Rule(100002, 5, sid + "<same_user/>")),
            Strings{"never-true 100002 no audit event sets what <same_user> looks at"});
  EXPECT_EQ(Conditions(base + Rule(100002, 5, sid + "<same_field>user</same_field>")),
            Strings{"never-true 100002 no audit event has a field 'user'"});
  EXPECT_EQ(Conditions(base + Rule(100002, 5, sid + "<not_same_user/><same_srcip/>")), Strings{});
  EXPECT_EQ(Short(Conditions(base + Rule(100002, 0, sid))), Strings{"never-true 100002"});
  EXPECT_EQ(Conditions(RuleText("id=\"100001\" level=\"3\" timeframe=\"10\"")),
            Strings{"no-effect 100001 'timeframe' has no effect without an <if_matched_...>"});
}

TEST(LintUnanchored, APartThatLooksLikeAProgramsName) {
  EXPECT_EQ(Conditions(Rule(100001, 3, Field("audit.command", "nc"))),
            Strings{"unanchored 100001 this holds on every name that contains 'nc'; write ^nc$ for "
                    "the program alone"});
  EXPECT_EQ(Conditions(Rule(100001, 3, Field("AUDIT.EXE", "python3.11"))),
            Strings{"unanchored 100001 this holds on every name that contains 'python3.11'; write "
                    "/python3.11$ for the program alone"});
  for (const char* meant : {"^nc$", "^nc", "/nc$", "/usr/bin/nc", "nc|ncat", "n\\w"}) {
    EXPECT_EQ(Conditions(Rule(100001, 3, Field("audit.program", meant))), Strings{}) << meant;
  }
  EXPECT_EQ(Conditions(Rule(100001, 3, Field("audit.cwd", "tmp"))), Strings{});
}

TEST(LintIds, AreTheAdministratorsButInShippedFilesAndOverwrites) {
  const std::string rules = Rule(99999, 3, "<match>a</match>");
  EXPECT_EQ(Conditions(rules),
            Strings{"foreign-id 99999 ids of your own rules are 100000 to 120000"});
  EXPECT_EQ(Conditions(rules, ""), Strings{});
  EXPECT_EQ(Conditions(Rule(100000, 3, "") + Rule(120000, 3, "<match>b</match>")), Strings{});
}

Strings Lists(const std::string& options, const TestPolicy::Lists& lists) {
  const TestPolicy policy(Rule(100001, 3, options), lists);
  EXPECT_EQ(testing_support::Codes(policy.diagnostics()), Strings{});
  Diagnostics diagnostics;
  ListDirectories where;
  where.directories = {policy.directory() / "lists"};
  LintLists({policy.policy()->ruleset, policy.loaded().definitions}, where, diagnostics);
  return Told(diagnostics);
}

std::string Lookup(const std::string& field, const std::string& value) {
  return "<list field=\"" + field + "\" lookup=\"match_key_value\" check_value=\"" + value +
         "\">l</list>";
}

TEST(LintList, ACheckValueThatOtherValuesContain) {
  const TestPolicy::Lists lists = {{"l", "a:red\nb:infrared\nc:blue\n"}};
  const std::string all = Lookup("audit.exe", "blue|infrared|red");
  EXPECT_EQ(Lists(all + Lookup("audit.exe", "red"), lists),
            Strings{"loose-value 100001 this also holds on the value 'infrared' of the list; write "
                    "^red$"});
  EXPECT_EQ(Lists(all + Lookup("audit.exe", "^red$"), lists), Strings{});
  EXPECT_EQ(Lists(all + Lookup("audit.exe", "red|infrared"), lists), Strings{});
  EXPECT_EQ(Lists(all + Lookup("audit.exe", "blue"), lists), Strings{});
  EXPECT_EQ(Lists(all + Lookup("audit.exe", "green"), lists),
            Strings{"no-such-value 100001 no entry of the list 'l' has such a value"});
}

TEST(LintList, EntriesWhoseValueNoRuleAsksFor) {
  const TestPolicy::Lists lists = {{"l", "a:red\nnc:rde\nncat:rde\n"}};
  EXPECT_EQ(
      Lists(Lookup("audit.exe", "red"), lists),
      Strings{"unasked-value - 'nc' (and 1 more) has the value 'rde', which no rule asks this "
              "list for"});
  EXPECT_EQ(Lists(Lookup("audit.exe", "red") + "<list field=\"audit.exe\">l</list>", lists),
            Strings{});
  EXPECT_EQ(Lists(Lookup("audit.exe", "red"), {{"l", "a:red\nnc\n"}}),
            Strings{"unasked-value - 'nc' has no value, which no rule asks this list for"});
}

TEST(LintList, KeysThatCommCannotHold) {
  const TestPolicy::Lists lists = {
      {"l", "# c\nnc:red\nsystemd-journald:red\nsystemd-timesyncd:red\n"}};
  EXPECT_EQ(
      Lists(Lookup("audit.command", "red"), lists),
      Strings{"long-key - 'systemd-journald' (and 1 more) is never found: rules look the list "
              "up by audit.command alone, which the kernel cuts after 15 bytes; use "
              "audit.program"});
  EXPECT_EQ(Lists(Lookup("audit.command", "red") + Lookup("audit.program", "red"), lists),
            Strings{});
}

TEST(LintList, AListThatNoRuleUses) {
  EXPECT_EQ(Lists(Lookup("audit.exe", "red"), {{"l", "a:red\n"}, {"m", "a:b\n"}}),
            Strings{"unused-list - no rule uses this list"});
}

Strings AuditRules(const std::string& rules, const std::vector<std::string>& audit_rules) {
  const TestPolicy policy(rules, {{"audit-keys", "cmd:command\nw:write\n"}});
  EXPECT_EQ(testing_support::Codes(policy.diagnostics()), Strings{});
  testing_support::TemporaryDirectory directory;
  std::vector<std::string> files = {directory / "missing.rules"};
  for (const std::string& text : audit_rules) {
    files.push_back(directory.Write(std::to_string(files.size()) + ".rules", text));
  }
  Diagnostics diagnostics;
  LintAuditRules({policy.policy()->ruleset, policy.loaded().definitions}, "/none", files,
                 diagnostics);
  return Told(diagnostics);
}

const std::string kByKeyList = Rule(100001, 3,
                                    "<list field=\"audit.key\" lookup=\"match_key_value\" "
                                    "check_value=\"command\">audit-keys</list>");
const std::string kOurs =
    "-a always,exit -F arch=b64 -S execve,execveat -F auid>=1000 -F key=cmd\n";

TEST(LintAudit, KeysThatNoAuditRuleGives) {
  const std::string by_key = Rule(100002, 3, Field("audit.key", "^mine$"));
  EXPECT_EQ(AuditRules(kByKeyList + by_key, {kOurs + "-w /etc/passwd -p wa -k 'mine'\n"}),
            Strings{});
  EXPECT_EQ(AuditRules(kByKeyList + by_key, {kOurs + "-a never,exit -S open -k mine\n"}),
            Strings{"no-such-audit-key 100002 no audit rule gives a key that 'field audit.key "
                    "'^mine$'' holds on"});
  EXPECT_EQ(Short(AuditRules(kByKeyList, {"-b 8192\n"})), Strings{"no-such-audit-key 100001"});
  EXPECT_EQ(AuditRules(kByKeyList, {}), Strings{});  // nothing could be read
}

TEST(LintAudit, ExecEventsThatGetAnotherKey) {
  const std::string other = "-a exit,always -F arch=b64 -S open,execve -k susp\n";
  EXPECT_EQ(AuditRules(kByKeyList, {other, kOurs}),
            Strings{"exec-other-key - this takes exec events first and gives them the key 'susp', "
                    "which the list audit-keys does not know as 'command'"});
  EXPECT_EQ(AuditRules(kByKeyList, {kOurs, other}), Strings{});  // ours is asked first
  EXPECT_EQ(Short(AuditRules(kByKeyList, {"-w /usr/bin/nc -p x -k w\n", kOurs})),
            Strings{"exec-other-key -"});
  EXPECT_EQ(AuditRules(kByKeyList, {"-w /etc/shadow -p wa -k w\n-a always,exit -S open\n", kOurs}),
            Strings{});
  EXPECT_EQ(Short(AuditRules(kByKeyList, {"-a always,exit -F euid=0\n", kOurs})),
            Strings{"exec-other-key -"});  // all calls
}

TEST(AuditRulesText, EachLineIsRead) {
  const SourceText source{"r",
                          "# c\n-D\n-b 100\n-w /x -k a -k b\n  -A exit,always -S all\n"
                          "-a never,task\n-a always,exit -F path=/y -F perm=r -F key=c"};
  const std::vector<AuditRule> rules = ReadAuditRules(source);
  ASSERT_EQ(rules.size(), 4u);
  EXPECT_EQ(rules[0].keys, (Strings{"a", "b"}));
  EXPECT_TRUE(rules[0].takes_exec);
  EXPECT_TRUE(rules[1].takes_exec);
  EXPECT_FALSE(rules[2].records);
  EXPECT_FALSE(rules[3].takes_exec);
  EXPECT_EQ(rules[3].keys, Strings{"c"});
}

}  // namespace
}  // namespace tld
