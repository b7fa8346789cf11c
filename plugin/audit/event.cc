// SPDX-License-Identifier: Apache-2.0
#include "audit/event.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kFirstBlock = 4096;  // holds the values of an ordinary exec event
constexpr std::string_view kArgumentPrefix = "audit.execve.a";

/// Names in `fields` may have any case; the other side is lower case already.
int CompareName(std::string_view name, std::string_view lower) {
  const std::size_t common = std::min(name.size(), lower.size());
  for (std::size_t i = 0; i < common; ++i) {
    const int difference =
        static_cast<unsigned char>(AsciiLower(name[i])) - static_cast<unsigned char>(lower[i]);
    if (difference != 0) return difference;
  }
  return name.size() < lower.size() ? -1 : name.size() > lower.size() ? 1 : 0;
}

bool NameLess(std::string_view a, std::string_view b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return static_cast<unsigned char>(AsciiLower(x)) < static_cast<unsigned char>(AsciiLower(y));
  });
}

}  // namespace

FieldName::FieldName(std::string_view name) : text_(name) {
  std::transform(text_.begin(), text_.end(), text_.begin(), AsciiLower);
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
  fields_.push_back({name, Keep(value)});
}

void Event::AddNamed(std::string_view name, std::string_view value) { Add(Keep(name), value); }

void Event::SetArguments(ArgumentList list) { arguments_ = std::move(list.arguments); }

void Event::Seal() {
  std::stable_sort(fields_.begin(), fields_.end(),
                   [](const Field& a, const Field& b) { return NameLess(a.name, b.name); });
}

std::span<const Field> Event::Find(std::string_view lower_name) const {
  const auto first = std::lower_bound(
      fields_.begin(), fields_.end(), lower_name,
      [](const Field& field, std::string_view name) { return CompareName(field.name, name) < 0; });
  auto last = first;
  while (last != fields_.end() && CompareName(last->name, lower_name) == 0) ++last;
  return {first, last};
}

std::string_view Event::First(std::string_view lower_name) const {
  const auto values = Find(lower_name);
  return values.empty() ? std::string_view() : values.front().value;
}

std::string_view Event::First(const FieldName& name) const {
  if (!name.is_argument()) return First(name.text());
  const Argument* argument = FindArgument(name.argument());
  return argument == nullptr ? std::string_view() : argument->value;
}

bool Event::Has(const FieldName& name) const {
  return Any(name, [](std::string_view) { return true; });
}

const Argument* Event::FindArgument(std::uint32_t index) const {
  const auto found = std::lower_bound(
      arguments_.begin(), arguments_.end(), index,
      [](const Argument& argument, std::uint32_t i) { return argument.index < i; });
  return found != arguments_.end() && found->index == index ? &*found : nullptr;
}

}  // namespace tld
