// SPDX-License-Identifier: Apache-2.0
#include "program/audit_rule_files.h"

#include <gtest/gtest.h>

namespace tld {
namespace {

using Strings = std::vector<std::string>;

TEST(AuditRuleFiles, CommentsAndEmptyLinesAreNoRules) {
  EXPECT_EQ(AuditRuleLines("# a\n\n  -D \n\t-b 8192\n ## -a x"), (Strings{"-D", "-b 8192"}));
  EXPECT_EQ(AuditRuleLines("-w /x -k mine\r\n"), Strings{"-w /x -k mine\r"});  // another key
}

TEST(AuditRuleFiles, OneRuleHasOneForm) {
  EXPECT_EQ(CanonicalAuditRule("-a exit,always -F auid!=-1  -S execve -k mine"),
            CanonicalAuditRule("-a always,exit -F auid!=4294967295 -S execve -F key=mine"));
  EXPECT_EQ(CanonicalAuditRule("-a always,exit -F auid!=unset -k a"),
            "-a always,exit -F auid!=unset -F key=a");
  EXPECT_EQ(CanonicalAuditRule("-a always,exit -S execveat -S execve -k a"),
            CanonicalAuditRule("-a always,exit -F key=a -S execve,execveat,execve"));
  // For the kernel these are two.
  EXPECT_NE(CanonicalAuditRule("-a always,exit -F auid=1 -F uid=2"),
            CanonicalAuditRule("-a always,exit -F uid=2 -F auid=1"));
}

TEST(AuditRuleFiles, OnlySomeFilesAreMerged) {
  EXPECT_TRUE(IsMerged("50-local.rules"));
  for (const char* name : {".50-local.rules", "50 my.rules", "50-local.rules.dpkg-old", "50-x"}) {
    EXPECT_FALSE(IsMerged(name)) << name;
  }
}

TEST(AuditRuleFiles, WhatNoSourceHasWouldBeDropped) {
  const std::string base = "-D\n-b 8192\n";
  const std::string recipe = "-a exit,always -F auid=1000 -F arch=b64 -S execve -k audit-wazuh-c";
  EXPECT_EQ(LinesOnlyMerged("## generated\n" + base, {base}), Strings{});
  EXPECT_EQ(LinesOnlyMerged(base + recipe + "\n", {base}), Strings{recipe});
  EXPECT_EQ(LinesOnlyMerged(base + recipe + "\n", {base, recipe}), Strings{});
  EXPECT_EQ(LinesOnlyMerged(base + "-b 16384\n", {base}), Strings{"-b 16384"});
}

TEST(AuditRuleFiles, OurRulesForOtherUsersAreNobodysLoss) {
  const std::string ours =
      "-a always,exit -F arch=b64 -S execve,execveat -F auid=1001 -F auid!=unset "
      "-F key=audit-wazuh-c\n" +
      ExceptionAuditRules("/usr/sbin/tld-audisp", 118);
  EXPECT_EQ(LinesOnlyMerged(ours, {}), Strings{});
}

TEST(AuditRuleFiles, WhatIsThereIsWatchedAndTheRulesAreKnownAsOurs) {
  const std::string text = WatchAuditRules({"/etc", "/etc/passwd", "/nonexistent"});
  const Strings lines = AuditRuleLines(text);
  EXPECT_EQ(lines.at(0),
            "-a always,exit -F arch=b64 -F dir=/etc -F perm=wa -F key=tld-audisp-watch");
  EXPECT_EQ(lines.at(1),
            "-a always,exit -F arch=b64 -F path=/etc/passwd -F perm=wa -F key=tld-audisp-watch");
  EXPECT_EQ(text.find("/nonexistent"), text.npos);
  EXPECT_EQ(LinesOnlyMerged(text, {}), Strings{});
}

TEST(AuditRuleFiles, TheExceptionNamesProgramUserAndNoLogin) {
  const std::string first = AuditRuleLines(ExceptionAuditRules("/p", 118)).at(0);
  EXPECT_EQ(first, "-a never,exit -F arch=b64 -F exe=/p -F auid=unset -F uid=118");
}

}  // namespace
}  // namespace tld
