// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "audit/raw_event.h"
#include "audit/whole_event.h"
#include "detect/engine.h"
#include "detect/ruleset.h"

namespace tld {

/// Knows from the types of an event's records and its keys alone, before it is parsed, which rules
/// could hold on it, and whether any of them could be an answer above level 0. Conservative: "no"
/// is certain, "yes" is not. The conditions on `audit.type`, `audit.record_type` and `audit.key`
/// are decided, all others taken to hold. What it found for a kind of events it remembers, so that
/// neither an event nor its evaluation costs more for rules that cannot apply.
class Prefilter {
 public:
  /// Keeps a reference to the ruleset.
  explicit Prefilter(const Ruleset& ruleset) : ruleset_(ruleset) {}

  /// Valid until the next call.
  const Candidates& For(const RawEvent& event, MatchScratch& scratch);

  /// True where For has been asked for an event of this kind, and no rule could answer.
  bool IsKnownSilent(const WholeEvent& event);

 private:
  // Both write kind_.
  template <class Records, class NameOf>
  void NameTypes(std::string_view main_type, const Records& records, NameOf&& name_of);
  void AddKeys(std::string_view body);

  static constexpr std::size_t kMostKinds = 256;  // types and keys may come from an attacker
  static constexpr std::size_t kMostNameBytes = 512;

  const Ruleset& ruleset_;
  std::string kind_;  // of the event at hand: the names of its types, and its keys as they stand
  std::unordered_map<std::string, Candidates> kinds_;
  Candidates other_;  // of a kind with too long a name
};

}  // namespace tld
