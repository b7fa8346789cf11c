// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace tld {

/// The number of a name that events often have, in the order of names; kOtherField for all others.
using FieldId = std::uint8_t;
inline constexpr FieldId kOtherField = 0;
inline constexpr std::size_t kKnownFields = 80;

/// In order. What the parser makes of records of commands, and what the rules look at most.
inline constexpr std::string_view kFieldNames[] = {
    "",  // kOtherField
    "audit.arch",
    "audit.auid",
    "audit.auid_name",
    "audit.command",
    "audit.cwd",
    "audit.directory.inode",
    "audit.directory.mode",
    "audit.directory.name",
    "audit.egid",
    "audit.euid",
    "audit.euid_name",
    "audit.exe",
    "audit.execve.argc",
    "audit.execve.cmdline",
    "audit.exit",
    "audit.fe",
    "audit.fi",
    "audit.file.dev",
    "audit.file.inode",
    "audit.file.mode",
    "audit.file.name",
    "audit.file.nametype",
    "audit.fp",
    "audit.frootid",
    "audit.fsgid",
    "audit.fsuid",
    "audit.fsuid_name",
    "audit.fver",
    "audit.gid",
    "audit.health.text",
    "audit.health.what",
    "audit.id",
    "audit.identity.deleted",
    "audit.identity.file",
    "audit.identity.memfd",
    "audit.identity.name",
    "audit.identity.same_as",
    "audit.identity.sha256",
    "audit.identity.unseen",
    "audit.identity.via",
    "audit.identity.writable_dir",
    "audit.key",
    "audit.node",
    "audit.old_pa",
    "audit.old_pe",
    "audit.old_pi",
    "audit.old_pp",
    "audit.op",
    "audit.pa",
    "audit.pe",
    "audit.pi",
    "audit.pid",
    "audit.pp",
    "audit.ppid",
    "audit.proctitle",
    "audit.program",
    "audit.record_type",
    "audit.res",
    "audit.session",
    "audit.sgid",
    "audit.sockaddr.addr",
    "audit.sockaddr.family",
    "audit.sockaddr.path",
    "audit.sockaddr.port",
    "audit.subj",
    "audit.success",
    "audit.suid",
    "audit.suid_name",
    "audit.syscall",
    "audit.syscall_name",
    "audit.truncated",
    "audit.tty",
    "audit.type",
    "audit.uid",
    "audit.uid_name",
    "srcip",
};
static_assert(std::size(kFieldNames) <= kKnownFields);
static_assert(std::is_sorted(std::begin(kFieldNames), std::end(kFieldNames)));

namespace field_id {

/// FNV-1a, 32 bits.
constexpr std::uint32_t Hash(std::string_view name) {
  std::uint32_t hash = 2'166'136'261U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619U;
  return hash;
}

inline constexpr std::size_t kSlots = 256;  // open addressing, a quarter full
constexpr std::array<FieldId, kSlots> MakeSlots() {
  std::array<FieldId, kSlots> slots{};
  for (std::size_t id = 1; id < std::size(kFieldNames); ++id) {
    std::size_t slot = Hash(kFieldNames[id]) % kSlots;
    while (slots[slot] != kOtherField) slot = (slot + 1) % kSlots;
    slots[slot] = static_cast<FieldId>(id);
  }
  return slots;
}
inline constexpr std::array<FieldId, kSlots> kSlotTable = MakeSlots();

}  // namespace field_id

constexpr FieldId FieldIdOf(std::string_view lower_name) {
  for (std::size_t slot = field_id::Hash(lower_name) % field_id::kSlots;;
       slot = (slot + 1) % field_id::kSlots) {
    const FieldId id = field_id::kSlotTable[slot];
    if (id == kOtherField || kFieldNames[id] == lower_name) return id;
  }
}

/// A known name, whose number is found when this is compiled; or none.
struct KnownField {
  constexpr KnownField() = default;
  consteval KnownField(const char* name) : id(FieldIdOf(name)) {  // NOLINT: a name is one
    if (id == kOtherField) throw "no known field";
  }
  constexpr bool is_none() const { return id == kOtherField; }

  FieldId id = kOtherField;
};

}  // namespace tld
