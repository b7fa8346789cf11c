// SPDX-License-Identifier: Apache-2.0
#include "program/sandbox.h"

#include <cap-ng.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/os.h"

namespace tld {
namespace {

using Stream = std::unique_ptr<FILE, int (*)(FILE*)>;

Stream OpenStream(const char* path) { return Stream(fopen(path, "re"), fclose); }

void SettleSignals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    std::signal(signal, signal == SIGPIPE ? SIG_IGN : SIG_DFL);
  }
  sigset_t read_by_roles;
  sigemptyset(&read_by_roles);
  for (const int signal : {SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&read_by_roles, signal);
  sigprocmask(SIG_SETMASK, &read_by_roles, nullptr);
}

}  // namespace

void SettleProcess() {
  close_range(3, ~0U, 0);
  SettleSignals();
  umask(027);
  clearenv();
  setenv("PATH", "/usr/sbin:/usr/bin", 1);
  setenv("LC_ALL", "C.UTF-8", 1);
  // A plugin that auditd has restarted inherits -1000 and could never be killed.
  const Fd score(open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (score) static_cast<void>(WriteAll(score.get(), "0"));
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  // Large buffers go back to the system as soon as they are free.
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
  mallopt(M_TRIM_THRESHOLD, 256 * 1024);
}

Result<Identity> FindUser(const std::string& name) {
  const Stream file = OpenStream("/etc/passwd");
  if (!file) return OsError("cannot open /etc/passwd");
  while (const passwd* entry = fgetpwent(file.get())) {
    if (name == entry->pw_name) return Identity{entry->pw_uid, entry->pw_gid};
  }
  return Error{"there is no user '" + name + "'"};
}

Result<gid_t> FindGroup(const std::string& name) {
  const Stream file = OpenStream("/etc/group");
  if (!file) return OsError("cannot open /etc/group");
  while (const group* entry = fgetgrent(file.get())) {
    if (name == entry->gr_name) return entry->gr_gid;
  }
  return Error{"there is no group '" + name + "'"};
}

Status DropPrivileges(const Identity& identity, std::optional<gid_t> spare_group,
                      const std::vector<int>& kept) {
  std::string failed;
  const auto step = [&](bool done, const char* what) {
    if (!done) failed += (failed.empty() ? "" : ", ") + std::string(what);
  };
  std::vector<unsigned> stay;
  capng_get_caps_process();
  for (const int capability : kept) {
    const auto number = static_cast<unsigned>(capability);
    if (capng_have_capability(CAPNG_PERMITTED, number)) stay.push_back(number);
  }
  capng_clear(CAPNG_SELECT_BOTH);
  // A role that takes the spare group still reads what the own one may.
  step(setgroups(spare_group ? 1 : 0, &identity.gid) == 0, "supplementary groups");
  // The bounding set needs CAP_SETPCAP and so goes before the rest.
  capng_apply(CAPNG_SELECT_BOUNDS);
  for (int capability = 0; capability <= CAP_LAST_CAP; ++capability) {
    if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) != 1) continue;
    step(false, "bounding set");
    break;
  }
  step(setresgid(identity.gid, identity.gid, spare_group.value_or(identity.gid)) == 0, "group");
  step(prctl(PR_SET_KEEPCAPS, stay.empty() ? 0 : 1, 0, 0, 0) == 0, "keepcaps");
  step(setresuid(identity.uid, identity.uid, identity.uid) == 0, "user");
  capng_clear(CAPNG_SELECT_BOTH);
  for (const unsigned capability : stay) capng_update(CAPNG_ADD, CAPNG_PERMITTED, capability);
  step(capng_apply(CAPNG_SELECT_CAPS) == 0, "capabilities");
  step(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
  step(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0, "dumpable");
  if (failed.empty()) return {};
  return Error{"could not give up: " + failed};
}

bool TakeSpareGroup() {
  gid_t real = 0;
  gid_t effective = 0;
  gid_t saved = 0;
  constexpr auto kUnchanged = static_cast<gid_t>(-1);
  return getresgid(&real, &effective, &saved) == 0 && setresgid(kUnchanged, saved, kUnchanged) == 0;
}

bool GiveUpSpareGroup() {
  const gid_t own = getegid();
  return setresgid(own, own, own) == 0;
}

void TakeCapabilities() {
  capng_get_caps_process();
  for (unsigned capability = 0; capability <= CAP_LAST_CAP; ++capability) {
    if (capng_have_capability(CAPNG_PERMITTED, capability)) {
      capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, capability);
    }
  }
  capng_apply(CAPNG_SELECT_CAPS);
}

bool GiveUpCapabilities() {
  capng_clear(CAPNG_SELECT_BOTH);
  return capng_apply(CAPNG_SELECT_CAPS) == 0;
}

bool StillPrivileged(const Identity& identity, const std::vector<int>& kept) {
  uid_t real = 0;
  uid_t effective = 0;
  uid_t saved = 0;
  if (getresuid(&real, &effective, &saved) != 0) return true;
  if (real != identity.uid || effective != identity.uid || saved != identity.uid) return true;
  if (capng_get_caps_process() != 0) return true;
  for (int capability = 0; capability <= CAP_LAST_CAP; ++capability) {
    const auto number = static_cast<unsigned>(capability);
    const bool aside = std::find(kept.begin(), kept.end(), capability) != kept.end();
    if (capng_have_capability(CAPNG_EFFECTIVE, number)) return true;
    if (!aside && capng_have_capability(CAPNG_PERMITTED, number)) return true;
  }
  return false;
}

}  // namespace tld
