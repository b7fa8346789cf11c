// SPDX-License-Identifier: Apache-2.0
#include "program/doctor_checks.h"

#include <gtest/gtest.h>

#include "base/diagnostics.h"

namespace tld {
namespace {

using Strings = std::vector<std::string>;

/// `STATE: TEXT` of all that is not well.
Strings Wrong(const Findings& findings) {
  Strings wrong;
  for (const Finding& finding : findings) {
    if (finding.state == State::kOk) continue;
    wrong.push_back((finding.state == State::kBroken ? "broken: " : "notice: ") + finding.text);
  }
  return wrong;
}

Findings Rules(const std::string& text, const Strings& abis = {"b64", "b32"}) {
  return CheckAuditRules(ReadAuditRules(SourceText("auditctl -l", text)), abis,
                         [](const std::string& key) -> std::optional<std::string> {
                           if (key == "audit-wazuh-c") return "command";
                           if (key == "audit-wazuh-w") return "write";
                           return {};
                         });
}

const char kOurs[] =
    "-a always,exit -F arch=b64 -S execve,execveat -F auid>=1000 -F auid!=-1 -F key=audit-wazuh-c\n"
    "-a always,exit -F arch=b32 -S execve,execveat -F auid>=1000 -F auid!=-1 -F "
    "key=audit-wazuh-c\n";

TEST(DoctorRules, OursAreGoodAlsoBehindOurException) {
  EXPECT_EQ(Wrong(Rules(kOurs)), Strings{});
  EXPECT_EQ(Wrong(Rules(std::string("-a never,exit -F arch=b64 -S all -F exe=/usr/sbin/tld-audisp "
                                    "-F uid=118 -F auid=-1\n-w /etc/audit -p wa -k x\n") +
                        kOurs)),
            Strings{});
}

TEST(DoctorRules, WhatIsNotRecordedIsNamed) {
  EXPECT_EQ(Wrong(Rules("No rules\n")), Strings{"broken: no audit rule records what is run"});
  EXPECT_EQ(Wrong(Rules("-a always,exit -F arch=b64 -S execve -F key=audit-wazuh-c\n")),
            Strings{"broken: not everything that is run is recorded; missing are execveat/b64, "
                    "execve/b32, execveat/b32"});
  EXPECT_EQ(
      Wrong(Rules("-a always,exit -F arch=b64 -S execve,execveat -F key=audit-wazuh-c\n", {"b64"})),
      Strings{});
}

TEST(DoctorRules, AnUnknownKeyIsBrokenAndOneBeforeOursIsTold) {
  EXPECT_EQ(Wrong(Rules("-a always,exit -F arch=b64 -S execve -F key=other\n")),
            Strings{"broken: the kernel records what is run, but under a key that the list "
                    "audit-keys does not call 'command'"});
  const Findings first =
      Rules(std::string("-a always,exit -F arch=b64 -S execve -F key=other\n") + kOurs);
  EXPECT_EQ(Wrong(first),
            Strings{"notice: an audit rule before ours takes commands first, under the key "
                    "'other': rules of yours that ask for 80792 do not see those"});
  EXPECT_EQ(first.back().mend, "tldctl list add audit-keys other command");
  EXPECT_EQ(Wrong(Rules(std::string("-w /usr/bin -p x -k other\n") + kOurs)).size(), 1u);
  EXPECT_EQ(Wrong(Rules(std::string(kOurs) + "-w /usr/bin -p x -k other\n")), Strings{});
}

TEST(DoctorRules, WhatSilencesAllIsBroken) {
  EXPECT_EQ(Wrong(Rules(std::string("-a never,task\n") + kOurs)),
            Strings{"broken: an audit rule of the list 'task' says never: no process is recorded "
                    "at all"});
  EXPECT_EQ(Wrong(Rules(std::string("-a never,exit -F arch=b64 -S execve\n") + kOurs)),
            Strings{"broken: an audit rule before ours says never for commands of whatever "
                    "program"});
  EXPECT_EQ(Wrong(Rules(std::string("-a always,exclude -F msgtype=EXECVE\n") + kOurs)),
            Strings{"broken: an audit rule of the list 'exclude' keeps records of commands from "
                    "being made"});
  EXPECT_EQ(Wrong(Rules(std::string("-a always,exclude -F msgtype=CWD\n") + kOurs)), Strings{});
}

TEST(DoctorKernel, EachStateHasItsMend) {
  audit_status status{};
  status.pid = 7;
  status.enabled = 1;
  status.backlog_limit = 8192;
  EXPECT_EQ(Wrong(CheckKernel(status, "")), Strings{});
  status.enabled = 0;
  EXPECT_EQ(CheckKernel(status, "quiet").back().mend, "auditctl -e 1");
  EXPECT_EQ(Wrong(CheckKernel(status, "ro audit=0 quiet\n")),
            Strings{"broken: the kernel records nothing: it was started with audit=0"});
  status.enabled = 2;
  status.lost = 5;
  status.backlog_limit = 64;
  status.rate_limit = 100;
  const Strings wrong = Wrong(CheckKernel(status, ""));
  ASSERT_EQ(wrong.size(), 4u);
  EXPECT_EQ(wrong[2], "notice: the kernel keeps 64 records for auditd at most; a burst needs more");
  EXPECT_EQ(wrong[3], "broken: the kernel drops what is above 100 records a second");
  EXPECT_EQ(Wrong(CheckKernel({}, "")).size(), 1u);
  status = {};
  EXPECT_EQ(CheckKernel(status, "")[0].mend, "systemctl start auditd");
}

TEST(DoctorAuditdConf, SettingsThatLoseEventsAreTold) {
  EXPECT_EQ(Wrong(CheckAuditdConf("q_depth = 2000\nlog_format = ENRICHED\nwrite_logs = yes\n")),
            Strings{});
  const Strings wrong = Wrong(CheckAuditdConf(
      "# q_depth = 1\nq_depth = 400\nlog_format = NOLOG\noverflow_action = ignore\n"));
  ASSERT_EQ(wrong.size(), 3u);
  EXPECT_EQ(wrong[0],
            "notice: /etc/audit/auditd.conf: q_depth is 400; auditd drops events for plugins in a "
            "burst when it is full");
}

TEST(DoctorStatus, WhatThePluginSaysOfItself) {
  EXPECT_EQ(Wrong(CheckStatus("{\"degraded\":[],\"dropped\":{\"lines_queue_full\":0},"
                              "\"store\":{\"problem\":\"\"},\"remotes\":{\"siem\":{\"problem\":"
                              "\"\"}}}")),
            Strings{});
  EXPECT_EQ(Wrong(CheckStatus("{\"degraded\":[\"no rules\"],\"dropped\":{\"lines_queue_full\":3},"
                              "\"syslog\":{\"dropped\":4,\"problem\":\"it takes "
                              "none\"},\"store\":{\"problem\":\"disk full\"},"
                              "\"remotes\":{\"siem\":{\"problem\":\"refused\"}}}")),
            (Strings{"broken: it is degraded: no rules",
                     "notice: 3 lines were dropped since its queue was full, since it was started",
                     "notice: 4 lines for syslog were dropped since it took none",
                     "broken: it takes none", "broken: the alert store: disk full",
                     "broken: remote siem: refused"}));
  EXPECT_EQ(Wrong(CheckStatus("[]")), Strings{"broken: the plugin's answer makes no sense"});
}

}  // namespace
}  // namespace tld
