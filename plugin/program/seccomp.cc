// SPDX-License-Identifier: Apache-2.0
// ConfineSensor of program/sandbox.h.
#include <seccomp.h>

#include <cerrno>
#include <memory>

#include "base/os.h"
#include "program/sandbox.h"

namespace tld {
namespace {

/// What the sensor and the libraries in it use. Names that this architecture lacks are skipped.
constexpr const char* kAllowed[] = {
    // memory
    "brk",
    "munmap",
    "mremap",
    "madvise",
    "futex",
    "rseq",
    "membarrier",
    // files: rules, lists, settings, alerts.json, the state file
    "read",
    "readv",
    "pread64",
    "write",
    "writev",
    "pwrite64",
    "open",
    "openat",
    "close",
    "lseek",
    "_llseek",
    "stat",
    "fstat",
    "lstat",
    "newfstatat",
    "fstatat64",
    "statx",
    "stat64",
    "fstat64",
    "lstat64",
    "fcntl",
    "fcntl64",
    "getdents",
    "getdents64",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "mkdir",
    "mkdirat",
    "fsync",
    "fdatasync",
    "ftruncate",
    "ftruncate64",
    "fchmod",
    "fchown",
    "fchown32",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "ioctl",
    "umask",
    "fadvise64",
    // the control socket and syslog
    "socket",
    "connect",
    "accept",
    "accept4",
    "sendto",
    "sendmsg",
    "recvfrom",
    "recvmsg",
    "getsockopt",
    "setsockopt",
    "shutdown",
    "poll",
    "ppoll",
    "ppoll_time64",
    // time, signals, the end
    "clock_gettime",
    "clock_gettime64",
    "gettimeofday",
    "time",
    "clock_nanosleep",
    "nanosleep",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "signalfd4",
    "restart_syscall",
    "exit",
    "exit_group",
    "getrandom",
    "getpid",
    "gettid",
    "getppid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "uname",
    "sysinfo",
    "getrusage",
    "prlimit64",
    "sched_yield",
    "tgkill",
};

constexpr const char* kFatal[] = {
    "execve",
    "execveat",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "bpf",
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
    "kexec_file_load",
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "setns",
    "unshare",
    "keyctl",
    "add_key",
    "perf_event_open",
};

bool AddAll(scmp_filter_ctx filter, std::uint32_t action, const char* const* names,
            std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const int number = seccomp_syscall_resolve_name(names[i]);
    if (number == __NR_SCMP_ERROR) continue;
    const int rc = seccomp_rule_add(filter, action, number, 0);
    if (rc != 0 && rc != -EDOM && rc != -EACCES) return false;
  }
  return true;
}

}  // namespace

Status ConfineSensor() {
  const std::unique_ptr<void, void (*)(scmp_filter_ctx)> filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)),
                                                                seccomp_release);
  if (!filter) return Error{"seccomp_init failed"};
  // No memory becomes executable; new code is never needed.
  constexpr std::uint64_t kExecutable = 4;
  const bool added = AddAll(filter.get(), SCMP_ACT_ALLOW, kAllowed, std::size(kAllowed)) &&
                     AddAll(filter.get(), SCMP_ACT_KILL_PROCESS, kFatal, std::size(kFatal)) &&
                     seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                                      SCMP_A2(SCMP_CMP_MASKED_EQ, kExecutable, 0)) == 0 &&
                     seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                      SCMP_A2(SCMP_CMP_MASKED_EQ, kExecutable, 0)) == 0;
  if (!added) return Error{"cannot build the filter of system calls"};
  if (const int rc = seccomp_load(filter.get()); rc != 0) {
    return OsError("cannot load the filter of system calls", -rc);
  }
  return {};
}

}  // namespace tld
