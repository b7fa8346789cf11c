// SPDX-License-Identifier: Apache-2.0
#include "program/process.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <string>
#include <string_view>
#include <system_error>

#include "base/os.h"

namespace tld {

bool RunsSince(std::uint64_t pid, std::int64_t time_ns) {
  constexpr std::int64_t kSecond = 1'000'000'000;  // in nanoseconds
  const auto stat = ReadFile("/proc/" + std::to_string(pid) + "/stat", 4096);
  if (!stat) return false;
  std::string_view rest = *stat;
  // The name stands in parentheses and may hold anything, these too.
  rest.remove_prefix(std::min(rest.size(), rest.rfind(')') + 1));
  if (rest.starts_with(" Z") || rest.starts_with(" X")) return false;  // it has ended
  for (int field = 3; field < 22 && !rest.empty(); ++field) {
    rest.remove_prefix(std::min(rest.size(), rest.find(' ', 1)));
  }
  std::uint64_t ticks = 0;
  if (rest.size() < 2 || rest[1] == '-') return false;
  if (std::from_chars(rest.data() + 1, rest.data() + rest.size(), ticks).ec != std::errc()) {
    return false;
  }
  timespec now{};
  timespec since_boot{};
  clock_gettime(CLOCK_REALTIME, &now);
  clock_gettime(CLOCK_BOOTTIME, &since_boot);
  const std::int64_t boot_ns =
      (now.tv_sec - since_boot.tv_sec) * kSecond + now.tv_nsec - since_boot.tv_nsec;
  const auto started_ns = static_cast<std::int64_t>(ticks) *
                          (kSecond / static_cast<std::int64_t>(sysconf(_SC_CLK_TCK)));
  return boot_ns + started_ns <= time_ns + kSecond / 10;
}

}  // namespace tld
