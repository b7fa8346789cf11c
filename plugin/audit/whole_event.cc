// SPDX-License-Identifier: Apache-2.0
#include "audit/whole_event.h"

#include "audit/line_reader.h"
#include "base/text.h"

namespace tld {
namespace {

constexpr std::string_view kFirst = "type=SYSCALL ";
constexpr std::string_view kFirstName = "SYSCALL";  // UNKNOWN[1300] is another
constexpr std::string_view kTag = "type=";

/// The next line, which must be complete and no longer than one may be.
std::optional<std::string_view> NextLine(std::string_view& input) {
  const std::size_t newline = input.find('\n');
  if (newline == input.npos || newline > LineReader::kLiveLimit) return {};
  const std::string_view line = input.substr(0, newline);
  input.remove_prefix(newline + 1);
  return line;
}

}  // namespace

bool ReadWholeEvent(std::string_view input, WholeEvent& event) {
  std::string_view rest = input;
  // Without a node nearly all lines that begin no event are told by this.
  if (!rest.starts_with(kFirst) && !rest.starts_with("node=")) return false;
  const auto first = NextLine(rest);
  if (!first) return false;
  const auto header = ParseHeader(*first);
  if (!header || header->type_name != kFirstName) return false;
  event.header = *header;
  event.body = first->substr(header->body_begin);
  event.body = event.body.substr(0, EnrichmentBegin(event.body, header->type));
  event.records.clear();
  event.records.push_back(header->At(*first));
  event.lines = 1;
  // What all its records have before and behind the type.
  const std::string_view node = first->substr(0, header->type_begin);
  const std::size_t stamp_begin = header->type_begin + kFirst.size();
  const std::size_t stamp_end =
      static_cast<std::size_t>(header->stamp.data() - first->data()) + header->stamp.size() + 2;
  const std::string_view stamp = first->substr(stamp_begin, stamp_end - stamp_begin);
  while (true) {
    const auto line = NextLine(rest);
    if (!line) return false;
    std::string_view text = *line;
    if (!Consume(text, node) || !Consume(text, kTag)) return false;
    const std::size_t blank = FindNear(text, ' ');
    if (blank == text.size()) return false;
    const std::string_view name = text.substr(0, blank);
    text.remove_prefix(blank + 1);
    const int type = FrequentType(name);
    if (!Consume(text, stamp) || type == 0) return false;
    ++event.lines;
    Consume(text, " ");
    if (type == record_type::kEoe && text.empty()) break;
    if (type == record_type::kEoe || event.records.size() == WholeEvent::kMostRecords) return false;
    event.records.push_back({*line, name, type, header->type_begin, line->size() - text.size()});
  }
  event.bytes = input.size() - rest.size();
  return true;
}

}  // namespace tld
