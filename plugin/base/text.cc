// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace tld {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

bool IsContinuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

void AppendHexByte(std::string& out, unsigned char byte) {
  out += kHexDigits[byte >> 4];
  out += kHexDigits[byte & 15];
}

void AppendU(std::string& out, char32_t code) {
  out += "\\u";
  AppendHexByte(out, static_cast<unsigned char>(code >> 8));
  AppendHexByte(out, static_cast<unsigned char>(code));
}

/// The value of each byte as a hexadecimal digit; of those that are none, one with a high bit.
constexpr unsigned char kNoHexDigit = 0x80;
constexpr auto kHexValues = [] {
  std::array<unsigned char, 256> values{};
  values.fill(kNoHexDigit);
  for (unsigned char digit = 0; digit < 16; ++digit) {
    const char c = kHexDigits[digit];
    values[static_cast<unsigned char>(c)] = digit;
    if (c >= 'a') values[static_cast<unsigned char>(c - 'a' + 'A')] = digit;
  }
  return values;
}();

/// Decimal digits that fit into 64 bits whatever they are.
constexpr std::size_t kSureDigits = 19;

/// How many bytes at the start are printable ASCII, quote and backslash left out: most of what is
/// ever shown. Looks at eight bytes at a time.
std::size_t PlainBytes(std::string_view text) {
  using namespace text_word;
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    const std::uint64_t word = LoadWord(text.data() + at);
    const std::uint64_t low = (word - kOnes * 0x20) & ~word;
    const std::uint64_t others =
        ((word | low) & kHighs) | Is(word, '"') | Is(word, '\\') | Is(word, 0x7F);
    if (others != 0) return at + First(others);
  }
  for (; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c < 0x20 || c >= 0x7F || c == '"' || c == '\\') break;
  }
  return at;
}

/// Appends the plain bytes at the start of the text and takes them off it.
void AppendPlain(std::string& out, std::string_view& text) {
  const std::size_t size = PlainBytes(text);
  out.append(text.data(), size);
  text.remove_prefix(size);
}

/// Shows one character or one bad byte, and returns how many bytes it took.
std::size_t AppendShownCharacter(std::string& out, std::string_view text) {
  const Character c = FirstCharacter(text);
  if (c.size == 0 || (c.code < 0x100 && IsUnsafeToShow(c.code))) {
    for (std::size_t i = 0; i < std::max<std::size_t>(c.size, 1); ++i) {
      out += "\\x";
      AppendHexByte(out, static_cast<unsigned char>(text[i]));
    }
  } else if (IsUnsafeToShow(c.code)) {
    AppendU(out, c.code);
  } else {
    out += text.substr(0, c.size);
  }
  return std::max<std::size_t>(c.size, 1);
}

}  // namespace

Character FirstCharacter(std::string_view text) {
  if (text.empty()) return {};
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return {};
  char32_t code = lead & (0xFFu >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if (!IsContinuation(byte(i))) return {};
    code = (code << 6) | (byte(i) & 0x3Fu);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[size] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {code, size};
}

bool IsUtf8(std::string_view text) {
  while (true) {
    text.remove_prefix(PlainBytes(text));
    if (text.empty()) return true;
    const std::size_t size = FirstCharacter(text).size;
    if (size == 0) return false;
    text.remove_prefix(size);
  }
}

std::string_view CutAtCharacter(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text;
  std::size_t end = limit;
  // A character has at most three continuation bytes; more are no UTF-8 and may be cut anywhere.
  while (end > 0 && limit - end < 3 && IsContinuation(static_cast<unsigned char>(text[end]))) --end;
  if (IsContinuation(static_cast<unsigned char>(text[end]))) end = limit;
  return text.substr(0, end);
}

bool IsUnsafeToShow(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x2028 || c == 0x2029 || c == 0x061C ||
         c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

void AppendShown(std::string& out, std::string_view text) {
  while (true) {
    AppendPlain(out, text);
    if (text.empty()) return;
    text.remove_prefix(AppendShownCharacter(out, text));
  }
}

std::string Shown(std::string_view text) {
  std::string out;
  AppendShown(out, text);
  return out;
}

void AppendQuotedInner(std::string& out, std::string_view text) {
  while (true) {
    AppendPlain(out, text);
    if (text.empty()) return;
    if (text[0] == '"' || text[0] == '\\') out += '\\';
    text.remove_prefix(AppendShownCharacter(out, text));
  }
}

void AppendJsonString(std::string& out, std::string_view text) {
  out += '"';
  for (AppendPlain(out, text); !text.empty(); AppendPlain(out, text)) {
    const Character c = FirstCharacter(text);
    if (c.size == 0) {
      out += "\\ufffd";
    } else if (c.code == '"' || c.code == '\\') {
      out += '\\';
      out += text[0];
    } else if (c.code == '\n') {
      out += "\\n";
    } else if (c.code == '\t') {
      out += "\\t";
    } else if (IsUnsafeToShow(c.code)) {
      AppendU(out, c.code);
    } else {
      out += text.substr(0, c.size);
    }
    text.remove_prefix(std::max<std::size_t>(c.size, 1));
  }
  out += '"';
}

std::size_t ShorterInJson(std::string_view text, std::size_t excess) {
  const std::string_view end = text.substr(text.size() - std::min(text.size(), excess));
  std::string written;
  AppendJsonString(written, end);
  const std::size_t gained = written.size() - 2;  // without the quotes
  return text.size() - (gained > excess ? end.size() * excess / gained + 1 : end.size());
}

void AppendShellQuoted(std::string& out, std::string_view argument) {
  static constexpr auto kPlain = [] {
    std::array<bool, 256> plain{};
    for (const char c : std::string_view(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+,=")) {
      plain[static_cast<unsigned char>(c)] = true;
    }
    return plain;
  }();
  const bool all_plain = std::all_of(argument.begin(), argument.end(),
                                     [](char c) { return kPlain[static_cast<unsigned char>(c)]; });
  if (!argument.empty() && all_plain) {
    out += argument;
    return;
  }
  out += '\'';
  for (std::size_t quote; (quote = argument.find('\'')) != argument.npos;) {
    out += argument.substr(0, quote);
    out += "'\\''";
    argument.remove_prefix(quote + 1);
  }
  out += argument;
  out += '\'';
}

bool AppendHexDecoded(std::string& out, std::string_view hex) {
  if (hex.size() % 2 != 0) return false;
  const std::size_t before = out.size();
  out.resize(before + hex.size() / 2);
  char* byte = out.data() + before;
  std::size_t i = 0;
  // Blocks of one size, each step over all of one: so the compiler makes vectors of them.
  std::array<unsigned char, 32> block;
  unsigned char wrong = 0;
  for (; i + block.size() <= hex.size(); i += block.size()) {
    for (std::size_t j = 0; j < block.size(); ++j) {
      const auto c = static_cast<unsigned char>(hex[i + j]);
      const auto digit = static_cast<unsigned char>(c - '0');
      const auto letter = static_cast<unsigned char>((c | 0x20) - 'a');
      wrong |= static_cast<unsigned char>((digit > 9) & (letter > 5));
      block[j] = digit <= 9 ? digit : static_cast<unsigned char>(letter + 10);
    }
    for (std::size_t j = 0; j < block.size(); j += 2) {
      *byte++ = static_cast<char>(block[j] << 4 | block[j + 1]);
    }
  }
  for (; i < hex.size(); i += 2) {
    const unsigned char high = kHexValues[static_cast<unsigned char>(hex[i])];
    const unsigned char low = kHexValues[static_cast<unsigned char>(hex[i + 1])];
    wrong |= (high | low) & kNoHexDigit;
    *byte++ = static_cast<char>(high << 4 | low);
  }
  if (wrong == 0) return true;
  out.resize(before);
  return false;
}

std::optional<std::string> HexDecode(std::string_view hex) {
  std::string bytes;
  if (!AppendHexDecoded(bytes, hex)) return {};
  return bytes;
}

std::string HexEncode(std::string_view bytes) {
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const char c : bytes) AppendHexByte(hex, static_cast<unsigned char>(c));
  return hex;
}

std::optional<std::uint64_t> ConsumeNumber(std::string_view& text) {
  const auto digit = [](char c) { return static_cast<unsigned>(c) - '0'; };
  const std::string_view most = text.substr(0, kSureDigits);
  std::uint64_t number = 0;
  const char* at = most.begin();
  for (; at != most.end() && digit(*at) <= 9; ++at) number = number * 10 + digit(*at);
  if (at == most.begin()) return {};
  text.remove_prefix(static_cast<std::size_t>(at - most.begin()));
  return number;
}

std::optional<std::uint64_t> ParseNumber(std::string_view digits) {
  if (digits.size() <= kSureDigits) {
    const auto number = ConsumeNumber(digits);
    return digits.empty() ? number : std::nullopt;
  }
  std::uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  if (digits[0] < '0' || digits[0] > '9') return {};
  const auto [last, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || last != end) return {};
  return value;
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return AsciiLower(x) == AsciiLower(y); });
}

std::string_view Trim(std::string_view text, std::string_view blanks) {
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::vector<std::string_view> SplitWords(std::string_view text, std::string_view separators) {
  const auto separates = [&](char c) {
    for (const char separator : separators) {
      if (c == separator) return true;
    }
    return false;
  };
  std::vector<std::string_view> words;
  for (auto begin = text.begin();;) {
    begin = std::find_if_not(begin, text.end(), separates);
    if (begin == text.end()) return words;
    const auto end = std::find_if(begin, text.end(), separates);
    words.emplace_back(begin, end);
    begin = end;
  }
}

std::string_view BaseName(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == path.npos ? path : path.substr(slash + 1);
}

std::string DirectoryOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == path.npos) return ".";
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

}  // namespace tld
