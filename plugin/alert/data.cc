// SPDX-License-Identifier: Apache-2.0
// AppendData of alert/format.h: an event's fields as nested JSON.
#include <algorithm>
#include <array>
#include <deque>
#include <vector>

#include "alert/format.h"
#include "base/text.h"

namespace tld {
namespace {

constexpr std::string_view kCommandLine = "audit.execve.cmdline";
constexpr std::string_view kArgumentGroup = "audit.execve.";

/// One name with its values, in the order of names.
struct Member {
  std::string_view name;
  std::vector<std::string_view> values;
};

std::string_view Limited(std::string_view name, std::string_view value, const DataLimits& limits) {
  if (name == kCommandLine) return CutAtCharacter(value, limits.command_line);
  return CutAtCharacter(value, IsIdentityField(name) ? limits.identity : limits.value);
}

/// Fields of one name joined; the arguments take their place in the order of names.
std::vector<Member> Collect(const Event& event, const DataLimits& limits,
                            std::deque<std::string>& names) {
  std::vector<Member> members;
  members.reserve(event.fields().size() + event.arguments().size());
  for (const Field& field : event.fields()) {
    if (field.value.empty() || (limits.identity_only && !IsIdentityField(field.name))) continue;
    const std::string_view value = Limited(field.name, field.value, limits);
    if (value.empty()) continue;
    if (members.empty() || members.back().name != field.name) members.push_back({field.name, {}});
    if (members.back().values.size() < limits.values) members.back().values.push_back(value);
  }
  const std::size_t count = std::min(limits.arguments, event.arguments().size());
  const auto place = std::find_if(members.begin(), members.end(), [](const Member& m) {
    return m.name.substr(0, kArgumentGroup.size()) >= kArgumentGroup;
  });
  std::vector<Member> arguments;
  for (std::size_t i = 0; i < count; ++i) {
    const Argument& argument = event.arguments()[i];
    if (argument.value.empty()) continue;
    names.push_back("audit.execve.a" + std::to_string(argument.index));
    arguments.push_back({names.back(), {CutAtCharacter(argument.value, limits.value)}});
  }
  members.insert(place, arguments.begin(), arguments.end());
  return members;
}

/// Adds the exact bytes of every value that is no UTF-8.
void AddRawHex(std::vector<Member>& members, std::deque<std::string>& names,
               std::deque<std::string>& values) {
  constexpr std::string_view kPrefix = "audit.";
  std::vector<Member> raw;
  for (const Member& member : members) {
    const auto bad = [](std::string_view value) { return !IsUtf8(value); };
    const auto first = std::find_if(member.values.begin(), member.values.end(), bad);
    if (first == member.values.end() || !member.name.starts_with(kPrefix)) continue;
    names.push_back("audit.raw_hex." + std::string(member.name.substr(kPrefix.size())));
    values.push_back(HexEncode(*first));
    raw.push_back({names.back(), {values.back()}});
  }
  const auto place = std::find_if(members.begin(), members.end(),
                                  [](const Member& m) { return m.name > "audit.raw_hex"; });
  members.insert(place, raw.begin(), raw.end());
}

void AppendValues(std::string& out, const std::vector<std::string_view>& values) {
  if (values.size() == 1) {
    AppendJsonString(out, values[0]);
    return;
  }
  AppendJsonStrings(out, values);
}

}  // namespace

bool IsIdentityField(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames = {"audit.exe",     "audit.program", "audit.key",
                                                      "audit.command", "audit.auid",    "audit.uid",
                                                      "audit.id",      "audit.node"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

void AppendData(std::string& out, const Event& event, const DataLimits& limits) {
  std::deque<std::string> names;  // that members point to
  std::deque<std::string> values;
  std::vector<Member> members = Collect(event, limits, names);
  if (limits.raw_hex) AddRawHex(members, names, values);
  std::vector<std::string_view> open;  // objects that are open, outermost first
  std::vector<std::string_view> parts;  // of a name
  out += '{';
  for (const Member& member : members) {
    parts.clear();  // SplitWords would take memory for each name
    for (std::size_t at = 0; at <= member.name.size(); at += parts.back().size() + 1) {
      parts.push_back(member.name.substr(at, member.name.find('.', at) - at));
    }
    std::size_t common = 0;
    while (common < open.size() && common + 1 < parts.size() && open[common] == parts[common]) {
      ++common;
    }
    for (; open.size() > common; open.pop_back()) out += '}';
    if (out.back() != '{') out += ',';
    for (; open.size() + 1 < parts.size(); open.push_back(parts[open.size()])) {
      AppendJsonString(out, parts[open.size()]);
      out += ":{";
    }
    AppendJsonString(out, parts.back());
    out += ':';
    AppendValues(out, member.values);
  }
  out.append(open.size() + 1, '}');
}

}  // namespace tld
