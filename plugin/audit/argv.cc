// SPDX-License-Identifier: Apache-2.0
#include "audit/argv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <unordered_map>

#include "audit/record.h"
#include "base/reuse.h"
#include "base/text.h"

namespace tld {
namespace {

/// Room with which a text does not move when its string does.
constexpr std::size_t kStays = sizeof(std::string);

/// `aN` or `aN[P]`; whole arguments have no piece number.
struct Piece {
  std::uint32_t index = 0;
  std::uint32_t number = 0;
  bool whole = true;
  std::string_view value;
};

std::optional<std::uint32_t> SmallNumber(std::string_view digits) {
  const auto number = ParseNumber(digits);
  if (!number || *number > 0x7FFFFFFF) return {};
  return static_cast<std::uint32_t>(*number);
}

std::optional<Piece> ParsePiece(const RawField& field) {
  if (field.name.size() < 2 || field.name[0] != 'a') return {};
  std::string_view digits = field.name.substr(1);
  Piece piece;
  piece.value = field.value;
  const std::size_t bracket = digits.find('[');
  if (bracket != digits.npos) {
    if (digits.back() != ']') return {};
    const auto number = SmallNumber(digits.substr(bracket + 1, digits.size() - bracket - 2));
    if (!number) return {};
    piece.number = *number;
    piece.whole = false;
    digits = digits.substr(0, bracket);
  }
  const auto index = SmallNumber(digits);
  if (!index) return {};
  piece.index = *index;
  return piece;
}

/// How many bytes of the encoded form `aN_len` counts for this piece.
std::size_t EncodedSize(std::string_view value) {
  return value.starts_with('"') ? Unquote(value).size() : value.size();
}

/// The N of `aN_len`.
std::optional<std::uint32_t> LengthIndex(std::string_view name) {
  constexpr std::string_view kSuffix = "_len";
  if (!name.starts_with('a') || !name.ends_with(kSuffix)) return {};
  return SmallNumber(name.substr(1, name.size() - 1 - kSuffix.size()));
}

/// A value that the end of its record has cut: no closing quote, or half a byte.
bool IsCut(std::string_view value) {
  if (value.starts_with('"')) return value.size() < 2 || value.back() != '"';
  return value.size() % 2 == 1;
}

using Lengths = std::unordered_map<std::uint32_t, std::uint64_t>;

/// Takes all pieces of the next argument.
Argument JoinPieces(const std::vector<Piece>& pieces, std::size_t& at, const Lengths& lengths,
                    ArgumentList& list) {
  Argument argument;
  argument.index = pieces[at].index;
  std::uint32_t expected = 0;
  std::uint64_t encoded = 0;
  const std::size_t begin = list.decoded.size();
  for (; at < pieces.size() && pieces[at].index == argument.index; ++at) {
    const Piece& piece = pieces[at];
    if (piece.number < expected) continue;  // said twice: the first counts
    if (piece.number > expected) list.truncated = true;
    expected = piece.number + 1;
    if (IsCut(piece.value)) list.truncated = true;
    encoded += EncodedSize(piece.value);
    const bool alone = at + 1 == pieces.size() || pieces[at + 1].index != argument.index;
    if (piece.number == 0 && alone && piece.value.starts_with('"')) {
      argument.value = Unquote(piece.value);
    } else {
      AppendUntrusted(list.decoded, piece.value);
      argument.value = std::string_view(list.decoded).substr(begin);
    }
  }
  if (lengths.empty()) return argument;
  const auto length = lengths.find(argument.index);
  list.truncated |= length != lengths.end() && encoded < length->second;
  return argument;
}

/// Takes the arguments that stand at the start of the text, quoted and in order. Their names are
/// expected, not read: reading them is a third of the work where there are hundreds.
void TakeQuoted(std::string_view& body, ArgumentList& list) {
  constexpr std::size_t kDigits = std::numeric_limits<std::uint32_t>::digits10 + 1;
  std::array<char, kDigits + 3> name{'a'};
  for (auto next = static_cast<std::uint32_t>(list.arguments.size());; ++next) {
    std::string_view rest = body;
    while (Consume(rest, " ")) {
    }
    char* end = std::to_chars(&name[1], &name[1] + kDigits, next).ptr;
    *end++ = '=';
    *end++ = '"';
    // Byte by byte: what has just been written is not soon there to be read in one piece.
    const char* expected = name.data();
    while (expected != end && !rest.empty() && rest[0] == *expected) {
      rest.remove_prefix(1);
      ++expected;
    }
    if (expected != end) return;
    const std::size_t blank = FindNear(rest, ' ');
    if (blank == 0 || rest[blank - 1] != '"') return;
    Argument& argument = list.arguments.emplace_back();
    argument.index = next;
    argument.value = rest.substr(0, blank - 1);
    body = rest.substr(blank);
  }
}

/// The kernel's own form: one argument after the other, whole, or its pieces in order behind their
/// length. False where there is more to it.
bool ReadInOrder(std::span<const std::string_view> bodies, ArgumentList& list) {
  std::uint64_t left = 0;  // of the argument that comes in pieces, encoded
  std::uint32_t piece = 0;
  const auto decode = [&](std::string_view value) {
    const std::size_t begin = list.decoded.size();
    AppendUntrusted(list.decoded, value);
    return std::string_view(list.decoded).substr(begin);
  };
  for (std::string_view body : bodies) {
    for (RawField field; NextRawField(body, field);) {
      if (field.name == "argc" && list.argc.empty()) {
        list.argc = field.value;
        if (left == 0) TakeQuoted(body, list);
        continue;
      }
      if (field.name[0] != 'a') return false;
      const auto next = static_cast<std::uint32_t>(list.arguments.size());
      if (left == 0 && SmallNumber(field.name.substr(1)) == next) {
        if (IsCut(field.value)) return false;
        const bool quoted = field.value.starts_with('"');
        Argument& argument = list.arguments.emplace_back();
        argument.index = next;
        argument.value = quoted ? Unquote(field.value) : decode(field.value);
        continue;
      }
      if (left == 0) {
        if (LengthIndex(field.name) != next) return false;
        left = ParseNumber(field.value).value_or(0);
        piece = 0;
        if (left == 0) return false;
        continue;
      }
      const auto part = ParsePiece(field);
      if (!part || part->whole || part->number != piece || IsCut(part->value)) return false;
      if (part->index != (piece == 0 ? next : next - 1)) return false;
      if (EncodedSize(part->value) > left) return false;
      left -= EncodedSize(part->value);
      const std::string_view value = decode(part->value);
      if (piece++ == 0) {
        list.arguments.push_back({next, value});
      } else {
        std::string_view& whole = list.arguments.back().value;
        whole = {whole.data(), whole.size() + value.size()};
      }
    }
  }
  return left == 0;
}

/// Any form: out of order, said twice, cut.
void ReadPieces(std::span<const std::string_view> bodies, ArgumentList& list) {
  std::vector<Piece> pieces;
  Lengths lengths;
  for (std::string_view body : bodies) {
    for (RawField field; NextRawField(body, field);) {
      if (field.name == "argc" && list.argc.empty()) {
        list.argc = field.value;
      } else if (const auto index = LengthIndex(field.name)) {
        lengths.try_emplace(*index, ParseNumber(field.value).value_or(0));
      } else if (auto piece = ParsePiece(field)) {
        pieces.push_back(*piece);
      }
    }
  }
  const auto before = [](const Piece& a, const Piece& b) {
    return a.index != b.index ? a.index < b.index : a.number < b.number;
  };
  if (!std::is_sorted(pieces.begin(), pieces.end(), before)) {
    std::stable_sort(pieces.begin(), pieces.end(), before);
  }
  list.arguments.reserve(pieces.size());
  for (std::size_t at = 0; at < pieces.size();) {
    list.arguments.push_back(JoinPieces(pieces, at, lengths, list));
  }
}

void WriteCommandLine(ArgumentList& list) {
  constexpr std::size_t kAround = 3;  // quotes and a blank
  std::size_t size = kStays;
  for (const Argument& argument : list.arguments) size += argument.value.size() + kAround;
  list.command_line.reserve(size);
  for (const Argument& argument : list.arguments) {
    if (!list.command_line.empty()) list.command_line += ' ';
    AppendShellQuoted(list.command_line, argument.value);
  }
}

}  // namespace

void ArgumentList::Clear() {
  argc = {};
  ClearForReuse(arguments);
  truncated = false;
  ClearForReuse(decoded);
  ClearForReuse(command_line);
}

void DecodeArguments(std::span<const std::string_view> bodies, ArgumentList& list) {
  // A value is no longer than it is encoded: `decoded` keeps its place, and so do the views into
  // it.
  std::size_t most = kStays;
  for (const std::string_view body : bodies) most += body.size();
  list.decoded.reserve(most);
  if (!ReadInOrder(bodies, list)) {
    list.argc = {};
    list.arguments.clear();
    list.decoded.clear();  // its room stays
    ReadPieces(bodies, list);
  }
  if (const auto argc = ParseNumber(list.argc)) {
    list.truncated |= *argc > list.arguments.size();
  }
  WriteCommandLine(list);
}

}  // namespace tld
