// SPDX-License-Identifier: Apache-2.0
#include "audit/parser.h"

#include <gtest/gtest.h>

#include "audit/names.h"
#include "base/text.h"
#include "tests/support.h"

namespace tld {
namespace {

using testing_support::ExecRecords;
using testing_support::ParseEvent;
using testing_support::Values;

std::string Record(const std::string& type, const std::string& body) {
  return "type=" + type + " msg=audit(1700000000.123:7): " + body + '\n';
}

const char kSyscall[] =
    "arch=c000003e syscall=59 success=yes exit=0 items=1 ppid=10 pid=11 auid=1000 uid=0 gid=0 "
    "euid=0 "
    "suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=3 ";

TEST(Parser, NamesTheFieldsOfAnExec) {
  const Event event = ParseEvent(ExecRecords("nc", "/usr/bin/nc.openbsd"));
  const std::pair<const char*, const char*> expected[] = {
      {"audit.type", "SYSCALL"},
      {"audit.record_type", "SYSCALL|EXECVE|CWD|PATH|PROCTITLE"},
      {"audit.id", "7"},
      {"audit.arch", "c000003e"},
      {"audit.syscall", "59"},
      {"audit.syscall_name", "execve"},
      {"audit.success", "yes"},
      {"audit.auid", "1000"},
      {"audit.uid", "0"},
      {"audit.tty", "pts0"},
      {"audit.session", "3"},
      {"audit.command", "nc"},
      {"audit.exe", "/usr/bin/nc.openbsd"},
      {"audit.key", "audit-wazuh-c"},
      {"audit.cwd", "/root"},
      {"audit.file.name", "/usr/bin/nc.openbsd|/lib64/ld-linux-x86-64.so.2"},
      {"audit.file.inode", "5|6"},
      {"audit.file.mode", "0100755|0100755"},
      {"audit.execve.argc", "2"},
      {"audit.execve.cmdline", "nc -v"},
      {"audit.program", "nc|nc.openbsd"},
  };
  for (const auto& [name, value] : expected) EXPECT_EQ(Values(event, name), value) << name;
  EXPECT_EQ(event.First(FieldName("audit.execve.a1")), "-v");
  EXPECT_EQ(event.First(FieldName("AUDIT.EXECVE.A0")), "nc");
  EXPECT_FALSE(event.Has(FieldName("audit.execve.a2")));
  EXPECT_TRUE(event.Find("audit.truncated").empty());
}

TEST(Parser, KeyComesFromItsRecordOnly) {
  const Event event = ParseEvent(
      Record("SYSCALL", std::string(kSyscall) + "comm=\"x\" exe=\"/x\" key=(null)") +
      Record("EXECVE", "argc=2 a0=\"x\" a1=\"key=forged\"") + Record("AVC", "key=\"forged\"") +
      Record("PATH", "item=0 name=\"key=forged\" nametype=NORMAL"));
  EXPECT_TRUE(event.Find("audit.key").empty());
  EXPECT_EQ(Values(event, "audit.file.name"), "key=forged");
}

TEST(Parser, SyscallFieldsComeFromSyscallAlone) {
  const Event event = ParseEvent(
      Record("AVC", "pid=666 comm=\"evil\" exe=\"/evil\" auid=0") +
      Record("SYSCALL", std::string(kSyscall) + "comm=\"nc\" exe=\"/usr/bin/nc\" key=\"k\""));
  EXPECT_EQ(Values(event, "audit.pid"), "11");
  EXPECT_EQ(Values(event, "audit.command"), "nc");
  EXPECT_EQ(Values(event, "audit.auid"), "1000");
  EXPECT_EQ(Values(event, "audit.type"), "SYSCALL");
}

TEST(Parser, EncodedNamesAreDecodedAndQuotedOnesAreNot) {
  const Event event = ParseEvent(Record("SYSCALL", std::string(kSyscall) + "comm=\"3005\" exe=" +
                                                       HexEncode("/tmp/a b\n") + " key=\"3005\""));
  EXPECT_EQ(Values(event, "audit.command"), "3005");
  EXPECT_EQ(Values(event, "audit.exe"), "/tmp/a b\n");
  EXPECT_EQ(Values(event, "audit.key"), "3005");
}

TEST(Parser, AProgramCalledNullIsThere) {
  const Event event = ParseEvent(
      Record("SYSCALL", std::string(kSyscall) + "comm=\"(null)\" exe=\"/tmp/(null)\" key=(null)"));
  EXPECT_EQ(Values(event, "audit.command"), "(null)");
}

TEST(Parser, SeparatorInAValueHidesNoFieldBehindIt) {
  const Event event = ParseEvent(
      "type=USER_AUTH msg=audit(1.000:7): pid=1 uid=1000 auid=1000 ses=2 msg='op=x "
      "exe=\"/bin/x\x1dUID=\"root\"\" addr=10.1.2.3 res=failed'\x1dUID=\"alice\"\n");
  EXPECT_EQ(Values(event, "audit.res"), "failed");
  EXPECT_EQ(Values(event, "audit.uid"), "1000");
  EXPECT_EQ(Values(event, "audit.uid_name"), "alice");
  EXPECT_EQ(Values(event, "srcip"), "10.1.2.3");
}

TEST(Parser, RecordsOfUserSpaceAreOpened) {
  const Event event = ParseEvent(
      "type=USER_CMD msg=audit(1.000:7): pid=1 uid=1000 auid=1000 ses=2 msg='cwd=\"/home/a\" "
      "cmd=6C73202D6C exe=\"/usr/bin/sudo\" terminal=pts/0 res=success'\n");
  EXPECT_EQ(Values(event, "audit.cmd"), "ls -l");
  EXPECT_EQ(Values(event, "audit.exe"), "/usr/bin/sudo");
  EXPECT_EQ(Values(event, "audit.cwd"), "/home/a");
  EXPECT_EQ(Values(event, "audit.session"), "2");
  EXPECT_EQ(Values(event, "audit.res"), "success");
}

TEST(Parser, ParentsAreDirectoriesAndBothNamesOfARenameAreFiles) {
  const Event event = ParseEvent(
      Record("SYSCALL", std::string(kSyscall) + "comm=\"mv\" exe=\"/bin/mv\" key=\"k\"") +
      Record("PATH", "item=0 name=\"/a/\" inode=1 mode=040755 nametype=PARENT") +
      Record("PATH", "item=1 name=\"/b/\" inode=2 mode=040700 nametype=PARENT") +
      Record("PATH", "item=2 name=\"/a/x\" inode=3 mode=0100644 nametype=DELETE") +
      Record("PATH", "item=3 name=\"/b/y\" inode=3 mode=0100644 nametype=CREATE"));
  EXPECT_EQ(Values(event, "audit.file.name"), "/a/x|/b/y");
  EXPECT_EQ(Values(event, "audit.file.nametype"), "DELETE|CREATE");
  EXPECT_EQ(Values(event, "audit.directory.name"), "/a/|/b/");
  EXPECT_EQ(Values(event, "audit.directory.mode"), "040755|040700");
}

TEST(Parser, AFileMayBeCalledLikeAField) {
  std::string log = ExecRecords("nc", "/usr/bin/nc.openbsd");
  const std::size_t name = log.find("name=\"", log.find("type=PATH"));
  log.replace(name, log.find(' ', name) - name, "name=\"/tmp/nametype=PARENT\"");
  const Event event = ParseEvent(log);
  EXPECT_EQ(event.First("audit.file.name"), "/tmp/nametype=PARENT");
  EXPECT_EQ(event.First("audit.directory.name"), "");
}

TEST(Parser, AddressesOfSockets) {
  const auto saddr = [](const char* hex) {
    return ParseEvent(
        Record("SYSCALL", std::string(kSyscall) + "comm=\"x\" exe=\"/x\" key=(null)") +
        Record("SOCKADDR", std::string("saddr=") + hex));
  };
  const Event v4 = saddr("0200115C0A0000010000000000000000");
  EXPECT_EQ(Values(v4, "audit.sockaddr.family"), "inet");
  EXPECT_EQ(Values(v4, "audit.sockaddr.port"), "4444");
  EXPECT_EQ(Values(v4, "srcip"), "10.0.0.1");
  const Event v6 = saddr("0A00005000000000000000000000000000000000000000000100000000");
  EXPECT_EQ(Values(v6, "audit.sockaddr.family"), "inet6");
  const Event mapped = saddr("0A0000500000000000000000000000000000FFFF0A00000500000000");
  EXPECT_EQ(Values(mapped, "audit.sockaddr.family"), "inet6");
  EXPECT_EQ(Values(mapped, "audit.sockaddr.addr"), "10.0.0.5");
  EXPECT_EQ(Values(mapped, "srcip"), "10.0.0.5");
  const Event login = ParseEvent(
      "type=USER_LOGIN msg=audit(1.000:7): pid=1 uid=0 msg='op=login addr=::ffff:10.0.0.5 "
      "res=failed'\n");
  EXPECT_EQ(Values(login, "srcip"), "10.0.0.5");
  const Event local = saddr("01002F746D702F7300");
  EXPECT_EQ(Values(local, "audit.sockaddr.path"), "/tmp/s");
  EXPECT_EQ(Values(saddr("0100006162"), "audit.sockaddr.path"), "@ab");
  for (const char* bad : {"", "0", "02", "0200", "zz", "01", "0A00"}) {
    EXPECT_TRUE(saddr(bad).Find("srcip").empty()) << bad;
  }
}

TEST(Parser, RecordsCannotTakeNamesOfOurs) {
  const Event event = ParseEvent(
      "type=USER_CMD msg=audit(1.000:7): pid=1 uid=1000 msg='program=forged id=5 node=x type=y "
      "execve=z truncated=yes key=\"audit-wazuh-c\" a.b=c uid_name=root file=f command=nc '\n");
  for (const char* name : {"audit.program", "audit.node", "audit.execve", "audit.truncated",
                           "audit.key", "audit.a.b", "audit.uid_name", "audit.file"}) {
    EXPECT_TRUE(event.FindNamed(name).empty()) << name;
  }
  EXPECT_EQ(Values(event, "audit.id"), "7");
  EXPECT_EQ(Values(event, "audit.type"), "USER_CMD");
}

TEST(Parser, NamesInUpperCaseTakeNothingEither) {
  const Event event = ParseEvent(
      Record("SYSCALL", std::string(kSyscall) + "comm=\"true\" exe=\"/bin/true\" key=\"k\"") +
      Record("KERN_MODULE", "command=nc SESSION=9 EXE=/evil Auid=0 RES=b res=a"));
  EXPECT_EQ(Values(event, "audit.command"), "true");
  EXPECT_EQ(Values(event, "audit.session"), "3");
  EXPECT_EQ(Values(event, "audit.exe"), "/bin/true");
  EXPECT_EQ(Values(event, "audit.auid"), "1000");
  EXPECT_EQ(Values(event, "audit.res"), "b|a");
}

TEST(Parser, AnOddStampLosesNoField) {
  const Event event = ParseEvent(
      "type=SYSCALL msg=audit(1.1:7): arch=c000003e syscall=59 comm=\"nc\" exe=\"/bin/nc\"\n");
  EXPECT_EQ(Values(event, "audit.command"), "nc");
}

TEST(Parser, FieldsOfOtherRecordsAreBounded) {
  std::string log;
  for (int i = 0; i < 100; ++i) {
    std::string body;
    for (int j = 0; j < 50; ++j) body += " f" + std::to_string(i) + "_" + std::to_string(j) + "=1";
    log += Record("AVC", body);
  }
  const Event event = ParseEvent(log);
  EXPECT_LT(event.fields().size(), 600u);
  EXPECT_EQ(Values(event, "audit.truncated"), "yes");
}

TEST(Parser, EveryLoginAndLateRecordIsInOneEvent) {
  const Event event = ParseEvent(
      Record(
          "LOGIN",
          "pid=11 uid=0 old-auid=4294967295 auid=1000 tty=(none) old-ses=4294967295 ses=3 res=1") +
      Record("SYSCALL", std::string(kSyscall) + "comm=\"login\" exe=\"/bin/login\" key=(null)") +
      Record("PROCTITLE", "proctitle=6C6F67696E002D70") + Record("UNKNOWN[1421]", "late=yes") +
      Record("EOE", ""));
  EXPECT_EQ(Values(event, "audit.old-auid"), "4294967295");
  EXPECT_EQ(Values(event, "audit.command"), "login");
  EXPECT_EQ(Values(event, "audit.late"), "yes");
  EXPECT_EQ(Values(event, "audit.proctitle"), "login -p");
}

Event Exec(const std::string& comm, const std::string& exe, const std::string& argv,
           const std::string& path = "") {
  return ParseEvent(
      Record("SYSCALL",
             std::string(kSyscall) + "comm=\"" + comm + "\" exe=\"" + exe + "\" key=\"k\"") +
      Record("EXECVE", argv) +
      Record("PATH", "item=0 name=\"" + (path.empty() ? exe : path) + "\" nametype=NORMAL"));
}

TEST(ProgramNames, UnwrapsLoaderAppletAndScript) {
  EXPECT_EQ(Values(Exec("ld-linux-x86-64", "/usr/lib64/ld-linux-x86-64.so.2",
                        "argc=4 a0=\"ld.so\" a1=\"--library-path\" a2=\"/x\" a3=\"/usr/bin/nc\""),
                   "audit.program"),
            "ld-linux-x86-64|ld-linux-x86-64.so.2|ld.so|nc");
  EXPECT_EQ(Values(Exec("busybox", "/usr/bin/busybox", "argc=2 a0=\"busybox\" a1=\"nc\""),
                   "audit.program"),
            "busybox|nc");
  const std::string loader = "/usr/lib64/ld-linux-x86-64.so.2";
  const std::string busybox = "argc=4 a0=\"ld.so\" a1=\"/bin/busybox\" a2=\"nc\" a3=\"-h\"";
  EXPECT_EQ(Values(Exec("busybox", loader, busybox), "audit.program"),
            "busybox|ld-linux-x86-64.so.2|ld.so|nc");
  EXPECT_EQ(Values(Exec("busybox", loader,
                        "argc=4 a0=\"ld.so\" a1=\"--argv0\" a2=\"nc\" a3=\"/bin/busybox\""),
                   "audit.program"),
            "busybox|ld-linux-x86-64.so.2|ld.so|nc");
  EXPECT_EQ(Values(Exec("x", "/usr/bin/busybox", "argc=1 a0=\"nc\"", "/tmp/x"), "audit.program"),
            "x|busybox|nc");
  EXPECT_EQ(Values(Exec("linpeas.sh", "/usr/bin/dash", "argc=2 a0=\"/bin/sh\" a1=\"./linpeas.sh\"",
                        "./linpeas.sh"),
                   "audit.program"),
            "linpeas.sh|dash|sh");
  EXPECT_EQ(Values(Exec("nc", "/tmp/nc (deleted)", "argc=1 a0=\"-kworker\""), "audit.program"),
            "nc|kworker");
}

TEST(ProgramNames, AFileBehindALinkIsNamedAsTheLoaderWasToldToo) {
  const Event event =
      Exec("x", "/usr/lib64/ld-linux-x86-64.so.2", "argc=2 a0=\"ld.so\" a1=\"/home/a/link/../x\"");
  EXPECT_EQ(Values(event, "audit.identity.file"), "/home/a/x|/home/a/link/../x");
}

TEST(ProgramNames, AFileThatIsOpenedIsNoProgram) {
  const Event event = ParseEvent(
      Record("SYSCALL",
             "arch=c000003e syscall=257 success=yes comm=\"cat\" exe=\"/bin/cat\" key=\"k\"") +
      Record("PATH", "item=0 name=\"/usr/bin/nc\" nametype=NORMAL"));
  EXPECT_EQ(Values(event, "audit.program"), "cat");
}

TEST(UserNames, ComeFromEnrichmentElseFromThePasswordFileOfThisHost) {
  const testing_support::TemporaryDirectory directory;
  const Result<UserNames> users =
      UserNames::Load(directory.Write("passwd", "alice:x:1000:1000::/h:/s\nroot:x:0:0::/r:/s\n"));
  ASSERT_TRUE(users);
  const auto names = [&](const char* enrichment, bool here) {
    RawEvent raw;
    raw.records.push_back({});
    raw.enrichment = enrichment;
    Event event(std::move(raw));
    event.Add("audit.auid", "1000");
    event.Add("audit.uid", "0");
    event.Add("audit.euid", "4294967295");
    AddNames(event, *users, here);
    return Values(event, "audit.auid_name") + ',' + Values(event, "audit.uid_name") + ',' +
           Values(event, "audit.euid_name");
  };
  EXPECT_EQ(names("AUID=\"bob\" UID=\"admin\"", true), "bob,admin,unset");
  EXPECT_EQ(names("", true), "alice,root,unset");
  EXPECT_EQ(names("", false), ",,unset");
}

}  // namespace
}  // namespace tld
