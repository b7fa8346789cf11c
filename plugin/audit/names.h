// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "audit/event.h"
#include "base/result.h"

namespace tld {

/// User names for display, from a file in the form of passwd(5), read once. NSS is never asked: it
/// may block on a network service.
class UserNames {
 public:
  UserNames() = default;
  static Result<UserNames> Load(const std::string& path);

  /// Empty when unknown.
  std::string_view Find(std::string_view uid) const;

 private:
  std::unordered_map<std::string, std::string> by_uid_;
};

/// Adds who and what, and seals the event again:
///
/// `audit.program`: every name under which the records of an exec event show the program. That is
/// comm, the last parts of exe, of PATH item 0 (a script stands there) and of argv[0], the target
/// of a dynamic loader that was run as a program, the applet of a multi-call binary, and the script
/// that a shell or an interpreter is given as an argument. From the records alone; nothing is
/// opened. Other events get their comm and exe.
///
/// `audit.identity.via`: `script`, `loader`, `applet`, where the program is behind another one.
/// `.file`: the full path of what was run, without symbolic links being followed, where exe does
/// not say it or it is in a writable or hidden directory.
/// `.writable_dir`: the first directory open to everybody that one of them is in. `.memfd` and
/// `.deleted`: `yes` for an executable that is in memory only, or that had no name any more.
///
/// `audit.auid_name`, `audit.uid_name` …: from auditd's enrichment, else, for an event of this
/// host, from `users`. Display only: no decision may rest on them.
void AddNames(Event& event, const UserNames& users, bool of_this_host);

}  // namespace tld
