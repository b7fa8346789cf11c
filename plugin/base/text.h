// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Bytes and characters: what every format needs to know about hostile text. Depends on nothing.
namespace tld {

/// The character that starts a text. `size` is 0 where the bytes are no UTF-8 (RFC 3629: no
/// surrogates, no overlong forms, at most U+10FFFF).
struct Character {
  char32_t code = 0;
  std::size_t size = 0;
};
Character FirstCharacter(std::string_view text);

bool IsUtf8(std::string_view text);

/// The longest prefix of at most `limit` bytes that does not end inside a character.
std::string_view CutAtCharacter(std::string_view text, std::size_t limit);

/// True for a character that a terminal or log viewer may act on or hide: C0, DEL, C1, U+2028,
/// U+2029 and the bidirectional controls of UAX #9.
bool IsUnsafeToShow(char32_t code);

/// Appends `text` with all that is unsafe to show as \xNN or \uNNNN. The result holds no newline.
void AppendShown(std::string& out, std::string_view text);
std::string Shown(std::string_view text);

/// As AppendShown, and with `"` and `\` escaped by a backslash, for use between double quotes.
void AppendQuotedInner(std::string& out, std::string_view text);

/// Appends `text` as a JSON string with its quotes (RFC 8259). Bytes that are no UTF-8 become
/// U+FFFD; what is unsafe to show is written as \uNNNN, so that the line can go to a terminal.
void AppendJsonString(std::string& out, std::string_view text);
/// How many bytes of a text to keep so that AppendJsonString writes `excess` less of it: about so
/// many where the text is not all alike, and fewer than there are. 0 where that is not enough.
std::size_t ShorterInJson(std::string_view text, std::size_t excess);

/// Appends texts as a JSON array of strings.
template <class Texts>
void AppendJsonStrings(std::string& out, const Texts& texts) {
  out += '[';
  for (const std::string_view text : texts) {
    if (out.back() != '[') out += ',';
    AppendJsonString(out, text);
  }
  out += ']';
}

/// Appends `argument` so that a POSIX shell reads it back as one word; bytes are kept as they are.
void AppendShellQuoted(std::string& out, std::string_view argument);

/// Bytes of a text of hexadecimal digits; nothing if the length is odd or a digit is none.
std::optional<std::string> HexDecode(std::string_view hex);
/// The same behind what `out` has; false where there are none.
bool AppendHexDecoded(std::string& out, std::string_view hex);
std::string HexEncode(std::string_view bytes);

/// Decimal number of the whole text; nothing when a byte is no digit or the value does not fit.
std::optional<std::uint64_t> ParseNumber(std::string_view digits);
/// Takes the decimal number off the start of the text, of a longer one its first 19 digits; nothing
/// when no digit stands there.
std::optional<std::uint64_t> ConsumeNumber(std::string_view& text);

/// ASCII only: locale never changes what a rule means.
constexpr char AsciiLower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
namespace text_table {
inline constexpr auto kLower = [] {
  std::array<unsigned char, 256> lower{};
  for (std::size_t i = 0; i < lower.size(); ++i) {
    lower[i] = static_cast<unsigned char>(AsciiLower(static_cast<char>(i)));
  }
  return lower;
}();
}  // namespace text_table
/// The same as a number, by a table: for loops over long texts.
constexpr unsigned char LowerByte(char c) {
  return text_table::kLower[static_cast<unsigned char>(c)];
}
bool EqualsIgnoreCase(std::string_view a, std::string_view b);
std::string_view Trim(std::string_view text, std::string_view blanks = " \t\r\n");
/// Takes `prefix` off the start of the text; false where it does not stand there.
inline bool Consume(std::string_view& text, std::string_view prefix) {
  // Of a literal this becomes a comparison of numbers, where starts_with() is a call.
  if (text.size() < prefix.size() ||
      std::char_traits<char>::compare(text.data(), prefix.data(), prefix.size()) != 0) {
    return false;
  }
  text.remove_prefix(prefix.size());
  return true;
}

/// Eight bytes of a text as a number whose lowest byte is the first, for looks at all of them.
inline std::uint64_t LoadWord(const char* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return std::endian::native == std::endian::little ? word : __builtin_bswap64(word);
}
namespace text_word {
inline constexpr std::uint64_t kOnes = 0x0101010101010101;
inline constexpr std::uint64_t kHighs = kOnes * 0x80;
/// The high bit of the first byte that is `c`, and perhaps of some behind it.
constexpr std::uint64_t Is(std::uint64_t word, char c) {
  const std::uint64_t difference = word ^ (kOnes * static_cast<unsigned char>(c));
  return (difference - kOnes) & ~difference & kHighs;
}
/// Which byte the lowest of such bits belongs to. REQUIRES: there is one.
constexpr std::size_t First(std::uint64_t highs) {
  return static_cast<std::size_t>(std::countr_zero(highs)) / 8;
}
}  // namespace text_word

/// Where a byte stands first, or the size of the text. For what mostly stands near: its first bytes
/// are looked at here, where find() would be a call.
inline std::size_t FindNear(std::string_view text, char byte) {
  constexpr std::size_t kNear = 16;
  std::size_t at = 0;
  for (; at < kNear && at + 8 <= text.size(); at += 8) {
    const std::uint64_t found = text_word::Is(LoadWord(text.data() + at), byte);
    if (found != 0) return at + text_word::First(found);
  }
  if (at == kNear) return std::min(text.find(byte, at), text.size());
  while (at < text.size() && text[at] != byte) ++at;
  return at;
}

/// Parts between any of the separators; empty parts are left out.
std::vector<std::string_view> SplitWords(std::string_view text, std::string_view separators);

/// The part of a path after its last slash.
std::string_view BaseName(std::string_view path);

/// What is before it: as dirname(1), but that a slash at the end counts.
std::string DirectoryOf(std::string_view path);

}  // namespace tld
