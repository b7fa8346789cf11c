// SPDX-License-Identifier: Apache-2.0
// LintLists of lint.h.
#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/os.h"
#include "base/text.h"
#include "detect/lint.h"

namespace tld {
namespace {

constexpr std::size_t kMostValues = 1000;     // values are few, or they are no classes
constexpr std::size_t kTextLimit = 64 << 20;  // a longer text is no hand's work
constexpr std::size_t kNamedValues = 3;

/// What rules ask a list for.
struct Asked {
  bool any_value = false;  // a rule is content with the key
  std::vector<OsMatch> values;

  bool For(std::string_view value) const {
    return any_value || std::any_of(values.begin(), values.end(),
                                    [&](const OsMatch& pattern) { return pattern.Matches(value); });
  }
};

Asked AskedOf(const LintedRules& rules, std::string_view name) {
  Asked asked;
  for (const RuleDefinition& d : rules.definitions) {
    for (const ListDefinition& list : d.lists) {
      if (ListName(list.path.text) != std::string(name)) continue;
      if (list.check_value) {
        asked.values.emplace_back(list.check_value->text);
      } else {
        asked.any_value = true;
      }
    }
  }
  return asked;
}

class ListLint {
 public:
  ListLint(const LintedRules& rules, const ListDirectories& where, Diagnostics& diagnostics)
      : rules_(rules), where_(where), diagnostics_(diagnostics) {}

  void Run() {
    for (const RuleDefinition& d : rules_.definitions) {
      for (const ListDefinition& list : d.lists) {
        if (list.check_value) LintValue(d, list);
      }
    }
    for (const List& list : rules_.ruleset.lists) LintEntries(list.name());
    for (const std::string& name : ListNames(where_)) {
      if (Find(name) == nullptr) TellUnused(name);
    }
  }

 private:
  const List* Find(std::string_view name) const {
    for (const List& list : rules_.ruleset.lists) {
      if (list.name() == name) return &list;
    }
    return nullptr;
  }

  /// `red` also holds on `infrared`, and a colour that no entry has holds on none.
  void LintValue(const RuleDefinition& d, const ListDefinition& definition) {
    const auto name = ListName(definition.path.text);
    const List* list = name ? Find(*name) : nullptr;
    const Placed& value = *definition.check_value;
    if (list == nullptr || value.text.empty()) return;
    std::set<std::string> values;
    list->ForEach([&](std::string_view, std::string_view of) {
      values.emplace(of);
      return values.size() < kMostValues;
    });
    if (values.size() == kMostValues) return;
    const OsMatch pattern(value.text);
    std::vector<std::string> unintended;
    std::size_t met = 0;
    for (const std::string& of : values) {
      if (!pattern.Matches(of)) continue;
      ++met;
      if (!IsMeant(value.text, of)) unintended.push_back(of);
    }
    if (met == 0) {
      Tell(d, value.at, "no-such-value", "no entry of the list '" + *name + "' has such a value");
    }
    if (met > 1 && !unintended.empty()) {
      std::string names;
      for (std::size_t i = 0; i < std::min(unintended.size(), kNamedValues); ++i) {
        names += (i == 0 ? "'" : ", '") + unintended[i] + '\'';
      }
      if (unintended.size() > kNamedValues) names += " and others";
      Tell(d, value.at, "loose-value",
           "this also holds on the value " + names + " of the list; write ^" + value.text + "$");
    }
  }

  /// A value that stands in the pattern, or that an anchor asks for.
  static bool IsMeant(std::string_view pattern, std::string_view value) {
    if (pattern.starts_with('!')) return true;
    for (const std::string_view alternative : SplitWords(pattern, "|")) {
      if (alternative.starts_with('^') || alternative.ends_with('$')) {
        if (OsMatch(alternative).Matches(value)) return true;
      } else if (EqualsIgnoreCase(alternative, value)) {
        return true;
      }
    }
    return false;
  }

  /// True when all look-ups of the list are by the field that the kernel cuts.
  bool IsByCommandAlone(std::string_view name) const {
    bool any = false;
    for (const RuleDefinition& d : rules_.definitions) {
      for (const ListDefinition& list : d.lists) {
        if (ListName(list.path.text) != std::string(name)) continue;
        if (!EqualsIgnoreCase(list.field, "audit.command")) return false;
        any = true;
      }
    }
    return any;
  }

  void LintEntries(std::string_view name) {
    const bool by_command = IsByCommandAlone(name);
    const Asked asked = AskedOf(rules_, name);
    if (!by_command && asked.any_value) return;
    for (const std::string& path : FindListSources(where_, name).texts) {
      Result<std::string> text = ReadFile(path, kTextLimit, where_.trust);
      if (!text) continue;
      const SourceText source{path, *std::move(text)};
      Few too_long;
      Few unasked;
      Diagnostics told;  // when the list was opened
      ReadListText(source, told, [&](const ListEntry& entry) {
        if (by_command && entry.key.size() > kCommBytes) too_long.Add(entry);
        if (!asked.For(entry.value)) unasked.Add(entry);
      });
      TellOf(
          source, too_long, "long-key",
          " is never found: rules look the list up by audit.command alone, which the kernel cuts "
          "after 15 bytes; use audit.program");
      const std::string value =
          unasked.value.empty() ? "no value" : "the value '" + unasked.value + '\'';
      TellOf(source, unasked, "unasked-value",
             " has " + value + ", which no rule asks this list for");
    }
  }

  /// Entries of one kind: the first, and how many.
  struct Few {
    std::size_t count = 0;
    Offset first;
    std::string key;
    std::string value;

    void Add(const ListEntry& entry) {
      if (++count > 1) return;
      first = entry.at;
      key = entry.key;
      value = entry.value;
    }
  };

  void TellOf(const SourceText& source, const Few& entries, std::string_view code,
              const std::string& what) {
    if (entries.count == 0) return;
    std::string text = '\'' + entries.key + '\'';
    if (entries.count > 1) text += " (and " + std::to_string(entries.count - 1) + " more)";
    diagnostics_.Add(source, entries.first, {Severity::kLint, code, text + what});
  }

  void TellUnused(const std::string& name) {
    const ListSources sources = FindListSources(where_, name);
    const std::string& path = sources.texts.empty() ? sources.ready : sources.texts.front();
    diagnostics_.AddFile(path, {Severity::kLint, "unused-list", "no rule uses this list"});
  }

  void Tell(const RuleDefinition& d, Offset at, std::string_view code, std::string message) {
    diagnostics_.Add(*d.source, at, {Severity::kLint, code, std::move(message), d.id});
  }

  const LintedRules& rules_;
  const ListDirectories& where_;
  Diagnostics& diagnostics_;
};

}  // namespace

bool IsAskedFor(const LintedRules& rules, std::string_view list, std::string_view value) {
  return AskedOf(rules, list).For(value);
}

void LintLists(const LintedRules& rules, const ListDirectories& where, Diagnostics& diagnostics) {
  ListLint(rules, where, diagnostics).Run();
}

}  // namespace tld
