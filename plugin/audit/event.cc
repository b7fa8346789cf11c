// SPDX-License-Identifier: Apache-2.0
#include "audit/event.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/reuse.h"
#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kUsualFields = 128;
constexpr std::string_view kArgumentPrefix = "audit.execve.a";

}  // namespace

FieldName::FieldName(std::string_view name) : text_(name) {
  std::transform(text_.begin(), text_.end(), text_.begin(), AsciiLower);
  id_ = FieldIdOf(text_);
  if (!text_.starts_with(kArgumentPrefix)) return;
  const std::string_view digits = std::string_view(text_).substr(kArgumentPrefix.size());
  const auto number = ParseNumber(digits);
  const bool canonical = digits.size() == 1 || !digits.starts_with('0');
  if (!number || *number > UINT32_MAX || !canonical) return;
  is_argument_ = true;
  argument_ = static_cast<std::uint32_t>(*number);
}

Event::Event(RawEvent raw) : raw_(std::move(raw)), bytes_(std::make_unique<Bytes>()) {
  fields_.reserve(kUsualFields);
}

void Event::Begin(RawEvent& raw) {
  std::swap(raw_, raw);
  bytes_->arena.release();
  ClearForReuse(fields_);
  chains_ = {};
  list_.Clear();
}

std::string_view Event::Keep(std::string_view bytes) {
  if (bytes.empty()) return {};
  char* copy = static_cast<char*>(bytes_->arena.allocate(bytes.size(), 1));
  std::memcpy(copy, bytes.data(), bytes.size());
  return {copy, bytes.size()};
}

std::size_t Event::ChainOf(FieldId id, std::string_view name) {
  return id != kOtherField ? id : kKnownFields + field_id::Hash(name) % kOtherChains;
}

void Event::Append(FieldId id, std::string_view name, std::string_view value) {
  // In place: a copy of what was written a moment ago, in other portions, waits for the writes.
  Field& field = fields_.emplace_back();
  field.name = name;
  field.value = value;
  field.id = id;
  const auto place = static_cast<std::uint32_t>(fields_.size());
  Chain& chain = chains_[ChainOf(id, name)];
  (chain.first == 0 ? chain.first : fields_[chain.last - 1].next) = place;
  chain.last = place;
}

void Event::Add(KnownField field, std::string_view value) { AddView(field, Keep(value)); }

void Event::AddView(KnownField field, std::string_view value) {
  Append(field.id, kFieldNames[field.id], value);
}

void Event::AddNamed(std::string_view name, std::string_view value) {
  const FieldId id = FieldIdOf(name);
  Append(id, id != kOtherField ? kFieldNames[id] : Keep(name), Keep(value));
}

std::vector<Field> Event::SortedFields() const {
  std::vector<Field> sorted = fields_;
  // The numbers of known names are in the order of names.
  std::stable_sort(sorted.begin(), sorted.end(), [](const Field& a, const Field& b) {
    return a.id != kOtherField && b.id != kOtherField ? a.id < b.id : a.name < b.name;
  });
  return sorted;
}

FieldRange Event::FindNamed(std::string_view lower_name) const {
  const FieldId id = FieldIdOf(lower_name);
  const std::string_view told_apart_by = id == kOtherField ? lower_name : std::string_view();
  return {fields_.data(), chains_[ChainOf(id, lower_name)].first, told_apart_by};
}

std::string_view Event::First(const FieldName& name) const {
  if (!name.is_argument()) {
    const auto values = Find(name);
    return values.empty() ? std::string_view() : values.front().value;
  }
  const Argument* argument = FindArgument(name.argument());
  return argument == nullptr ? std::string_view() : argument->value;
}

bool Event::Has(const FieldName& name) const {
  return Any(name, [](std::string_view) { return true; });
}

const Argument* Event::FindArgument(std::uint32_t index) const {
  const auto found = std::lower_bound(
      arguments().begin(), arguments().end(), index,
      [](const Argument& argument, std::uint32_t i) { return argument.index < i; });
  return found != arguments().end() && found->index == index ? &*found : nullptr;
}

}  // namespace tld
