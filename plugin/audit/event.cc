// SPDX-License-Identifier: Apache-2.0
#include "audit/event.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kFewFields = 16;
constexpr std::size_t kFirstBlock = 4096;  // holds the values of an ordinary exec event
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

Event::Event(RawEvent raw)
    : raw_(std::move(raw)),
      bytes_(std::make_unique<std::pmr::monotonic_buffer_resource>(kFirstBlock)) {
  fields_.reserve(64);
}

std::string_view Event::Keep(std::string_view bytes) {
  if (bytes.empty()) return {};
  char* copy = static_cast<char*>(bytes_->allocate(bytes.size(), 1));
  std::memcpy(copy, bytes.data(), bytes.size());
  return {copy, bytes.size()};
}

void Event::Add(std::string_view name, std::string_view value) {
  fields_.push_back({name, Keep(value), FieldIdOf(name)});
}

void Event::AddView(FieldId id, std::string_view value) {
  fields_.push_back({kFieldNames[id], value, id});
}

void Event::AddNamed(std::string_view name, std::string_view value) { Add(Keep(name), value); }

void Event::SetArguments(ArgumentList list) { list_ = std::move(list); }

/// Known names by counting, since their numbers are in the order of names.
void Event::SortByName() {
  std::array<std::uint32_t, kKnownFields + 1> places{};
  for (const Field& field : fields_) ++places[field.id + 1U];
  const std::size_t others = places[kOtherField + 1];
  for (std::size_t id = 1; id < places.size(); ++id) places[id] += places[id - 1];
  std::vector<Field> sorted(fields_.size());
  sorted.reserve(fields_.capacity());
  for (const Field& field : fields_) sorted[places[field.id]++] = field;
  fields_.swap(sorted);
  has_others_ = others > 0;
  if (!has_others_) return;
  // All names are in lower case: the parser's own, and those that it takes from records.
  const auto less = [](const Field& a, const Field& b) { return a.name < b.name; };
  const auto known = fields_.begin() + static_cast<std::ptrdiff_t>(others);
  std::stable_sort(fields_.begin(), known, less);
  std::inplace_merge(fields_.begin(), known, fields_.end(), less);
}

/// Few fields, behind many that are in order. The numbers of known names are in the order of names.
void Event::MergeByName() {
  const auto less = [](const Field& a, const Field& b) {
    return a.id != kOtherField && b.id != kOtherField ? a.id < b.id : a.name < b.name;
  };
  const auto first_new = fields_.begin() + static_cast<std::ptrdiff_t>(sealed_);
  std::array<Field, kFewFields> fresh;
  auto end = std::copy(first_new, fields_.end(), fresh.begin());
  for (auto field = fresh.begin(); field != end; ++field) {
    has_others_ |= field->id == kOtherField;
    std::rotate(std::upper_bound(fresh.begin(), field, *field, less), field, field + 1);
  }
  // From the back: what is new goes behind what is equal to it.
  auto old = first_new;
  for (auto place = fields_.end(); end != fresh.begin();) {
    const bool take_old = old != fields_.begin() && less(*(end - 1), *(old - 1));
    *--place = take_old ? *--old : *--end;
  }
}

void Event::Seal() {
  if (sealed_ > 0 && fields_.size() - sealed_ <= kFewFields) {
    MergeByName();
  } else {
    SortByName();
  }
  sealed_ = fields_.size();
  ranges_ = {};
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    Range& range = ranges_[fields_[i].id];
    if (range.count++ == 0) range.begin = static_cast<std::uint32_t>(i);
  }
}

std::span<const Field> Event::FindKnown(FieldId id) const {
  return {fields_.data() + ranges_[id].begin, ranges_[id].count};
}

std::span<const Field> Event::FindOther(std::string_view lower_name) const {
  if (!has_others_) return {};
  const auto first =
      std::lower_bound(fields_.begin(), fields_.end(), lower_name,
                       [](const Field& field, std::string_view name) { return field.name < name; });
  auto last = first;
  while (last != fields_.end() && last->name == lower_name) ++last;
  return {first, last};
}

std::span<const Field> Event::Find(std::string_view lower_name) const {
  const FieldId id = FieldIdOf(lower_name);
  return id != kOtherField ? FindKnown(id) : FindOther(lower_name);
}

std::span<const Field> Event::Find(const FieldName& name) const {
  return name.id() != kOtherField ? FindKnown(name.id()) : FindOther(name.text());
}

std::string_view Event::First(std::string_view lower_name) const {
  const auto values = Find(lower_name);
  return values.empty() ? std::string_view() : values.front().value;
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
