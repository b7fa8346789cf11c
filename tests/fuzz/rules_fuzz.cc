// SPDX-License-Identifier: Apache-2.0
// Any bytes as a rule file, a list and a settings file: findings with places, never a crash.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/diagnostics.h"
#include "detect/compile.h"
#include "detect/list.h"
#include "detect/pattern.h"
#include "program/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const tld::SourceText source{"input", std::string(reinterpret_cast<const char*>(data), size)};
  tld::Diagnostics diagnostics;
  tld::ListDirectories lists;
  lists.directories = {"lists"};
  tld::CompileRules({source}, lists, diagnostics);
  tld::ReadListText(source, diagnostics, [](const tld::ListEntry&) {});
  tld::Config config;
  tld::ReadConfigText(source, config, diagnostics);
  for (const tld::Diagnostic& d : diagnostics.all()) {
    if (tld::Render(d, true).empty() || d.line == 0 || d.column == 0) std::abort();
  }
  // What a translation accepts, PCRE2 must accept.
  if (size < 200) {
    const auto translated = tld::TranslateOsRegex(source.text);
    if (translated && !tld::Regex::Compile(*translated, tld::Regex::Case::kIgnored)) std::abort();
  }
  return 0;
}
