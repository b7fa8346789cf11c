// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libaudit.h>

#include <optional>

namespace tld {

/// What the kernel says of its audit system (audit_request_status(3)). Nothing when it cannot be
/// asked: without CAP_AUDIT_CONTROL, in a container, or where the kernel has no auditing.
std::optional<audit_status> KernelAuditStatus();

}  // namespace tld
