// SPDX-License-Identifier: Apache-2.0
// RestrictFiles of program/sandbox.h.
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/os.h"
#include "program/sandbox.h"

namespace tld {
namespace {

/// struct landlock_ruleset_attr with what later kernels have added; a kernel takes a longer one
/// whose rest is zero (landlock_create_ruleset(2)).
struct Ruleset {
  std::uint64_t files = 0;
  std::uint64_t network = 0;  // from version 4
  std::uint64_t scoped = 0;   // from version 6
};

constexpr std::uint64_t kReading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kTruncate = 1 << 14;  // from version 3
constexpr std::uint64_t kDevices = 1 << 15;   // ioctl on devices, from version 5
constexpr std::uint64_t kMaking = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                  LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                  LANDLOCK_ACCESS_FS_MAKE_REG;
/// Never allowed: running anything, and making what is no file and no directory.
constexpr std::uint64_t kNever = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                                 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                                 LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
constexpr std::uint64_t kTcp = 3;             // bind and connect
constexpr std::uint64_t kOtherProcesses = 3;  // abstract sockets and signals

bool Allow(int ruleset, const std::string& directory, std::uint64_t access) {
  const Fd place(open(directory.c_str(), O_PATH | O_CLOEXEC));
  if (!place) return errno == ENOENT;  // not there: nothing to be written there
  landlock_path_beneath_attr rule{};
  rule.allowed_access = access;
  rule.parent_fd = place.get();
  return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

}  // namespace

Result<int> RestrictFiles(const Restriction& restriction) {
  const long version =
      syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) return 0;
  if (version < 1) return OsError("cannot ask for Landlock");
  Ruleset ruleset;
  ruleset.files = kReading | kMaking | kNever;
  if (version >= 2) ruleset.files |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3) ruleset.files |= kTruncate;
  if (version >= 5) ruleset.files |= kDevices;
  if (version >= 4 && !restriction.network) ruleset.network = kTcp;
  if (version >= 6 && restriction.alone) ruleset.scoped = kOtherProcesses;
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);  // or Landlock refuses
  const Fd fd(static_cast<int>(syscall(SYS_landlock_create_ruleset, &ruleset, sizeof ruleset, 0)));
  if (!fd) return OsError("cannot make a Landlock ruleset");
  const std::uint64_t write = (kReading | kMaking | kTruncate) & ruleset.files;
  bool allowed = Allow(fd.get(), "/", kReading);
  for (const std::string& directory : restriction.writable) {
    allowed = allowed && Allow(fd.get(), directory, write);
  }
  if (!allowed || syscall(SYS_landlock_restrict_self, fd.get(), 0) != 0) {
    return OsError("cannot restrict the files by Landlock");
  }
  return static_cast<int>(version);
}

}  // namespace tld
