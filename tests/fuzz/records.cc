// SPDX-License-Identifier: Apache-2.0
// Any bytes as input of the pipeline, live and offline: no crash, bounded memory, safe output,
// which is the same whatever pieces the input comes in, and with the prefilter.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

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

struct Judged {
  std::string alerts;
  std::uint64_t evicted = 0;  // an event that stands whole evicts none
};

/// The input comes whole, or a line at a time, so that no event stands whole in it.
Judged Judge(std::string_view bytes, const Pipeline::Options& options, bool by_line,
             const std::shared_ptr<const Policy>& policy) {
  std::string alerts;
  Pipeline pipeline(options, policy, [&](const Pipeline::Outcome& outcome) {
    if (!outcome.IsAlert()) return;
    const Alert alert = outcome.ToAlert();
    for (const Format format : {Format::kText, Format::kJson, Format::kCef}) {
      const std::string line = FormatAlert(format, alert, {}, kSyslogLimit);
      Require(line.size() <= kSyslogLimit);
      Require(IsUtf8(line) && Shown(line) == line);
      (alerts += line) += '\n';
    }
  });
  while (!bytes.empty()) {
    const std::size_t size =
        by_line ? std::min(bytes.find('\n'), bytes.size() - 1) + 1 : bytes.size();
    pipeline.Feed(bytes.substr(0, size), 0);
    bytes.remove_prefix(size);
  }
  pipeline.Finish(0);
  return {std::move(alerts), pipeline.group_counters().evicted};
}

}  // namespace

void FuzzRecords(std::string_view bytes) {
  static const std::shared_ptr<const Policy> kPolicy = testing_support::TestPolicy::Shipped();
  for (const Grouper::Mode mode : {Grouper::Mode::kLive, Grouper::Mode::kOffline}) {
    Pipeline::Options options;
    options.mode = mode;
    const Judged whole = Judge(bytes, options, false, kPolicy);
    options.prefilter = false;
    const Judged unfiltered = Judge(bytes, options, false, kPolicy);
    const Judged by_line = Judge(bytes, options, true, kPolicy);
    if (whole.evicted + unfiltered.evicted + by_line.evicted > 0) continue;
    Require(unfiltered.alerts == whole.alerts);
    Require(by_line.alerts == whole.alerts);
  }
}

}  // namespace tld
