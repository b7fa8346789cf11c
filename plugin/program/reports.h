// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "program/notice.h"
#include "program/output.h"
#include "program/pipeline.h"
#include "program/status.h"

namespace tld {

/// What the sensor tells: alerts of the rules, and what it says about itself, of which the rules
/// say what it is worth. Keeps a reference to the output. Times in ms are monotonic.
class Reports {
 public:
  explicit Reports(Output& output) : output_(output) {}

  /// Takes all that the pipeline has judged; alerts go out.
  void Take(const Pipeline::Outcome& outcome, std::int64_t now_ms);

  /// An event about ourselves, through the pipeline, which gives it to Take. Without a rule for it
  /// the notice says what it is worth. Text over 1,000 bytes is cut.
  void Raise(Notice notice, std::string_view text, Pipeline& pipeline, std::int64_t now_ms);

  std::uint64_t alerts() const { return alerts_; }  ///< of rules
  const Latency& latency() const { return latency_; }

 private:
  Output& output_;
  std::uint64_t alerts_ = 0;
  Latency latency_;
  bool raising_ = false;      // an event about ourselves is being judged
  bool judged_ = false;       // and the rules have the last word on it
  std::uint64_t raised_ = 0;  // events about ourselves
};

}  // namespace tld
