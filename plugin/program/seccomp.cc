// SPDX-License-Identifier: Apache-2.0
// ConfineFront, ConfineSensor, ConfineCourier and ConfineWitness of program/sandbox.h.
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <memory>

#include "base/os.h"
#include "program/sandbox.h"

namespace tld {
namespace {

/// What all roles and the libraries in them use. Names that this architecture lacks are skipped.
constexpr const char* kAllowed[] = {
    // memory
    "brk",
    "munmap",
    "mremap",
    "madvise",
    "futex",
    "rseq",
    "membarrier",
    // descriptors
    "read",
    "readv",
    "pread64",
    "write",
    "writev",
    "close",
    "lseek",
    "_llseek",
    "fstat",
    "fstat64",
    "newfstatat",
    "statx",
    "fcntl",
    "fcntl64",
    "poll",
    "ppoll",
    "ppoll_time64",
    "recvfrom",
    "recvmsg",
    "sendto",
    "sendmsg",
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
    "sched_yield",
};

/// What sensor and courier need besides, for rules, lists, settings, the store, alerts.json, the
/// state file.
constexpr const char* kFilesToo[] = {
    "pwrite64",   "open",       "openat",     "stat",      "lstat",     "fstatat64",  "stat64",
    "lstat64",    "getdents",   "getdents64", "rename",    "renameat",  "renameat2",  "unlink",
    "unlinkat",   "mkdir",      "mkdirat",    "fsync",     "fdatasync", "ftruncate",  "ftruncate64",
    "fchmod",     "fchown",     "fchown32",   "access",    "faccessat", "faccessat2", "readlink",
    "readlinkat", "ioctl",      "umask",      "fadvise64", "flock",     "connect",    "accept",
    "accept4",    "getsockopt", "setsockopt", "shutdown",  "signalfd4", "uname",      "sysinfo",
    "getrusage",  "prlimit64",  "sendmmsg",
};

/// What the network, name resolution and threads need besides.
constexpr const char* kCourierToo[] = {
    "socket",          "bind",
    "getsockname",     "getpeername",
    "recvmmsg",        "select",
    "_newselect",      "pselect6",
    "pselect6_time64", "epoll_create1",
    "epoll_ctl",       "epoll_wait",
    "epoll_pwait",     "set_robust_list",
    "set_tid_address", "sched_getaffinity",
    "sigaltstack",     "clock_getres",
    "getpgrp",         "getresuid",
    "getresgid",       "mincore",
};

constexpr const char* kWitnessToo[] = {
    "fstatfs",  "fstatfs64",       "alarm",    "setitimer",  "select",   "_newselect",
    "pselect6", "pselect6_time64", "getdents", "getdents64", "readlink", "readlinkat",
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

using Filter = std::unique_ptr<void, void (*)(scmp_filter_ctx)>;

Status Confine(const std::function<bool(scmp_filter_ctx)>& add_own) {
  const Filter filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)), seccomp_release);
  if (!filter) return Error{"seccomp_init failed"};
  const bool added = AddAll(filter.get(), SCMP_ACT_ALLOW, kAllowed, std::size(kAllowed)) &&
                     AddAll(filter.get(), SCMP_ACT_KILL_PROCESS, kFatal, std::size(kFatal)) &&
                     add_own(filter.get());
  if (!added) return Error{"cannot build the filter of system calls"};
  if (const int rc = seccomp_load(filter.get()); rc != 0) {
    return OsError("cannot load the filter of system calls", -rc);
  }
  return {};
}

/// For abort(3); the other roles are not to be reached.
bool AllowOwnEnd(scmp_filter_ctx filter) {
  return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                          SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(getpid()))) == 0;
}

bool AllowWithout(scmp_filter_ctx filter, int call, std::uint64_t protection) {
  return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
                          SCMP_A2(SCMP_CMP_MASKED_EQ, protection, 0)) == 0;
}

/// Memory that is never executable.
bool AllowData(scmp_filter_ctx filter) {
  return AllowWithout(filter, SCMP_SYS(mmap), PROT_EXEC) &&
         AllowWithout(filter, SCMP_SYS(mprotect), PROT_EXEC);
}

/// The same, and memory that is executable and not writable, for libraries that are loaded later.
bool AllowLibraries(scmp_filter_ctx filter) {
  return AllowData(filter) && AllowWithout(filter, SCMP_SYS(mmap), PROT_WRITE);
}

}  // namespace

Status ConfineFront() {
  return Confine([](scmp_filter_ctx filter) {
    constexpr const char* kOwn[] = {"clone",
                                    "clone3",
                                    "fork",
                                    "vfork",
                                    "wait4",
                                    "waitid",
                                    "kill",
                                    "tgkill",
                                    "prctl",
                                    "capget",
                                    "capset",
                                    "setresgid",
                                    "setresgid32",
                                    "seccomp",
                                    "pipe2",
                                    "socketpair",
                                    "eventfd2",
                                    "setpriority",
                                    "getpriority",
                                    "ioprio_set",
                                    "sigaltstack",
                                    "landlock_create_ruleset",
                                    "landlock_add_rule",
                                    "landlock_restrict_self"};
    return AddAll(filter, SCMP_ACT_ALLOW, kFilesToo, std::size(kFilesToo)) &&
           AddAll(filter, SCMP_ACT_ALLOW, kCourierToo, std::size(kCourierToo)) &&
           AddAll(filter, SCMP_ACT_ALLOW, kWitnessToo, std::size(kWitnessToo)) &&
           AddAll(filter, SCMP_ACT_ALLOW, kOwn, std::size(kOwn)) && AllowLibraries(filter);
  });
}

Status ConfineSensor() {
  return Confine([](scmp_filter_ctx filter) {
    // No memory becomes executable; new code is never needed. No socket leads to the network.
    return AddAll(filter, SCMP_ACT_ALLOW, kFilesToo, std::size(kFilesToo)) && AllowOwnEnd(filter) &&
           AllowData(filter) &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                            SCMP_A0(SCMP_CMP_EQ, AF_UNIX)) == 0;
  });
}

Status ConfineCourier() {
  return Confine([](scmp_filter_ctx filter) {
    // The resolver loads what nsswitch.conf names; no memory is writable and executable. A thread
    // may be made and no process: the flags of clone3 cannot be looked at, so the C library is sent
    // back to clone.
    return AddAll(filter, SCMP_ACT_ALLOW, kFilesToo, std::size(kFilesToo)) &&
           AddAll(filter, SCMP_ACT_ALLOW, kCourierToo, std::size(kCourierToo)) &&
           AllowOwnEnd(filter) && AllowLibraries(filter) &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                            SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
  });
}

Status ConfineWitness() {
  return Confine([](scmp_filter_ctx filter) {
    // Files are opened to be read and no other way; the one kind of socket leads to the kernel. Not
    // openat2: its flags stand in memory, where a filter does not see them.
    constexpr auto kWriting = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND;
    return AddAll(filter, SCMP_ACT_ALLOW, kWitnessToo, std::size(kWitnessToo)) &&
           AllowOwnEnd(filter) && AllowData(filter) &&
           AllowWithout(filter, SCMP_SYS(openat), kWriting) &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
                            SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
                            SCMP_A2(SCMP_CMP_EQ, NETLINK_AUDIT)) == 0;
  });
}

}  // namespace tld
