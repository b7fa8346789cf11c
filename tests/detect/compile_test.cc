// SPDX-License-Identifier: Apache-2.0
#include "detect/compile.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support.h"

namespace tld {
namespace {

using testing_support::Codes;
using testing_support::DataPath;
using testing_support::RuleText;
using testing_support::Slurp;
using testing_support::TestPolicy;
using Strings = std::vector<std::string>;

Strings Found(const std::string& rules) { return Codes(TestPolicy(rules).diagnostics()); }

TEST(RuleXml, AcceptsTheDialect) {
  const TestPolicy policy(
      "<?xml version=\"1.0\"?>\n<!-- c -->\n<Group name=\"a,\">\n<RULE ID=\"1\" Level=\"3\">"
      "<Description>a &lt;b&gt; & \\<c &amp;</Description><!-- x --></RULE></Group>"
      "<group name=\"b,\"><rule id='000002' level='0'><description>x</description></rule></group>");
  EXPECT_EQ(Codes(policy.diagnostics()), Strings{});
  const auto& rules = policy.policy()->ruleset.rules;
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules[0].description.at(0).literal, "a <b> & <c &");
  EXPECT_EQ(rules[1].id, "2");
}

TEST(RuleXml, NamesThePlaceOfWhatIsNotWellFormed) {
  EXPECT_EQ(Found("<group name=\"g\">\n<rule id=\"1\" level=\"3\">\n</group>"),
            Strings{"xml error 3:1"});
  EXPECT_EQ(Found("<group name=g></group>"), Strings{"xml error 1:13"});
  EXPECT_EQ(Found("a \x01 b"), Strings{"forbidden-byte error 1:3"});
  EXPECT_EQ(
      Found("<group name=\"g,\"><rule id=\"1\" level=\"1\" level=\"2\"><description>d</description>"
            "</rule></group>"),
      Strings{"duplicate-attribute error 1:41"});
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "<a>";
  for (int i = 0; i < 40; ++i) deep += "</a>";
  EXPECT_EQ(Found(deep).at(0), "too-deep error 1:97");
  EXPECT_EQ(
      Found(RuleText("id=\"1\" level=\"1\"", "<match>" + std::string(20481, 'x') + "</match>")),
      Strings{"text-too-long error 1:76"});
}

TEST(RuleXml, NamesTheTagThatDoesNotFit) {
  const std::pair<const char*, const char*> table[] = {
      {"<group name=\"g\">\n<rule>\n</group>", "3:1 </group> does not close <rule> of line 2"},
      {"<group name=\"g\">", "1:1 <group> is not closed"},
      {"</group>", "1:1 </group> closes nothing"},
      {"<group name=\"a>b\"><!-- <x> --><![CDATA[<y>]]></rule>",
       "1:46 </rule> does not close <group> of line 1"},
      {"<group name=\"g\"><a/></group></b>", "1:29 </b> closes nothing"},
      {"<![CDATA[x]]>", "1:1 only elements, text and comments are allowed"},
      {" <!DOCTYPE x>", "1:2 only elements, text and comments are allowed"},
      {"\n<?php x?>", "2:1 only elements, text and comments are allowed"},
      {"<! short !>", "1:3 '<' begins no tag; a literal one is written '\\<' or '&lt;'"},
  };
  for (const auto& [rules, expected] : table) {
    const TestPolicy policy(rules);
    const auto& all = policy.diagnostics().all();
    ASSERT_FALSE(all.empty()) << rules;
    EXPECT_EQ(
        std::to_string(all[0].line) + ':' + std::to_string(all[0].column) + ' ' + all[0].message,
        expected)
        << rules;
  }
}

TEST(RuleXml, CaseCountsForNoNameOfAnElement) {
  EXPECT_EQ(Found("<Group name=\"g,\"><RULE id=\"1\" level=\"1\"><Description>d</dEscription>"
                  "<MATCH></match ></rUle></GROUP>"),
            Strings{});
}

TEST(Definitions, EveryFaultOfARuleIsTold) {
  EXPECT_EQ(Found("<group name=\"g,\"><rule id=\"x\" level=\"17\" "
                  "colour=\"red\"><nonsense/></rule></group>"),
            (Strings{"bad-id error 1:28", "bad-number error 1:38", "unknown-attribute error 1:42",
                     "unknown-element error 1:55", "missing-description error 1:18"}));
  EXPECT_EQ(Found("<group name=\"g,\"><rule><description>d</description></rule></group>"),
            (Strings{"missing-id error 1:18", "missing-level error 1:18"}));
}

TEST(Definitions, AValueOfAnAttributeThatIsNoneIsAnError) {
  for (const char* attribute : {"overwrite=\"maybe\"", "noalert=\"2\"", "accuracy=\"yes\"",
                                "maxsize=\"10000\"", "frequency=\"x\"", "ignore=\"-1\""}) {
    const Strings found = Found(RuleText(std::string("id=\"1\" level=\"1\" ") + attribute));
    ASSERT_FALSE(found.empty()) << attribute;
    EXPECT_NE(found[0].find(" error "), std::string::npos) << attribute << ' ' << found[0];
  }
  EXPECT_EQ(Found(RuleText("id=\"1\" level=\"1\" overwrite=\"NO\"")), Strings{});
}

TEST(Definitions, AFaultBeforeTheIdNamesTheRuleAllTheSame) {
  const TestPolicy policy(RuleText("colour=\"red\" level=\"1\" id=\"100007\""));
  ASSERT_EQ(policy.diagnostics().all().size(), 1u);
  EXPECT_EQ(policy.diagnostics().all()[0].rule, "100007");
}

TEST(Definitions, WhatStandsTwiceInAnotherWayIsWarnedOf) {
  const std::string rule = "id=\"100001\" level=\"1\"";
  EXPECT_EQ(Found(RuleText(rule, "<match>a</match><match>b</match>")), Strings{});
  EXPECT_EQ(Found(RuleText(rule, "<match>a</match><match negate=\"yes\">b</match>")),
            Strings{"repeated warning 1:90"});
  EXPECT_EQ(Found(RuleText(rule, "<regex>a</regex><regex type=\"pcre2\">b</regex>")),
            Strings{"repeated warning 1:90"});
  EXPECT_EQ(Found(RuleText(rule, "<description>other</description>")),
            Strings{"repeated warning 1:74"});
}

TEST(Links, ABadLinkBesideAGoodOneSkipsTheRule) {
  const auto with = [](const std::string& links) {
    return TestPolicy(RuleText("id=\"1\" level=\"1\"") +
                      RuleText("id=\"2\" level=\"1\"", "<if_sid>1</if_sid>" + links));
  };
  const TestPolicy empty = with("<if_sid> </if_sid>");
  EXPECT_EQ(Codes(empty.diagnostics()), Strings{"empty-link warning 2:95"});
  EXPECT_EQ(empty.policy()->ruleset.rules.size(), 1u);
  const TestPolicy level = with("<if_level>0</if_level>");
  EXPECT_EQ(Codes(level.diagnostics()), Strings{"bad-level warning 2:97"});
  EXPECT_EQ(level.policy()->ruleset.rules.size(), 1u);
  // One of several ids that is not there takes itself out alone.
  const TestPolicy missing = with("<if_sid>99</if_sid>");
  EXPECT_EQ(Codes(missing.diagnostics()), Strings{"missing-parent warning 2:95"});
  EXPECT_EQ(missing.policy()->ruleset.rules.size(), 2u);
  EXPECT_EQ(Codes(with("<if_sid>abc</if_sid>").diagnostics()), Strings{"bad-id error 2:95"});
  EXPECT_EQ(Codes(with("<if_sid>1234567</if_sid>").diagnostics()), Strings{"bad-id error 2:95"});
}

TEST(Definitions, WhatIsReadFromTheFileNamesItsRule) {
  for (const std::string option : {"<match>$b</match>", "<![CDATA[x]]>", "<match a='1' a='2'/>"}) {
    const TestPolicy policy("<var name=\"a\">x</var>" + RuleText("id=\"7\" level=\"1\"", option));
    ASSERT_FALSE(policy.diagnostics().all().empty()) << option;
    EXPECT_EQ(policy.diagnostics().all()[0].rule, "7") << option;
  }
}

TEST(Compile, AnOverwriteOfACompositeKeepsWhatItCounts) {
  const auto overwritten = [](const std::string& attributes, const std::string& options) {
    return TestPolicy(
        RuleText("id=\"1\" level=\"3\"") +
        RuleText("id=\"2\" level=\"10\" frequency=\"3\"", "<if_matched_sid>1</if_matched_sid>") +
        RuleText("id=\"2\" level=\"8\" overwrite=\"yes\" " + attributes, options));
  };
  const auto composite = [](const TestPolicy& policy) -> const std::optional<Composite>& {
    return policy.policy()->ruleset.rules.at(1).composite;
  };
  const TestPolicy plain = overwritten("", "");
  EXPECT_EQ(Codes(plain.diagnostics()), Strings{});
  ASSERT_TRUE(composite(plain));
  EXPECT_EQ(composite(plain)->frequency, 2u);  // absent ones are cleared
  EXPECT_EQ(plain.policy()->ruleset.rules.at(0).counted_by.size(), 1u);
  const TestPolicy more = overwritten("frequency=\"5\"", "<same_field>audit.exe</same_field>");
  EXPECT_EQ(Codes(more.diagnostics()), Strings{});
  EXPECT_EQ(composite(more)->frequency, 5u);
  const TestPolicy other = overwritten("", "<if_matched_regex>zzz</if_matched_regex>");
  EXPECT_EQ(Codes(other.diagnostics()), Strings{"overwrite-links warning 3:18"});
  EXPECT_FALSE(composite(other)->log);
}

TEST(Compile, AnOverwriteMakesNoComposite) {
  const std::string plain = RuleText("id=\"1\" level=\"3\"") + RuleText("id=\"2\" level=\"4\"");
  const TestPolicy named(plain + RuleText("id=\"2\" level=\"8\" overwrite=\"yes\" frequency=\"3\"",
                                          "<if_matched_sid>1</if_matched_sid>"));
  EXPECT_EQ(Codes(named.diagnostics()), Strings{"overwrite-links warning 3:18"});
  EXPECT_FALSE(named.policy()->ruleset.rules.at(1).composite);
  const TestPolicy bare(plain + RuleText("id=\"2\" level=\"8\" overwrite=\"yes\" frequency=\"3\""));
  EXPECT_EQ(Codes(bare.diagnostics()), Strings{"no-if-matched error 3:57"});
  EXPECT_EQ(bare.policy()->ruleset.rules.at(1).level, 4);  // what was there stays
}

TEST(Definitions, OnlyGroupsAndVariablesAreRoots) {
  EXPECT_EQ(Found("<rule id=\"1\" level=\"1\"/>"), Strings{"unknown-element error 1:1"});
  EXPECT_EQ(Found("<group name=\"g\"></group>"), Strings{"bad-group error 1:1"});
  EXPECT_EQ(Found("<group><rule/></group>"), Strings{"bad-group error 1:1"});
  EXPECT_EQ(Found("<group name=\"a\" x=\"1\"><rule/></group>"), Strings{"bad-group error 1:1"});
  EXPECT_EQ(Found("text " + RuleText("id=\"1\" level=\"1\"")), Strings{"stray-text warning 1:1"});
}

TEST(Definitions, OptionsAreChecked) {
  const std::pair<const char*, const char*> table[] = {
      {"<field>x</field>", "missing-field-name error"},
      {"<field name=\"srcip\">x</field>", "static-field error"},
      {"<field name=\"a\" colour=\"x\">x</field>", "unknown-attribute error"},
      {"<field name=\"a\" type=\"perl\">x</field>", "bad-value warning"},
      {"<match negate=\"maybe\">x</match>", "bad-value warning"},
      {"<match><b/></match>", "unknown-element error"},
      {"<field name=\"a\">(</field>", "bad-pattern error"},
      {"<field name=\"a\" type=\"pcre2\">(</field>", "bad-pattern error"},
      {"<list>etc/lists/l</list>", "missing-field-name error"},
      {"<list field=\"a\" lookup=\"guess\">etc/lists/l</list>", "bad-value error"},
      {"<list field=\"a\" lookup=\"match_key_value\">etc/lists/l</list>",
       "missing-check-value error"},
      {"<list field=\"a\">etc/lists/none</list>", "missing-list error"},
      {"<decoded_as>sshd</decoded_as>", "never-true warning"},
      {"<options>no_such</options>", "bad-value error"},
      {"<mitre/>", "empty-mitre warning"},
      {"<mitre><id> </id></mitre>", "empty-mitre warning"},
      {"<mitre><name>x</name></mitre>", "unknown-element error"},
      {"<if_sid>99</if_sid>", "missing-parent warning"},
      {"<user>(</user><user type=\"pcre2\">(</user>", "bad-pattern error"},
      {"<srcip>host</srcip>", "bad-value error"},
      {"<time>noon</time>", "bad-value error"},
      {"<weekday>someday</weekday>", "bad-value error"},
      {"<if_fts/>", "never-true warning"},
      {"<if_fts a=\"1\"/>", "unknown-attribute error"},
      {"<check_if_ignored><a/></check_if_ignored>", "unknown-element error"},
      {"<mitre><id a=\"1\">T1</id></mitre>", "unknown-attribute error"},
      {"<check_if_ignored>srcip</check_if_ignored>", "no-effect warning"},
  };
  for (const auto& [option, code] : table) {
    const Strings found = Found(RuleText("id=\"1\" level=\"1\"", option));
    ASSERT_FALSE(found.empty()) << option;
    EXPECT_TRUE(found[0].starts_with(code)) << option << ": " << found[0];
  }
}

TEST(Variables, StandForTheirValuesInLaterTextsOfTheFile) {
  const TestPolicy policy(
      "<var name=\"N\">nc</var><group name=\"g,\"><rule id=\"1\" level=\"1\">"
      "<description>$N.$N|$ $(audit.exe)$N</description></rule></group>");
  EXPECT_EQ(Codes(policy.diagnostics()), Strings{});
  const auto& parts = policy.policy()->ruleset.rules.at(0).description;
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].literal, "nc.nc|$ ");
  EXPECT_EQ(parts[0].field->text(), "audit.exe");
  EXPECT_EQ(parts[1].literal, "nc");
}

TEST(Variables, AnUnknownOneIsAnErrorOnlyWhereThereAreAny) {
  EXPECT_EQ(
      Found("<var name=\"N\">nc</var>" + RuleText("id=\"1\" level=\"1\"", "<match>$M</match>")),
      Strings{"unknown-variable error 1:98"});
  EXPECT_EQ(Found(RuleText("id=\"1\" level=\"1\"", "<match>$M</match>")), Strings{});
  EXPECT_EQ(Found("<var>nc</var>" + RuleText("id=\"1\" level=\"1\"")),
            Strings{"bad-variable error 1:1"});
}

TEST(Compile, AFaultyRuleIsLeftOutWithItsChildrenAndTheRestStays) {
  const TestPolicy policy(RuleText("id=\"1\" level=\"1\"") +
                          RuleText("id=\"2\" level=\"1\"", "<bad/>") +
                          RuleText("id=\"3\" level=\"1\"", "<if_sid>2</if_sid>") +
                          RuleText("id=\"4\" level=\"1\"", "<if_sid>3, 1</if_sid>"));
  Strings ids;
  for (const auto& rule : policy.policy()->ruleset.rules) ids.push_back(rule.id);
  EXPECT_EQ(ids, (Strings{"1", "4"}));
  EXPECT_EQ(policy.policy()->ruleset.roots.rules.size(), 1u);
}

TEST(Compile, OneBadElementCostsItsRuleAlone) {
  const auto ids = [](const std::string& rules) {
    const TestPolicy policy(rules);
    EXPECT_TRUE(policy.diagnostics().HasErrors());
    Strings found;
    for (const auto& rule : policy.policy()->ruleset.rules) found.push_back(rule.id);
    return found;
  };
  const std::string good = RuleText("id=\"1\" level=\"1\"");
  EXPECT_EQ(ids(good + RuleText("id=\"2\" level=\"1\" level=\"2\"")), Strings{"1"});
  EXPECT_EQ(ids(good + RuleText("id=\"2\" ID=\"3\" level=\"2\"")), Strings{"1"});
  EXPECT_EQ(ids(good + RuleText("id=\"2\" level=\"2\"", "<match NEGATE=\"yes\">x</match>")),
            Strings{"1"});
  EXPECT_EQ(ids(good +
                RuleText("id=\"2\" level=\"2\"", "<match>" + std::string(20481, 'x') + "</match>")),
            Strings{"1"});
  EXPECT_EQ(ids("<var name=\"A\">a</var>" + good +
                RuleText("id=\"2\" level=\"2\"", "<match>$SAFE</match>")),
            Strings{"1"});
}

TEST(Compile, TheLastDecoderCounts) {
  const TestPolicy policy(RuleText("id=\"1\" level=\"1\"",
                                   "<decoded_as>foo</decoded_as><decoded_as>auditd</decoded_as>"));
  EXPECT_TRUE(policy.policy()->ruleset.rules.at(0).conditions.empty());
}

TEST(Variables, MayStandInLaterVariables) {
  const TestPolicy policy("<var name=\"A\">nc</var><var name=\"B\">$A|ncat</var>" +
                          RuleText("id=\"1\" level=\"1\"", "<match>$B</match>"));
  EXPECT_EQ(Codes(policy.diagnostics()), Strings{});
}

TEST(Compile, SiblingsStandByLevelZeroFirstAccuracyZeroLast) {
  const TestPolicy policy(RuleText("id=\"1\" level=\"3\"") + RuleText("id=\"2\" level=\"12\"") +
                          RuleText("id=\"3\" level=\"0\"") + RuleText("id=\"4\" level=\"12\"") +
                          RuleText("id=\"5\" level=\"16\" accuracy=\"0\"") +
                          RuleText("id=\"6\" level=\"0\""));
  Strings order;
  for (const std::size_t root : policy.policy()->ruleset.roots.rules) {
    order.push_back(policy.policy()->ruleset.rules[root].id);
  }
  EXPECT_EQ(order, (Strings{"3", "6", "2", "4", "1", "5"}));
}

TEST(Compile, OnlyAnOverwriteThatNamesOtherLinksIsWarnedOf) {
  const auto found = [](const std::string& links) {
    return Found(RuleText("id=\"1\" level=\"1\"") + RuleText("id=\"2\" level=\"1\"") +
                 RuleText("id=\"3\" level=\"1\"", "<if_sid>1,2</if_sid>") +
                 RuleText("id=\"3\" level=\"2\" overwrite=\"yes\"", links));
  };
  for (const char* same : {"", "<if_sid>1,2</if_sid>", "<if_sid> 1, 2 </if_sid>",
                           "<if_sid>1</if_sid><if_sid>2</if_sid>"}) {
    EXPECT_EQ(found(same), Strings{}) << same;
  }
  for (const char* other :
       {"<if_sid>1</if_sid>", "<if_sid>12</if_sid>", "<if_group>g</if_group>"}) {
    EXPECT_EQ(found(other).size(), 1u) << other;
  }
}

TEST(Compile, AnOverwriteReplacesContentAndKeepsThePlace) {
  const TestPolicy policy(
      RuleText("id=\"1\" level=\"5\"", "<match>a</match><mitre><id>T1</id></mitre>") +
      RuleText("id=\"2\" level=\"4\"") + RuleText("id=\"3\" level=\"1\"", "<if_sid>1</if_sid>") +
      RuleText("id=\"1\" level=\"2\" overwrite=\"yes\"", "<group>new,</group>"));
  EXPECT_EQ(Codes(policy.diagnostics()), Strings{});
  const Ruleset& ruleset = policy.policy()->ruleset;
  ASSERT_EQ(ruleset.rules.size(), 3u);
  EXPECT_EQ(ruleset.roots.rules, (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(ruleset.rules[0].level, 2);
  EXPECT_TRUE(ruleset.rules[0].conditions.empty());
  EXPECT_TRUE(ruleset.rules[0].mitre.ids.empty());
  EXPECT_EQ(ruleset.rules[0].children.rules, std::vector<std::size_t>{2});
  EXPECT_EQ(ruleset.rules[0].groups, (Strings{"g", "new"}));
}

TEST(Compile, ADuplicateIdIsSkippedWithAWarning) {
  const TestPolicy policy(RuleText("id=\"1\" level=\"5\"") + RuleText("id=\"1\" level=\"9\""));
  EXPECT_EQ(Codes(policy.diagnostics()), Strings{"duplicate-id warning 2:18"});
  EXPECT_EQ(policy.policy()->ruleset.rules.at(0).level, 5);
}

TEST(Compile, ARuleThatComesTooEarlyIsToldWhereTheOtherIs) {
  testing_support::TemporaryDirectory directory;
  const std::vector<SourceText> files = {
      {"local.xml", RuleText("id=\"100001\" level=\"3\"", "<if_sid>200001</if_sid>") +
                        RuleText("id=\"200001\" level=\"3\" overwrite=\"yes\"")},
      {"d/tld.xml", RuleText("id=\"200001\" level=\"7\"")}};
  Diagnostics diagnostics;
  const CompiledRules compiled = CompileRules(files, {}, diagnostics);
  Strings told;
  for (const Diagnostic& d : diagnostics.all()) told.push_back(d.message);
  const std::string later =
      "is loaded later, from tld.xml: files are read in the order of their names";
  EXPECT_EQ(told[0], "rule '200001' " + later + "; the rule is skipped");
  EXPECT_EQ(told[1],
            "the rule to overwrite " + later + "; this is loaded as a new one, and takes its id");
  EXPECT_EQ(compiled.ruleset.rules.size(), 1u);
}

TEST(Compile, GroupsAttachByPartOfTheirString) {
  const TestPolicy policy(RuleText("id=\"1\" level=\"1\"", "<group>audit_command,</group>") +
                          RuleText("id=\"2\" level=\"1\"", "<if_group>AUDIT_comm</if_group>") +
                          RuleText("id=\"3\" level=\"1\"", "<if_group>^audit</if_group>"));
  EXPECT_EQ(policy.policy()->ruleset.rules.at(0).children.rules, std::vector<std::size_t>{1});
  EXPECT_EQ(Codes(policy.diagnostics()), Strings{"no-parent warning 3:79"});
}

/// Every file of tests/data/bad gives exactly what stands in the .txt beside it.
TEST(BadFiles, GiveTheExpectedOutput) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(DataPath("bad"))) {
    if (entry.path().extension() != ".xml") continue;
    ++files;
    Diagnostics diagnostics;
    const SourceText source{entry.path().filename(), Slurp(entry.path())};
    CompileRules({source}, {}, diagnostics);
    std::string shown;
    for (const Diagnostic& d : diagnostics.all()) shown += Render(d, false);
    std::filesystem::path expected = entry.path();
    expected.replace_extension(".txt");
    if (std::getenv("WRITE_GOLDEN") != nullptr) {
      ASSERT_TRUE(WriteFileAtomically(expected, shown, 0644, false));
    }
    EXPECT_EQ(shown, Slurp(expected)) << entry.path();
  }
  EXPECT_GE(files, 5u);
}

}  // namespace
}  // namespace tld
