// SPDX-License-Identifier: Apache-2.0
#include "audit/field_hint.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/text.h"

namespace tld {
namespace {

TEST(FieldHint, KnowsWhatIsMeant) {
  EXPECT_EQ(FieldMeantBy("audit.exee"), "audit.exe");
  EXPECT_EQ(FieldMeantBy("audit.comand"), "audit.command");
  EXPECT_EQ(FieldMeantBy("audit.comamnd"), "audit.command");
  EXPECT_EQ(FieldMeantBy("Audit.Execve.Cmdlin"), "audit.execve.cmdline");
  EXPECT_EQ(FieldMeantBy("audit.comm"), "audit.command");
  EXPECT_EQ(FieldMeantBy("audit.inode"), "audit.file.inode");
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

/// The fields of records, by the audit field dictionary and later kernels, but for those that
/// events call otherwise.
TEST(FieldHint, LeavesTheKernelsNamesAlone) {
  constexpr std::string_view kNames =
      "a0 a1 acct action added addr apparmor arch argc audit_backlog_limit "
      "audit_backlog_wait_time audit_enabled audit_failure banners bool bus calipso_doi "
      "calipso_type capability cap_fe cap_fi cap_fp cap_frootid cap_fver cap_pa cap_pe cap_pi "
      "cap_pp category cgroup changed cipher class cmd code compat daddr data default-context "
      "dest device dir direction dmac dport enforcing entries errno exit fam family fan_info "
      "fan_type fe feature fi file flags format fp fver grantors grp hook hostname icmp_type "
      "igid img-ctx inif ino inode_gid inode_uid invalid_context ioctlcmd ip ipid ipx-net item "
      "items iuid kernel kind ksize laddr len list lport mac macproto maj major minor mode "
      "model msg nametype nargs net new new-chardev new-disk new-enabled new-fs new_gid "
      "new-level new-mem new-net new_pe new_pi new_pp new-range new-rng new-role new-seuser "
      "new-vcpu nlnk-fam nlnk-grp nlnk-pid oauid obj obj_gid obj_trust obj_uid ocomm oflag ogid "
      "old old-auid old-chardev old-disk old_enforcing old-level old-mem old-net old_pe old_pi "
      "old_pp old_prom old-range old-rng old-role old-seuser old-ses old_val old-vcpu op opid "
      "oses ouid outif pa parent path per perm permissive perm_mask pe pfs pi pp printer prom "
      "proctitle proto qbytes range rdev reason removed resp resrc rgid role rport ruid saddr "
      "sauid scontext selected-context seperm seperms seqno seresult ses seuser sid sig "
      "sigev_signo smac spid sport state subj subj_trust sw table tclass tcontext terminal tgid "
      "tid unit uri user uuid val ver virt vm vm-ctx vm-pid watch ";
  for (const std::string_view name : SplitWords(kNames, " ")) {
    EXPECT_EQ(FieldMeantBy("audit." + std::string(name)), "") << name;
  }
}

}  // namespace
}  // namespace tld
