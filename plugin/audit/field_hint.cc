// SPDX-License-Identifier: Apache-2.0
#include "audit/field_hint.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "audit/field_id.h"
#include "base/text.h"

namespace tld {
namespace {

constexpr std::string_view kPrefix = "audit.";

/// What events call otherwise than the kernel, or than people do.
constexpr std::pair<std::string_view, std::string_view> kOtherwise[] = {
    {"audit.comm", "audit.command"},
    {"audit.cmdline", "audit.execve.cmdline"},
    {"audit.execve", "audit.execve.cmdline"},
    {"audit.inode", "audit.file.inode"},
};

/// Fields of rarer records that are one letter from a known one.
constexpr std::string_view kOwnRight[] = {
    "cmd",  "code", "igid", "ipid",  "iuid", "mode", "oauid", "obj",  "ogid", "opid", "ouid", "per",
    "resp", "rgid", "ruid", "sauid", "ses",  "sid",  "spid",  "tgid", "tid",  "uuid", "ver"};

/// One letter more, less or other, or two that have changed places.
bool IsOneOff(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty() && a.front() == b.front()) {
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  while (!a.empty() && !b.empty() && a.back() == b.back()) {
    a.remove_suffix(1);
    b.remove_suffix(1);
  }
  if (a.size() == 2 && b.size() == 2) return a[0] == b[1] && a[1] == b[0];
  return std::max(a.size(), b.size()) == 1;
}

}  // namespace

std::string FieldMeantBy(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), AsciiLower);
  if (FieldIdOf(lower) != kOtherField) return {};
  if (!lower.starts_with(kPrefix)) {
    lower.insert(0, kPrefix);
    if (FieldIdOf(lower) != kOtherField) return lower;
  }
  for (const auto& [other, field] : kOtherwise) {
    if (lower == other) return std::string(field);
  }
  const std::string_view own = std::string_view(lower).substr(kPrefix.size());
  if (own.size() < 3 || std::binary_search(std::begin(kOwnRight), std::end(kOwnRight), own))
    return {};
  for (const std::string_view field : kFieldNames) {
    if (IsOneOff(lower, field)) return std::string(field);
  }
  return {};
}

}  // namespace tld
