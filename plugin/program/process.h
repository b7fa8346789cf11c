// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace tld {

/// Whether the process is there that had this number at that time, nanoseconds since 1970, and not
/// a later one: it was started before (proc(5), /proc/PID/stat, field 22, in ticks since boot). One
/// that has ended and was not waited for is not there.
bool RunsSince(std::uint64_t pid, std::int64_t time_ns);

}  // namespace tld
