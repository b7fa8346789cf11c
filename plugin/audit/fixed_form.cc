// SPDX-License-Identifier: Apache-2.0
#include "audit/fixed_form.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

#include "audit/field_names.h"
#include "audit/record.h"

namespace tld {
namespace {

/// Fields of the kernel's own records of a command that may be hexadecimal.
constexpr std::string_view kEncoded[] = {"comm", "exe", "name", "cwd", "proctitle"};

void AddField(Event& event, const NamePair& pair, const RawField& field) {
  if (field.value == "(null)") return;
  const bool encoded =
      std::find(std::begin(kEncoded), std::end(kEncoded), field.name) != std::end(kEncoded);
  if (field.value.starts_with('"')) {
    event.AddView(pair.id, Unquote(field.value));
  } else if (!encoded) {
    event.AddView(pair.id, field.value);
  } else {
    std::string decoded = DecodeUntrusted(field.value);
    if (field.name == "proctitle") std::replace(decoded.begin(), decoded.end(), '\0', ' ');
    event.Add(pair.event, decoded);
  }
}

/// The place of a name in the table, or the table's size. The kernel writes the fields in the
/// table's order: the one after the last found is tried first.
std::size_t PlaceOf(std::string_view name, std::span<const NamePair> table, std::size_t next) {
  if (next < table.size() && table[next].record == name) return next;
  std::size_t i = 0;
  while (i < table.size() && table[i].record != name) ++i;
  return i;
}

}  // namespace

bool IsFixedForm(int type, std::string_view body) {
  switch (type) {
    case record_type::kSyscall:
    case record_type::kPath:
    case record_type::kCwd:
    case record_type::kProctitle:
      break;
    default:
      return false;
  }
  // A label of AppArmor such as `subj=/usr/sbin/x (enforce)` has blanks.
  for (std::size_t at = 0; at < body.size();) {
    if (body[at] == ' ') {
      ++at;
      continue;
    }
    const std::size_t word = at;
    while (at < body.size() && body[at] != '=' && body[at] != ' ') ++at;
    if (at == word || at == body.size() || body[at] == ' ') return false;
    at = std::min(body.find(' ', at), body.size());
  }
  return true;
}

void AddFixedForm(int type, std::string_view body, Event& event) {
  std::span<const NamePair> table;
  switch (type) {
    case record_type::kSyscall:
      table = kSyscallFields;
      break;
    case record_type::kCwd: {
      constexpr static NamePair kCwd[] = {{"cwd", "audit.cwd"}};
      table = kCwd;
      break;
    }
    case record_type::kProctitle: {
      constexpr static NamePair kProctitle[] = {{"proctitle", "audit.proctitle"}};
      table = kProctitle;
      break;
    }
    default:
      // A blank before it: a file may be called so, and no value holds a blank.
      table = body.find(" nametype=PARENT") == body.npos ? std::span<const NamePair>(kPathFields)
                                                         : kParentFields;
  }
  std::uint32_t seen = 0;  // in a PATH record a field said twice counts once
  std::size_t next = 0;
  for (RawField field; NextRawField(body, field);) {
    const std::size_t i = PlaceOf(field.name, table, next);
    if (i == table.size()) continue;
    next = i + 1;
    const bool again = (seen >> i & 1) != 0;
    seen |= std::uint32_t{1} << i;
    if (type != record_type::kPath || !again) AddField(event, table[i], field);
  }
}

}  // namespace tld
