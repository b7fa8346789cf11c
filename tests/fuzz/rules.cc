// SPDX-License-Identifier: Apache-2.0
// Any bytes as what an administrator writes: findings with places, never a crash.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "base/diagnostics.h"
#include "detect/compile.h"
#include "detect/lint.h"
#include "detect/list.h"
#include "detect/pattern.h"
#include "program/config.h"
#include "tests/detect/naive.h"
#include "tests/fuzz/targets.h"
#include "tests/support.h"

namespace tld {
namespace {

void CheckPlaces(const Diagnostics& diagnostics) {
  for (const Diagnostic& d : diagnostics.all()) {
    if (Render(d, true).empty() || RenderJson(d).empty() || d.line == 0 || d.column == 0) {
      std::abort();
    }
  }
}

}  // namespace

void FuzzRules(std::string_view bytes) {
  const std::vector<SourceText> files = {{"input", std::string(bytes)}};
  Diagnostics diagnostics;
  ListDirectories lists;
  lists.directories = {testing_support::Top() + "/lists"};
  const CompiledRules compiled = CompileRules(files, lists, diagnostics);
  const LintedRules rules{compiled.ruleset, compiled.definitions};
  LintTree(rules, diagnostics);
  LintConditions(rules, "", diagnostics);
  LintLists(rules, lists, diagnostics);
  CheckPlaces(diagnostics);
}

void FuzzList(std::string_view bytes) {
  const SourceText source{"input", std::string(bytes)};
  Diagnostics diagnostics;
  ReadListText(source, diagnostics, [&](const ListEntry& entry) {
    if (entry.key.empty() || entry.at.bytes > bytes.size()) std::abort();
  });
  CheckPlaces(diagnostics);
}

void FuzzConfig(std::string_view bytes) {
  const SourceText source{"input", std::string(bytes)};
  Diagnostics diagnostics;
  Config config;
  ReadConfigText(source, config, diagnostics);
  CheckPlaces(diagnostics);
}

void FuzzOsRegex(std::string_view bytes) {
  // The first line is the pattern, the rest what it is matched with. The naive matcher takes
  // exponential time.
  const std::size_t end = std::min(bytes.find('\n'), bytes.size());
  const std::string_view pattern = bytes.substr(0, std::min<std::size_t>(end, 12));
  const std::string_view subject = bytes.substr(std::min(end + 1, bytes.size())).substr(0, 12);
  static MatchScratch scratch;
  const auto expected = naive::MatchesOsRegex(pattern, subject);
  const Result<Pattern> compiled = Pattern::Compile(PatternKind::kOsRegex, pattern);
  if (static_cast<bool>(compiled) != expected.has_value()) std::abort();
  if (expected && compiled->Matches(subject, scratch) != *expected) std::abort();
}

}  // namespace tld
