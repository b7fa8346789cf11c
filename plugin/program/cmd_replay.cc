// SPDX-License-Identifier: Apache-2.0
// tldctl replay
#include <algorithm>
#include <cstdio>
#include <map>

#include "alert/format.h"
#include "base/text.h"
#include "program/command.h"
#include "program/log_input.h"
#include "program/pipeline.h"

namespace tld {
namespace {

class Replay {
 public:
  Replay(const CommonOptions& common, const ReplayOptions& options)
      : common_(common), options_(options), loaded_(LoadPolicy(common.Source(), 1)) {
    sender_.host = loaded_.policy->host;
    sender_.agent_id = loaded_.policy->config.agent_id;
  }

  int Run() {
    Print(loaded_.diagnostics, common_, false);
    Pipeline pipeline({}, loaded_.policy,
                      [&](const Pipeline::Outcome& outcome) { Take(outcome, pipeline); });
    Progress progress("replay", TotalSize(options_.files));
    const bool read = FeedLogs(options_.files, pipeline, [&](std::string_view, std::uint64_t done) {
      progress.Show(done, pipeline.group_counters().events);
    });
    if (!common_.json) PrintSummary(pipeline);
    TellLimitHits(pipeline.limit_hits());
    return !read || loaded_.diagnostics.HasErrors() ? kFindings : kGood;
  }

 private:
  void Take(const Pipeline::Outcome& outcome, const Pipeline& pipeline) {
    if (!outcome.IsAlert() || outcome.rule->level < options_.level) return;
    Alert alert = outcome.ToAlert();
    alert.seq = ++seq_;
    alert.location = pipeline.location();
    ++by_rule_[outcome.answer->rule];
    if (common_.json) {
      std::puts(FormatJson(alert, sender_, kFileLimit).c_str());
    } else {
      std::printf("%s %s\n", Timestamp(alert.time_us).c_str(),
                  FormatText(Summarize(alert, sender_), kSyslogLimit).c_str());
    }
  }

  void PrintSummary(const Pipeline& pipeline) const {
    std::printf("\n%llu events, %llu alerts\n",
                static_cast<unsigned long long>(pipeline.group_counters().events),
                static_cast<unsigned long long>(seq_));
    std::vector<std::pair<std::size_t, std::uint64_t>> rows(by_rule_.begin(), by_rule_.end());
    std::stable_sort(rows.begin(), rows.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    for (const auto& [index, count] : rows) {
      const Rule& rule = loaded_.policy->ruleset.rules[index];
      std::printf("%10llu  rule %-6s level %-2d  %s\n", static_cast<unsigned long long>(count),
                  rule.id.c_str(), rule.level, Shown(DescriptionText(rule)).c_str());
    }
    const LineReader::Counters& lines = pipeline.line_counters();
    const Grouper::Counters& groups = pipeline.group_counters();
    if (pipeline.counters().not_records + lines.overlong + groups.truncated + groups.evicted == 0) {
      return;
    }
    std::printf(
        "lines that are no audit records: %llu, too long: %llu; events truncated: %llu, "
        "evaluated early: %llu\n",
        static_cast<unsigned long long>(pipeline.counters().not_records),
        static_cast<unsigned long long>(lines.overlong),
        static_cast<unsigned long long>(groups.truncated),
        static_cast<unsigned long long>(groups.evicted));
  }

  const CommonOptions& common_;
  const ReplayOptions& options_;
  LoadedPolicy loaded_;
  Sender sender_;
  std::map<std::size_t, std::uint64_t> by_rule_;
  std::uint64_t seq_ = 0;
};

}  // namespace

int RunReplay(const CommonOptions& common, const ReplayOptions& options) {
  return Replay(common, options).Run();
}

}  // namespace tld
