// SPDX-License-Identifier: Apache-2.0
#include "program/kernel_audit.h"

#include <sys/wait.h>

#include <cstddef>
#include <cstdio>

namespace tld {
namespace {

constexpr std::size_t kMostSaid = std::size_t{16} << 20;

}  // namespace

std::optional<audit_status> KernelAuditStatus() {
  const int fd = audit_open();
  if (fd < 0) return {};
  std::optional<audit_status> status;
  if (audit_request_status(fd) > 0) {
    audit_reply reply{};
    for (int tries = 0; tries < 10 && !status; ++tries) {
      const bool read = audit_get_reply(fd, &reply, GET_REPLY_BLOCKING, 0) > 0;
      if (read && reply.type == AUDIT_GET) status = *reply.status;
    }
  }
  audit_close(fd);
  return status;
}

AuditTool RunAuditTool(const std::string& command) {
  AuditTool ran;
  const std::string line = "PATH=/usr/sbin:/usr/bin:/sbin:/bin " + command + " 2>&1";
  std::FILE* pipe = popen(line.c_str(), "re");
  if (pipe == nullptr) return ran;
  char buffer[4096];
  for (std::size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    if (ran.said.size() < kMostSaid) ran.said.append(buffer, n);
  }
  const int status = pclose(pipe);
  ran.good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return ran;
}

}  // namespace tld
