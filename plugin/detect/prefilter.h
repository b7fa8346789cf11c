// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "audit/grouper.h"
#include "detect/engine.h"
#include "detect/ruleset.h"

namespace tld {

/// Says from the types of an event's records and its keys alone, before it is parsed, whether any
/// rule above level 0 could answer it. Conservative: "no" is certain, "yes" is not. It walks the
/// tree as the engine does, with the conditions on `audit.type`, `audit.record_type` and
/// `audit.key` decided and all others taken to hold.
class Prefilter {
 public:
  /// Keeps a reference to the ruleset.
  explicit Prefilter(const Ruleset& ruleset) : ruleset_(ruleset) {}

  bool MayAnswer(const RawEvent& event, MatchScratch& scratch);

 private:
  static constexpr std::size_t kCacheEntries = 4096;  // types and keys may come from an attacker
  static constexpr std::size_t kMemoBytes = 512;

  bool Walk(const Event& known, MatchScratch& scratch) const;

  const Ruleset& ruleset_;
  std::unordered_map<std::string, bool> cache_;
};

}  // namespace tld
