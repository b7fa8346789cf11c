// SPDX-License-Identifier: Apache-2.0
#include "detect/literals.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/text.h"
#include "detect/osmatch.h"

namespace tld {
namespace {

constexpr std::size_t kKnownBytes = 4;

/// Four bytes of a text, or two, in the order of this machine.
template <class Number>
Number Bytes(std::string_view text, std::size_t at) {
  Number bytes = 0;
  std::memcpy(&bytes, text.data() + at, sizeof bytes);
  return bytes;
}

/// How often a value is looked at for these two bytes, roughly. They share their place in
/// LiteralSet::begins_ with those whose second byte differs in its high bits.
std::size_t Looks(std::string_view two) {
  std::size_t looks = 0;
  for (const int other : {0, 0x20, 0x40, 0x60}) {
    const std::array<char, 2> both{two[0], static_cast<char>(two[1] ^ other)};
    looks += Commonness({both.data(), both.size()});
  }
  return looks;
}

/// All four bytes in lower case: one is upper case where adding carries into its high bit from 'A'
/// on, but not yet behind 'Z'.
std::uint32_t LowerFour(std::uint32_t four) {
  constexpr std::uint32_t kOnes = 0x01010101;
  constexpr std::uint32_t kHighs = kOnes * 0x80;
  const std::uint32_t low = four & ~kHighs;
  const std::uint32_t upper =
      (low + kOnes * (0x80 - 'A')) & ~(low + kOnes * (0x7F - 'Z')) & ~four & kHighs;
  return four | upper >> 2;
}

}  // namespace

std::size_t LiteralSet::Place(std::uint32_t four) const { return four * 0x9E3779B1U >> shift_; }

std::size_t LiteralSet::Begin(std::string_view text, std::size_t at) {
  return Bytes<std::uint16_t>(text, at) % kBegins;
}

std::size_t LiteralSet::ShortPlace(std::uint32_t two) {
  return (two * 0x9E3779B1U >> 16) % kShortPlaces;
}

void LiteralSet::Add(const std::vector<std::string>& literals, LiteralNumber number) {
  for (const std::string& text : literals) literals_.push_back({text, number});
}

void LiteralSet::Build() {
  if (literals_.empty()) return;
  // A text is looked at wherever two bytes stand that some literal is known by: the fewer and the
  // rarer such pairs, the better. Those with the least choice first.
  std::stable_sort(literals_.begin(), literals_.end(), [](const Literal& a, const Literal& b) {
    return a.text.size() < b.text.size();
  });
  std::unordered_map<std::uint32_t, std::size_t> uses;
  for (const Literal& literal : literals_) {
    for (std::size_t at = 0; at + kKnownBytes <= literal.text.size(); ++at) {
      ++uses[Bytes<std::uint32_t>(literal.text, at)];
    }
  }
  const int bits = std::max(static_cast<int>(std::bit_width(literals_.size())) + 2, 10);
  shift_ = 32 - bits;
  first_.assign(std::size_t{1} << bits, 0);
  first_short_.assign(kShortPlaces, 0);
  begins_.assign(kBegins, 0);
  for (std::size_t i = 0; i < literals_.size(); ++i) {
    Literal& literal = literals_[i];
    const bool is_short = literal.text.size() < kKnownBytes;
    // Those that share their four bytes are compared one by one where these stand: that is seldom,
    // but there may be hundreds.
    const auto price = [&](std::size_t at) {
      const std::size_t shared = uses[Bytes<std::uint32_t>(literal.text, at)];
      const bool looked_at = begins_[Begin(literal.text, at)] != 0;
      return shared * shared +
             (looked_at ? 0 : Looks(std::string_view(literal.text).substr(at, 2)));
    };
    for (std::size_t at = 1; at + kKnownBytes <= literal.text.size(); ++at) {
      if (price(at) < price(literal.known_at)) literal.known_at = at;
    }
    std::uint32_t& first =
        is_short ? first_short_[ShortPlace(Bytes<std::uint16_t>(literal.text, 0))]
                 : first_[Place(Bytes<std::uint32_t>(literal.text, literal.known_at))];
    SetBegins(std::string_view(literal.text).substr(is_short ? 0 : literal.known_at, 2));
    literal.next = std::exchange(first, static_cast<std::uint32_t>(i + 1));
  }
}

/// `two` is in lower case; a value may have either.
void LiteralSet::SetBegins(std::string_view two) {
  const auto upper = [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  };
  for (const char first : {two[0], upper(two[0])}) {
    for (const char second : {two[1], upper(two[1])}) {
      const std::array<char, 2> both{first, second};
      begins_[Begin({both.data(), both.size()}, 0)] = 1;
    }
  }
}

void LiteralSet::AddWhole(const std::vector<std::string>& literals, LiteralNumber number) {
  for (const std::string& text : literals) {
    whole_[text].push_back(number);
    longest_whole_ = std::max(longest_whole_, text.size());
  }
}

void LiteralSet::Find(const Event& event, FoundLiterals& found) const {
  event.Any(field_, [&](std::string_view value) {
    if (!whole_.empty()) FindWhole(value, found);
    if (!literals_.empty()) FindParts(value, found);
    return false;
  });
}

void LiteralSet::FindWhole(std::string_view value, FoundLiterals& found) const {
  if (value.size() > longest_whole_) return;
  std::string lower(value);
  std::transform(lower.begin(), lower.end(), lower.begin(), AsciiLower);
  const auto numbers = whole_.find(lower);
  if (numbers == whole_.end()) return;
  for (const LiteralNumber number : numbers->second) found[number] = 1;
}

void LiteralSet::FindParts(std::string_view value, FoundLiterals& found) const {
  const auto begins = [&value, places = begins_.data()](std::size_t at) {
    return places[Begin(value, at)];
  };
  std::size_t at = 0;
  // At most places nothing begins: four of them are left with one jump.
  for (; at + 5 <= value.size(); at += 4) {
    if ((begins(at) | begins(at + 1) | begins(at + 2) | begins(at + 3)) == 0) continue;
    for (std::size_t i = at; i < at + 4; ++i) {
      if (begins(i) != 0) LookAt(value, i, found);
    }
  }
  for (; at + 2 <= value.size(); ++at) {
    if (begins(at) != 0) LookAt(value, at, found);
  }
}

/// For the literals whose known bytes stand at a place of the value.
void LiteralSet::LookAt(std::string_view value, std::size_t at, FoundLiterals& found) const {
  std::array<char, kKnownBytes> bytes{};
  value.copy(bytes.data(), bytes.size(), at);
  const std::uint32_t four = LowerFour(std::bit_cast<std::uint32_t>(bytes));
  const auto two = std::bit_cast<std::array<std::uint16_t, 2>>(four)[0];
  if (const std::uint32_t by_two = first_short_[ShortPlace(two)]; by_two != 0) {
    Look(by_two, value, at, found);
  }
  if (const std::uint32_t by_four = first_[Place(four)]; by_four != 0) {
    Look(by_four, value, at, found);
  }
}

/// Whether the literals of a place stand where their known bytes do, `known`.
void LiteralSet::Look(std::uint32_t at, std::string_view value, std::size_t known,
                      FoundLiterals& found) const {
  while (at != 0) {
    const Literal& literal = literals_[at - 1];
    at = literal.next;
    if (found[literal.number] != 0 || known < literal.known_at) continue;
    const std::string_view here = value.substr(known - literal.known_at, literal.text.size());
    if (EqualsIgnoreCase(here, literal.text)) found[literal.number] = 1;
  }
}

LiteralNumber Literals::Add(const FieldName& field, const std::vector<std::string>& literals,
                            bool whole) {
  std::string key = field.text() + (whole ? '=' : '~');
  for (const std::string& text : literals) (key += text) += '|';  // no literal holds one
  const auto next = static_cast<LiteralNumber>(number_of_.size() + 1);
  const auto [number, is_new] = number_of_.try_emplace(std::move(key), next);
  if (!is_new) return number->second;
  const auto [set, first] = set_of_.try_emplace(field.text(), sets_.size());
  if (first) sets_.emplace_back(field);
  if (whole) {
    sets_[set->second].AddWhole(literals, next);
  } else {
    sets_[set->second].Add(literals, next);
  }
  return next;
}

void Literals::Build() {
  for (LiteralSet& set : sets_) set.Build();
}

const std::pmr::vector<LiteralNumber>& LiteralHits::Numbers() {
  if (!numbers_.empty()) return numbers_;
  const std::string_view marks(Found().data(), Found().size());
  for (std::size_t at = 0; (at = marks.find('\1', at)) != marks.npos; ++at) {
    numbers_.push_back(static_cast<LiteralNumber>(at));
  }
  return numbers_;
}

FoundLiterals Literals::Find(const Event& event, std::pmr::memory_resource* memory) const {
  FoundLiterals found(number_of_.size() + 1, memory);
  found[0] = 1;
  for (const LiteralSet& set : sets_) set.Find(event, found);
  return found;
}

}  // namespace tld
