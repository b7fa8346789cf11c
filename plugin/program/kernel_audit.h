// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libaudit.h>

#include <optional>
#include <string>

namespace tld {

/// What the kernel says of its audit system (audit_request_status(3)). Nothing when it cannot be
/// asked: without CAP_AUDIT_CONTROL, in a container, or where the kernel has no auditing.
std::optional<audit_status> KernelAuditStatus();

/// What a command line said on both outputs (at most 16 MiB of it), and whether it ended well.
struct AuditTool {
  bool good = false;
  std::string said;
};
/// Runs auditctl(8) or augenrules(8), which stand where an administrator's PATH may not look. The
/// command goes to a shell, so it is never made of somebody's text.
AuditTool RunAuditTool(const std::string& command);

}  // namespace tld
