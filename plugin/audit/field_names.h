// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "audit/field_id.h"

/// What the fields of the kernel's records are called in an event.
namespace tld {

struct NamePair {
  std::string_view record;
  std::string_view event;
  FieldId id = FieldIdOf(event);
};

/// The fields of a SYSCALL record. Where an event has one, they come from nowhere else.
inline constexpr NamePair kSyscallFields[] = {
    {"arch", "audit.arch"}, {"syscall", "audit.syscall"}, {"success", "audit.success"},
    {"exit", "audit.exit"}, {"ppid", "audit.ppid"},       {"pid", "audit.pid"},
    {"auid", "audit.auid"}, {"uid", "audit.uid"},         {"gid", "audit.gid"},
    {"euid", "audit.euid"}, {"suid", "audit.suid"},       {"fsuid", "audit.fsuid"},
    {"egid", "audit.egid"}, {"sgid", "audit.sgid"},       {"fsgid", "audit.fsgid"},
    {"tty", "audit.tty"},   {"ses", "audit.session"},     {"comm", "audit.command"},
    {"exe", "audit.exe"},   {"subj", "audit.subj"},
};

/// The fields of a PATH record; kParentFields where its nametype is PARENT.
inline constexpr NamePair kPathFields[] = {
    {"name", "audit.file.name"}, {"inode", "audit.file.inode"},       {"mode", "audit.file.mode"},
    {"dev", "audit.file.dev"},   {"nametype", "audit.file.nametype"},
};

inline constexpr NamePair kParentFields[] = {
    {"name", "audit.directory.name"},
    {"inode", "audit.directory.inode"},
    {"mode", "audit.directory.mode"},
};

/// The event's name of a record's field; empty when it has none.
constexpr std::string_view Lookup(std::span<const NamePair> table, std::string_view record_name) {
  for (const NamePair& pair : table) {
    if (pair.record == record_name) return pair.event;
  }
  return {};
}

}  // namespace tld
