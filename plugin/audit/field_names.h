// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "audit/field_id.h"

/// What the fields of the kernel's records are called in an event.
namespace tld {

/// Fields of the kernel's own records of a command that may be hexadecimal
/// (audit_log_untrustedstring).
constexpr bool MayBeEncoded(std::string_view record_name) {
  return record_name == "comm" || record_name == "exe" || record_name == "name" ||
         record_name == "cwd" || record_name == "proctitle";
}

/// `name=`, as far as LoadWord() (base/text.h) reads it; or all bits of these bytes.
constexpr std::uint64_t FirstWord(std::string_view name, bool as_mask) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < sizeof word && i <= name.size(); ++i) {
    const char c = as_mask ? '\xFF' : i < name.size() ? name[i] : '=';
    word |= std::uint64_t{static_cast<unsigned char>(c)} << (8 * i);
  }
  return word;
}

struct NamePair {
  std::string_view record;
  KnownField event = {};  // none: an event does not have it
  bool encoded = MayBeEncoded(record);
  std::uint64_t word = FirstWord(record, false);  // most are told by it
  std::uint64_t mask = FirstWord(record, true);
};

/// The fields of a SYSCALL record, as the kernel orders them. Where an event has one, those that it
/// has come from nowhere else.
inline constexpr NamePair kSyscallFields[] = {
    {"arch", "audit.arch"},
    {"syscall", "audit.syscall"},
    {"success", "audit.success"},
    {"exit", "audit.exit"},
    {"a0"},
    {"a1"},
    {"a2"},
    {"a3"},
    {"items"},
    {"ppid", "audit.ppid"},
    {"pid", "audit.pid"},
    {"auid", "audit.auid"},
    {"uid", "audit.uid"},
    {"gid", "audit.gid"},
    {"euid", "audit.euid"},
    {"suid", "audit.suid"},
    {"fsuid", "audit.fsuid"},
    {"egid", "audit.egid"},
    {"sgid", "audit.sgid"},
    {"fsgid", "audit.fsgid"},
    {"tty", "audit.tty"},
    {"ses", "audit.session"},
    {"comm", "audit.command"},
    {"exe", "audit.exe"},
    {"subj", "audit.subj"},
    {"key"},
};

/// The fields of a PATH record, as the kernel orders them; kParentFields where its nametype is
/// PARENT.
inline constexpr NamePair kPathFields[] = {
    {"item"},
    {"name", "audit.file.name"},
    {"inode", "audit.file.inode"},
    {"dev", "audit.file.dev"},
    {"mode", "audit.file.mode"},
    {"ouid"},
    {"ogid"},
    {"rdev"},
    {"obj"},
    {"nametype", "audit.file.nametype"},
    {"cap_fp"},
    {"cap_fi"},
    {"cap_fe"},
    {"cap_fver"},
    {"cap_frootid"},
};
inline constexpr NamePair kParentFields[] = {
    {"item"},
    {"name", "audit.directory.name"},
    {"inode", "audit.directory.inode"},
    {"dev"},
    {"mode", "audit.directory.mode"},
    {"ouid"},
    {"ogid"},
    {"rdev"},
    {"obj"},
    {"nametype"},
    {"cap_fp"},
    {"cap_fi"},
    {"cap_fe"},
    {"cap_fver"},
    {"cap_frootid"},
};
/// The place of `nametype` in both.
inline constexpr std::size_t kNametype = 9;
static_assert(kPathFields[kNametype].record == "nametype");

inline constexpr NamePair kCwdFields[] = {{"cwd", "audit.cwd"}};
inline constexpr NamePair kProctitleFields[] = {{"proctitle", "audit.proctitle"}};

/// All fields of a BPRM_FCAPS record (audit_log_bprm_fcaps): numbers.
inline constexpr NamePair kCapabilityFields[] = {
    {"fver", "audit.fver"},       {"fp", "audit.fp"},         {"fi", "audit.fi"},
    {"fe", "audit.fe"},           {"old_pp", "audit.old_pp"}, {"old_pi", "audit.old_pi"},
    {"old_pe", "audit.old_pe"},   {"old_pa", "audit.old_pa"}, {"pp", "audit.pp"},
    {"pi", "audit.pi"},           {"pe", "audit.pe"},         {"pa", "audit.pa"},
    {"frootid", "audit.frootid"},
};

/// The event's name of a record's field; none where it has none.
constexpr KnownField Lookup(std::span<const NamePair> table, std::string_view record_name) {
  for (const NamePair& pair : table) {
    if (pair.record == record_name) return pair.event;
  }
  return {};
}

}  // namespace tld
