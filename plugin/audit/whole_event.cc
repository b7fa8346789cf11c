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

std::optional<WholeEvent> ReadWholeEvent(std::string_view input, HeaderReader& headers) {
  std::string_view rest = input;
  // Without a node nearly all lines that begin no event are told by this.
  if (!rest.starts_with(kFirst) && !rest.starts_with("node=")) return {};
  const auto first = NextLine(rest);
  if (!first) return {};
  const auto header = headers.Read(*first);
  if (!header || header->type_name != kFirstName) return {};
  WholeEvent event;
  event.header = *header;
  event.body = first->substr(header->body_begin);
  event.body = event.body.substr(0, EnrichmentBegin(event.body, header->type));
  event.type_names[event.records++] = header->type_name;
  event.lines = 1;
  // What all its records have before and behind the type.
  const std::string_view node = first->substr(0, header->type_begin);
  const std::size_t stamp_begin = header->type_begin + kFirst.size();
  const std::size_t stamp_end =
      static_cast<std::size_t>(header->stamp.data() - first->data()) + header->stamp.size() + 2;
  const std::string_view stamp = first->substr(stamp_begin, stamp_end - stamp_begin);
  while (true) {
    const auto line = NextLine(rest);
    if (!line) return {};
    std::string_view text = *line;
    if (!Consume(text, node) || !Consume(text, kTag)) return {};
    const std::size_t blank = text.find(' ');
    if (blank == text.npos || !text.substr(blank + 1).starts_with(stamp)) return {};
    const std::string_view name = text.substr(0, blank);
    const int type = FrequentType(name);
    if (type == 0) return {};
    ++event.lines;
    if (type == record_type::kEoe) break;
    if (event.records == WholeEvent::kMostRecords) return {};
    event.type_names[event.records++] = name;
  }
  event.bytes = input.size() - rest.size();
  return event;
}

}  // namespace tld
