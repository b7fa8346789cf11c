// SPDX-License-Identifier: Apache-2.0
#include "audit/field_hint.h"

#include <gtest/gtest.h>

namespace tld {
namespace {

TEST(FieldHint, KnowsWhatIsMeant) {
  EXPECT_EQ(FieldMeantBy("audit.exee"), "audit.exe");
  EXPECT_EQ(FieldMeantBy("audit.comand"), "audit.command");
  EXPECT_EQ(FieldMeantBy("audit.comamnd"), "audit.command");
  EXPECT_EQ(FieldMeantBy("Audit.Execve.Cmdlin"), "audit.execve.cmdline");
  EXPECT_EQ(FieldMeantBy("audit.comm"), "audit.command");
  EXPECT_EQ(FieldMeantBy("exe"), "audit.exe");
  EXPECT_EQ(FieldMeantBy("comm"), "audit.command");
}

TEST(FieldHint, LeavesNamesAloneThatEventsHave) {
  for (const char* name :
       {"audit.exe", "AUDIT.EXE", "audit.ouid", "audit.ses", "audit.execve.a0", "audit.execve.a17",
        "audit.op", "audit.acct", "audit.oldcontext", "srcip"}) {
    EXPECT_EQ(FieldMeantBy(name), "") << name;
  }
}

}  // namespace
}  // namespace tld
