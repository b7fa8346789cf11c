// SPDX-License-Identifier: Apache-2.0
// AppendData of alert/format.h: an event's fields as nested JSON.
#include <algorithm>
#include <array>
#include <deque>
#include <span>
#include <vector>

#include "alert/format.h"
#include "base/text.h"

namespace tld {
namespace {

constexpr std::string_view kCommandLine = "audit.execve.cmdline";
constexpr std::string_view kArgumentGroup = "audit.execve.";

/// One value. Those of a name stand together, in the order of names.
struct Member {
  std::string_view name;
  std::string_view value;

  operator std::string_view() const { return value; }  // NOLINT: an element of an array
};

/// What members point to that is not the event's.
using Texts = std::deque<std::string>;

std::string_view Limited(std::string_view name, std::string_view value, const DataLimits& limits) {
  if (name == kCommandLine) return CutAtCharacter(value, limits.command_line);
  if (value.size() <= std::min(limits.identity, limits.value)) return value;
  return CutAtCharacter(value, IsIdentityField(name) ? limits.identity : limits.value);
}

/// The arguments take their place in the order of names.
void AddArguments(std::vector<Member>& members, const Event& event, const DataLimits& limits,
                  Texts& texts) {
  const std::size_t count = std::min(limits.arguments, event.arguments().size());
  const auto place = std::find_if(members.begin(), members.end(), [](const Member& m) {
    return m.name.substr(0, kArgumentGroup.size()) >= kArgumentGroup;
  });
  std::vector<Member> arguments;
  arguments.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Argument& argument = event.arguments()[i];
    if (argument.value.empty()) continue;
    texts.push_back("audit.execve.a" + std::to_string(argument.index));
    arguments.push_back({texts.back(), CutAtCharacter(argument.value, limits.value)});
  }
  members.insert(place, arguments.begin(), arguments.end());
}

std::vector<Member> Collect(const Event& event, const DataLimits& limits, Texts& texts) {
  std::vector<Member> members;
  members.reserve(event.fields().size() + event.arguments().size());
  std::size_t same = 0;  // values of the last name
  for (const Field& field : event.SortedFields()) {
    if (field.value.empty() || (limits.identity_only && !IsIdentityField(field.name))) continue;
    const std::string_view value = Limited(field.name, field.value, limits);
    if (value.empty()) continue;
    same = !members.empty() && members.back().name == field.name ? same + 1 : 1;
    if (same <= limits.values) members.push_back({field.name, value});
  }
  AddArguments(members, event, limits, texts);
  return members;
}

/// Adds, for each name, the exact bytes of its first value that is no UTF-8.
void AddRawHex(std::vector<Member>& members, const DataLimits& limits, Texts& texts) {
  constexpr std::string_view kPrefix = "audit.";
  std::vector<Member> raw;
  std::string_view done;  // the last name that has them
  for (const Member& member : members) {
    if (member.name == done || IsUtf8(member.value) || !member.name.starts_with(kPrefix)) continue;
    if (member.name == kCommandLine && !limits.command_line_hex) continue;
    done = member.name;
    const std::string& name =
        texts.emplace_back("audit.raw_hex." + std::string(member.name.substr(kPrefix.size())));
    raw.push_back({name, texts.emplace_back(HexEncode(member.value))});
  }
  const auto place = std::find_if(members.begin(), members.end(),
                                  [](const Member& m) { return m.name > "audit.raw_hex"; });
  members.insert(place, raw.begin(), raw.end());
}

/// Writes the objects that names stand in: `audit` and `file` for `audit.file.name`.
class Nesting {
 public:
  explicit Nesting(std::string& out) : out_(out) { out_ += '{'; }

  void GoTo(std::string_view objects) {
    if (objects != at_) Reopen(objects);
    if (out_.back() != '{') out_ += ',';
  }
  void End() { out_.append(open_.size() + 1, '}'); }

 private:
  void Reopen(std::string_view objects) {
    at_ = objects;
    std::size_t common = 0;
    while (common < open_.size() && !objects.empty() && open_[common] == Part(objects)) {
      Drop(objects);
      ++common;
    }
    for (; open_.size() > common; open_.pop_back()) out_ += '}';
    while (!objects.empty()) {
      if (out_.back() != '{') out_ += ',';
      open_.push_back(Part(objects));
      AppendJsonString(out_, open_.back());
      out_ += ":{";
      Drop(objects);
    }
  }
  static std::string_view Part(std::string_view name) { return name.substr(0, name.find('.')); }
  static void Drop(std::string_view& name) {
    name.remove_prefix(std::min(Part(name).size() + 1, name.size()));
  }

  std::string& out_;
  std::string_view at_;
  std::vector<std::string_view> open_;  // outermost first
};

}  // namespace

bool IsIdentityField(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames = {"audit.exe",     "audit.program", "audit.key",
                                                      "audit.command", "audit.auid",    "audit.uid",
                                                      "audit.id",      "audit.node"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

void AppendData(std::string& out, const Event& event, const DataLimits& limits) {
  Texts texts;
  std::vector<Member> members = Collect(event, limits, texts);
  if (limits.raw_hex) AddRawHex(members, limits, texts);
  Nesting nesting(out);
  for (auto member = members.begin(); member != members.end();) {
    const std::string_view name = member->name;
    const std::size_t last = name.rfind('.') + 1;  // 0 where there is none
    nesting.GoTo(name.substr(0, last == 0 ? 0 : last - 1));
    AppendJsonString(out, name.substr(last));
    out += ':';
    const auto next = std::find_if(member, members.end(),
                                   [&](const Member& other) { return other.name != name; });
    if (next - member == 1) {
      AppendJsonString(out, member->value);
    } else {
      AppendJsonStrings(out, std::span(member, next));
    }
    member = next;
  }
  nesting.End();
}

}  // namespace tld
