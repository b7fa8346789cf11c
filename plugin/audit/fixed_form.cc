// SPDX-License-Identifier: Apache-2.0
#include "audit/fixed_form.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "base/reuse.h"
#include "base/text.h"

namespace tld {
namespace {

/// All names of a record's fields, as the kernel orders them; empty for other types.
std::span<const NamePair> NamesOf(int type) {
  switch (type) {
    case record_type::kSyscall:
      return kSyscallFields;
    case record_type::kPath:
      return kPathFields;
    case record_type::kCwd:
      return kCwdFields;
    case record_type::kProctitle:
      return kProctitleFields;
    case record_type::kBprmFcaps:
      return kCapabilityFields;
    default:
      return {};
  }
}

/// Bytes of the name at the start of a field; 0 where there is none.
std::size_t NameSize(std::string_view field) {
  const std::size_t end = field.find_first_of("= ");
  return end == field.npos || field[end] == ' ' ? 0 : end;
}

/// Whether `name=` stands at the start.
inline bool BeginsWith(std::string_view field, const NamePair& name) {
  const std::size_t size = name.record.size();
  if (field.size() <= size) return false;
  if (field.size() >= sizeof name.word) {
    if (((LoadWord(field.data()) ^ name.word) & name.mask) != 0) return false;
    if (size < sizeof name.word) return true;
  }
  return field[size] == '=' && field.starts_with(name.record);
}

/// The name at the start of a field. The kernel's order is that of the table: the one after the
/// last, `next`, is tried first.
inline const NamePair* NameOf(std::string_view field, std::span<const NamePair> names,
                              std::size_t next) {
  if (next < names.size() && BeginsWith(field, names[next])) return &names[next];
  for (const NamePair& pair : names) {
    if (BeginsWith(field, pair)) return &pair;
  }
  return nullptr;
}

void AddValue(Event& event, const NamePair& name, std::string_view text, std::string& decoded) {
  if (text.starts_with('"')) {
    event.AddView(name.event, Unquote(text));
  } else if (text == "(null)") {
    return;
  } else if (!name.encoded) {
    event.AddView(name.event, text);
  } else {
    ClearForReuse(decoded);
    AppendUntrusted(decoded, text);
    if (name.record == "proctitle") std::replace(decoded.begin(), decoded.end(), '\0', ' ');
    event.Add(name.event, decoded);
  }
}

}  // namespace

bool FixedRecord::Read(int type, std::string_view body) {
  count_ = 0;
  type_ = type;
  const std::span<const NamePair> names = NamesOf(type);
  if (names.empty()) return false;
  std::size_t next = 0;
  // A label of AppArmor such as `subj=/usr/sbin/x (enforce)` has blanks.
  for (std::size_t at = 0; at < body.size();) {
    const std::string_view field = body.substr(at);
    if (field[0] == ' ') {
      ++at;
      continue;
    }
    const NamePair* const name = NameOf(field, names, next);
    const std::size_t size = name != nullptr ? name->record.size() : NameSize(field);
    if (size == 0 || count_ == kMostFields) return false;
    const std::string_view rest = field.substr(size + 1);
    const std::string_view text = rest.substr(0, FindNear(rest, ' '));
    values_[count_++] = {name, text};
    if (name != nullptr) next = static_cast<std::size_t>(name - names.data()) + 1;
    at += size + 1 + text.size();
  }
  return true;
}

void FixedRecord::AddTo(Event& event) {
  const bool path = type_ == record_type::kPath;
  const bool parent = path && std::any_of(values().begin(), values().end(), [](const Value& value) {
                        return value.name == &kPathFields[kNametype] && value.text == "PARENT";
                      });
  std::uint32_t seen = 0;  // in a PATH record a field said twice counts once
  for (const Value& value : values()) {
    if (value.name == nullptr) continue;
    const NamePair* name = value.name;
    if (path) {
      const auto place = static_cast<std::size_t>(name - kPathFields);
      if ((seen >> place & 1) != 0) continue;
      seen |= std::uint32_t{1} << place;
      if (parent) name = &kParentFields[place];
    }
    if (!name->event.is_none()) AddValue(event, *name, value.text, decoded_);
  }
}

}  // namespace tld
