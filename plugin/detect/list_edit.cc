// SPDX-License-Identifier: Apache-2.0
#include "detect/list_edit.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/diagnostics.h"
#include "base/text.h"
#include "detect/list.h"

namespace tld {
namespace {

struct Line {
  std::size_t begin = 0;
  std::size_t end = 0;  // behind the newline
};

/// The lines on which the key stands.
std::vector<Line> FindLines(std::string_view text, std::string_view key) {
  const SourceText source{"", std::string(text)};
  Diagnostics ignored;
  std::vector<Line> lines;
  ReadListText(source, ignored, [&](const ListEntry& entry) {
    if (entry.key != key) return;
    const std::size_t at = entry.at.bytes;
    const std::size_t before = at == 0 ? text.npos : text.rfind('\n', at - 1);
    const std::size_t newline = text.find('\n', at);
    lines.push_back(
        {before == text.npos ? 0 : before + 1, newline == text.npos ? text.size() : newline + 1});
  });
  return lines;
}

std::string Written(std::string_view word, bool is_key) {
  const bool plain = Trim(word) == word && !word.starts_with('"') &&
                     !(is_key && (word.starts_with('#') || word.find(':') != word.npos));
  return plain ? std::string(word) : '"' + std::string(word) + '"';
}

/// What the format gives back for a line of ours.
bool ReadsBack(std::string_view line, std::string_view key, std::string_view value) {
  const SourceText source{"", std::string(line)};
  Diagnostics problems;
  std::size_t entries = 0;
  bool same = false;
  ReadListText(source, problems, [&](const ListEntry& entry) {
    ++entries;
    same = entry.key == key && entry.value == value;
  });
  return same && entries == 1 && problems.all().empty();
}

}  // namespace

Result<std::string> SetListEntry(std::string_view text, std::string_view key,
                                 std::string_view value) {
  std::string line = Written(key, true);
  if (!value.empty()) line += ':' + Written(value, false);
  line += '\n';
  if (!ReadsBack(line, key, value)) return Error{"a list cannot hold this key or value"};
  const std::vector<Line> lines = FindLines(text, key);
  std::string out(text);
  if (!lines.empty()) {
    out.replace(lines[0].begin, lines[0].end - lines[0].begin, line);
    return out;
  }
  if (!out.empty() && out.back() != '\n') out += '\n';
  return out + line;
}

std::string RemoveListEntry(std::string_view text, std::string_view key) {
  std::string out(text);
  std::vector<Line> lines = FindLines(text, key);
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    out.erase(line->begin, line->end - line->begin);
  }
  return out;
}

bool HasListEntry(std::string_view text, std::string_view key) {
  return !FindLines(text, key).empty();
}

}  // namespace tld
