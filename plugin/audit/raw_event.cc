// SPDX-License-Identifier: Apache-2.0
#include "audit/raw_event.h"

#include <algorithm>

#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kUsualTypes = 8;  // of an event's records

}  // namespace

const RawRecord* RawEvent::Find(int type) const {
  for (const RawRecord& record : records) {
    if (record.type == type) return &record;
  }
  return nullptr;
}

std::string_view RawEvent::TypeName(const RawRecord& r) const {
  constexpr std::size_t kTag = std::string_view("type=").size();
  const std::string_view name = std::string_view(text).substr(r.type_begin + kTag);
  return name.substr(0, FindNear(name, ' '));
}

const RawRecord& RawEvent::MainRecord() const {
  if (const RawRecord* own = Find(record_type::kOwn)) return *own;
  const RawRecord* syscall = Find(record_type::kSyscall);
  return syscall != nullptr ? *syscall : records.front();
}

std::pmr::vector<std::string_view> RawEvent::TypeNames(std::pmr::memory_resource* memory) const {
  std::pmr::vector<std::string_view> names(memory);
  names.reserve(kUsualTypes);
  for (const RawRecord& record : records) {
    const std::string_view name = TypeName(record);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

}  // namespace tld
