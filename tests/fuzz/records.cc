// SPDX-License-Identifier: Apache-2.0
// Any bytes as input of the pipeline, live and offline: no crash, bounded memory, safe output.
#include <cstdlib>
#include <memory>
#include <string_view>

#include "alert/format.h"
#include "base/text.h"
#include "program/pipeline.h"
#include "tests/fuzz/targets.h"
#include "tests/support.h"

namespace tld {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void Judge(std::string_view bytes, Grouper::Mode mode,
           const std::shared_ptr<const Policy>& policy) {
  Pipeline::Options options;
  options.mode = mode;
  options.prefilter = false;
  Pipeline pipeline(options, policy, [&](const Pipeline::Outcome& outcome) {
    if (outcome.rule == nullptr) return;
    const Alert alert = outcome.ToAlert();
    for (const Format format : {Format::kText, Format::kJson, Format::kCef}) {
      const std::string line = FormatAlert(format, alert, {}, kSyslogLimit);
      Require(line.size() <= kSyslogLimit);
      Require(IsUtf8(line) && Shown(line) == line);
    }
  });
  pipeline.Feed(bytes, 0);
  pipeline.Finish(0);
}

}  // namespace

void FuzzRecords(std::string_view bytes) {
  static const std::shared_ptr<const Policy> kPolicy = testing_support::TestPolicy::Shipped();
  Judge(bytes, Grouper::Mode::kLive, kPolicy);
  Judge(bytes, Grouper::Mode::kOffline, kPolicy);
}

}  // namespace tld
