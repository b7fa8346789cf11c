// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

/// What a role gives up, and what a plugin must set right after auditd has started it
/// (auditd-plugins(5), NOTES).
namespace tld {

/// Descriptors above 2 closed; signals at their defaults, SIGPIPE ignored, none blocked but the
/// three that the roles read (SIGTERM, SIGHUP, SIGCHLD); umask 027; a small fixed environment; no
/// core dumps; an OOM score of its own. auditd leaves all of these in whatever state it has itself.
void SettleProcess();

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
};

/// From /etc/passwd, without NSS.
Result<Identity> FindUser(const std::string& name);
/// From /etc/group, without NSS.
Result<gid_t> FindGroup(const std::string& name);

/// Becomes the identity for good: no supplementary groups, no capability that could be used,
/// no_new_privs. Of the capabilities in `kept` those that the process has stay permitted, without
/// effect, for the role that takes them. A spare group is kept aside as the saved group id, for the
/// role that takes it. Does all of it that it can; an error says what it could not. Then
/// StillPrivileged tells whether the process may go on. REQUIRES: effective uid 0.
Status DropPrivileges(const Identity& identity, std::optional<gid_t> spare_group,
                      const std::vector<int>& kept);

/// The spare group, if there is one, becomes the one that files are opened by, or is given up for
/// good.
bool TakeSpareGroup();
bool GiveUpSpareGroup();

/// The kept capabilities take effect, or are given up for good.
void TakeCapabilities();
bool GiveUpCapabilities();

/// True when this process is not `identity`, or has a capability besides those that were kept
/// aside.
bool StillPrivileged(const Identity& identity, const std::vector<int>& kept);

/// What a role does with files and other processes.
struct Restriction {
  std::vector<std::string>
      writable;          ///< directories; below them files are made, changed and removed
  bool network = false;  ///< TCP, where Landlock knows it (version 4)
  bool alone = true;     ///< no signals and no abstract sockets to processes outside (version 6)
};

/// By Landlock, for good and for all children: nothing is run, no device, socket, FIFO or link is
/// made, and only the directories named are written; all is read that the user may read. Returns
/// the version of Landlock that the kernel has, 0 for none. Sets no_new_privs.
Result<int> RestrictFiles(const Restriction& restriction);

/// The system calls of a role: memory, clocks; files and sockets of this host for the sensor;
/// files, all kinds of sockets and threads for the courier; files to read, and the kernel's audit
/// socket, for the witness; the making of processes, and what they need, for the front, whose
/// filter they inherit. All else fails with EPERM; running programs, tracing and loading code end
/// the process. Inherited filters stay in force.
Status ConfineFront();
Status ConfineSensor();
Status ConfineCourier();
Status ConfineWitness();

}  // namespace tld
