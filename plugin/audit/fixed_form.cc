// SPDX-License-Identifier: Apache-2.0
#include "audit/fixed_form.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "audit/field_names.h"

namespace tld {
namespace {

void AddField(Event& event, const NamePair& pair, const RawField& field) {
  if (field.value == "(null)") return;
  if (field.value.starts_with('"')) {
    event.AddView(pair.id, Unquote(field.value));
  } else if (!pair.encoded) {
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

bool IsParent(const RawField& field) {
  return field.name == "nametype" && field.value == "PARENT";
}

std::span<const NamePair> TableOf(int type, std::span<const RawField> fields) {
  switch (type) {
    case record_type::kSyscall:
      return kSyscallFields;
    case record_type::kCwd:
      return kCwdFields;
    case record_type::kProctitle:
      return kProctitleFields;
    default:
      if (std::any_of(fields.begin(), fields.end(), IsParent)) return kParentFields;
      return kPathFields;
  }
}

bool HasFixedForm(int type) {
  switch (type) {
    case record_type::kSyscall:
    case record_type::kPath:
    case record_type::kCwd:
    case record_type::kProctitle:
    case record_type::kBprmFcaps:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool FixedRecord::Read(int type, std::string_view body) {
  count_ = 0;
  if (!HasFixedForm(type)) return false;
  // A label of AppArmor such as `subj=/usr/sbin/x (enforce)` has blanks.
  for (std::size_t at = 0; at < body.size();) {
    if (body[at] == ' ') {
      ++at;
      continue;
    }
    const std::size_t name = at;
    while (at < body.size() && body[at] != '=' && body[at] != ' ') ++at;
    if (at == name || at == body.size() || body[at] == ' ' || count_ == kMostFields) return false;
    const std::size_t value = at + 1;
    at = std::min(body.find(' ', value), body.size());
    fields_[count_++] = {body.substr(name, value - 1 - name), body.substr(value, at - value)};
  }
  return true;
}

void AddFixedForm(int type, std::span<const RawField> fields, Event& event) {
  const std::span<const NamePair> table = TableOf(type, fields);
  std::uint32_t seen = 0;  // in a PATH record a field said twice counts once
  std::size_t next = 0;
  for (const RawField& field : fields) {
    const std::size_t i = PlaceOf(field.name, table, next);
    if (i == table.size()) continue;
    next = i + 1;
    const bool again = (seen >> i & 1) != 0;
    seen |= std::uint32_t{1} << i;
    if (type != record_type::kPath || !again) AddField(event, table[i], field);
  }
}

}  // namespace tld
