// SPDX-License-Identifier: Apache-2.0
// Any bytes as input of the pipeline, live and offline: no crash, bounded memory, safe output.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "alert/format.h"
#include "base/text.h"
#include "detect/engine.h"
#include "program/pipeline.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

std::shared_ptr<const tld::Policy> Shipped() {
  tld::PolicySource source;
  source.config_file = "conf/tld-audisp.conf";
  source.rule_paths = {"rules/detect", "conf"};
  source.list_directories = {"lists"};
  return tld::LoadPolicy(source, 1).policy;
}

void Judge(std::string_view bytes, tld::Grouper::Mode mode,
           const std::shared_ptr<const tld::Policy>& policy) {
  tld::Pipeline::Options options;
  options.mode = mode;
  options.prefilter = false;
  tld::Pipeline pipeline(options, policy, [&](const tld::Pipeline::Outcome& outcome) {
    if (!outcome.answer) return;
    tld::Alert alert;
    alert.rule = &policy->ruleset.rules[outcome.answer->rule];
    alert.event = &outcome.event;
    alert.description = tld::Describe(*alert.rule, outcome.event);
    alert.time_us = outcome.event.id().TimeMs() * 1000;
    for (const tld::Format format : {tld::Format::kText, tld::Format::kJson, tld::Format::kCef}) {
      const std::string line = tld::FormatAlert(format, alert, {}, tld::kSyslogLimit);
      Require(line.size() <= tld::kSyslogLimit);
      Require(tld::IsUtf8(line) && tld::Shown(line) == line);
    }
  });
  pipeline.Feed(bytes, 0);
  pipeline.Finish(0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::shared_ptr<const tld::Policy> kPolicy = Shipped();
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Judge(bytes, tld::Grouper::Mode::kLive, kPolicy);
  Judge(bytes, tld::Grouper::Mode::kOffline, kPolicy);
  return 0;
}
