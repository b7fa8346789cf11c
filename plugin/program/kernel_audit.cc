// SPDX-License-Identifier: Apache-2.0
#include "program/kernel_audit.h"

namespace tld {

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

}  // namespace tld
