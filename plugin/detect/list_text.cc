// SPDX-License-Identifier: Apache-2.0
// ReadListText of detect/list.h.
#include <algorithm>

#include "base/text.h"
#include "detect/list.h"

namespace tld {
namespace {

constexpr std::size_t kLineLimit = 64 * 1024;
constexpr std::string_view kBlanks = " \t";

struct LineError {
  std::string_view message;
  std::size_t column = 0;  // from 0
};

/// The text between the quote at `line[at]` and the next one; `at` moves behind it.
std::optional<std::string_view> TakeQuoted(std::string_view line, std::size_t& at) {
  const std::size_t close = line.find('"', at + 1);
  if (close == line.npos) return {};
  const std::string_view text = line.substr(at + 1, close - at - 1);
  at = close + 1;
  return text;
}

std::size_t SkipBlanks(std::string_view line, std::size_t at) {
  return std::min(line.find_first_not_of(kBlanks, at), line.size());
}

std::optional<LineError> ParseValue(std::string_view line, std::size_t at, ListEntry& entry) {
  at = SkipBlanks(line, at);
  if (at == line.size() || line[at] != '"') {
    entry.value = Trim(line.substr(at), kBlanks);
    return {};
  }
  const std::size_t open = at;
  const auto value = TakeQuoted(line, at);
  if (!value) return LineError{"the quote is never closed", open};
  entry.value = *value;
  at = SkipBlanks(line, at);
  if (at != line.size()) return LineError{"text after the closing quote", at};
  return {};
}

std::optional<LineError> ParseLine(std::string_view line, std::size_t at, ListEntry& entry) {
  if (line[at] == '"') {
    const std::size_t open = at;
    const auto key = TakeQuoted(line, at);
    if (!key) return LineError{"the quote is never closed", open};
    entry.key = *key;
    at = SkipBlanks(line, at);
    if (at < line.size() && line[at] != ':') return LineError{"expected ':' after the key", at};
  } else {
    const std::size_t colon = std::min(line.find(':', at), line.size());
    entry.key = Trim(line.substr(at, colon - at), kBlanks);
    at = colon;
  }
  if (entry.key.empty()) return LineError{"the key is empty", at};
  entry.value = {};
  return at < line.size() ? ParseValue(line, at + 1, entry) : std::nullopt;
}

}  // namespace

void ReadListText(const SourceText& source, Diagnostics& diagnostics,
                  const std::function<void(const ListEntry&)>& take) {
  const std::string_view text = source.text;
  const auto fail = [&](std::size_t at, std::string_view message) {
    diagnostics.Add(source, Offset{at}, {Severity::kError, "bad-list-line", std::string(message)});
  };
  const std::size_t start = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;  // a byte order mark
  for (std::size_t begin = start; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t first = SkipBlanks(line, 0);
    if (line.size() > kLineLimit) {
      fail(begin, "the line is longer than 65536 bytes");
    } else if (const std::size_t nul = line.find('\0'); nul != line.npos) {
      fail(begin + nul, "the line holds a NUL byte");
    } else if (first < line.size() && line[first] != '#') {
      ListEntry entry;
      entry.at = Offset{begin + first};
      if (const auto error = ParseLine(line, first, entry)) {
        fail(begin + error->column, error->message);
      } else {
        take(entry);
      }
    }
    begin = end + 1;
  }
}

}  // namespace tld
