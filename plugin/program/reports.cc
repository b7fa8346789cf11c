// SPDX-License-Identifier: Apache-2.0
#include "program/reports.h"

#include <algorithm>

#include "audit/own_event.h"
#include "base/os.h"
#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kNoticeBytes = 1000;

/// Whether the rules have the last word on a report about ourselves, also when that is silence.
/// They do not where there are none for such events, or none for this one, as after a fault in
/// their file.
bool FollowsRules(const Pipeline::Outcome& outcome) {
  const Ruleset& ruleset = outcome.policy.ruleset;
  const bool has_root =
      std::any_of(ruleset.own_roots.rules.begin(), ruleset.own_roots.rules.end(),
                  [&](std::size_t root) { return ruleset.rules[root].id == kHealthRoot; });
  return has_root && (outcome.rule == nullptr || outcome.rule->id != kHealthRoot);
}

}  // namespace

void Reports::Take(const Pipeline::Outcome& outcome, std::int64_t now_ms) {
  if (raising_) judged_ = FollowsRules(outcome);
  if (!outcome.IsAlert()) return;
  ++alerts_;
  Alert alert = outcome.ToAlert();
  alert.ingested_us = static_cast<std::int64_t>(outcome.event.raw().first_line_at_us);
  alert.latency_us = std::max<std::int64_t>(RealtimeUs() - alert.time_us, 0);
  alert.location = raising_ ? "tld-audisp" : "auditd";
  if (!raising_) latency_.Add(alert.latency_us);
  output_.Send(alert, now_ms);
}

void Reports::Raise(Notice notice, std::string_view text, Pipeline& pipeline, std::int64_t now_ms) {
  text = CutAtCharacter(text, kNoticeBytes);
  raising_ = true;
  judged_ = false;
  pipeline.TakeOwn(MakeHealthEvent(NoticeWord(notice), text, RealtimeUs(), ++raised_));
  raising_ = false;
  if (judged_) return;
  Alert alert;
  alert.rule = &NoticeRule(notice);
  alert.description = Shown(text);
  alert.fired_times = 1;
  alert.policy = pipeline.policy().generation;
  alert.time_us = RealtimeUs();
  alert.location = "tld-audisp";
  output_.Send(alert, now_ms);
}

}  // namespace tld
