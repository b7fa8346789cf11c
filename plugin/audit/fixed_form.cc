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

void AddField(Event& event, std::string_view name, const RawField& field) {
  if (field.value == "(null)") return;
  const bool encoded =
      std::find(std::begin(kEncoded), std::end(kEncoded), field.name) != std::end(kEncoded);
  if (field.value.starts_with('"')) {
    event.Add(name, Unquote(field.value));
  } else if (!encoded) {
    event.Add(name, field.value);
  } else {
    std::string decoded = DecodeUntrusted(field.value);
    if (field.name == "proctitle") std::replace(decoded.begin(), decoded.end(), '\0', ' ');
    event.Add(name, decoded);
  }
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
  while (!body.empty()) {
    const std::size_t end = std::min(body.find(' '), body.size());
    const std::string_view word = body.substr(0, end);
    if (!word.empty() && (word[0] == '=' || word.find('=') == word.npos)) return false;
    body.remove_prefix(std::min(end + 1, body.size()));
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
  for (RawField field; NextRawField(body, field);) {
    for (std::size_t i = 0; i < table.size(); ++i) {
      if (table[i].record != field.name) continue;
      const bool again = (seen >> i & 1) != 0;
      seen |= std::uint32_t{1} << i;
      if (type != record_type::kPath || !again) AddField(event, table[i].event, field);
      break;
    }
  }
}

}  // namespace tld
