// SPDX-License-Identifier: Apache-2.0
#include "program/health.h"

#include <iterator>
#include <utility>

namespace tld {
namespace {

constexpr std::int64_t kLossesMs = 10'000;  // a growing loss is told this often at most
constexpr std::int64_t kSinkMs = 60'000;    // so is a sink that comes and goes

LossCounts CountLosses(const HealthSources& sources) {
  const LineReader::Counters& lines = sources.pipeline.line_counters();
  const Grouper::Counters& groups = sources.pipeline.group_counters();
  const Store::Counters& store = sources.output.store().counters();
  LossCounts counts;
  counts.input_dropped = sources.front.lines_dropped;
  counts.sensor_lost = sources.front.bytes_lost;
  counts.unstored_lost = sources.front.alerts_lost;
  counts.unsent_lost = sources.front.syslog_lines_lost;
  counts.lines_overlong = lines.overlong;
  counts.events_truncated = groups.truncated;
  counts.events_early = groups.evicted;
  counts.syslog_dropped = sources.output.syslog().counters().dropped;
  counts.file_failed = sources.output.file().counters().failed;
  counts.store_lost = store.lost;
  counts.stores_set_aside = store.set_aside;
  counts.removed_undelivered = store.removed_undelivered;
  counts.removed_severe = store.removed_severe;
  counts.unreadable = sources.remotes.Unreadable();
  counts.match_limits = sources.pipeline.limit_hits();
  counts.events_forgotten = sources.pipeline.windows().evictions();
  counts.sensor_deaths = sources.front.sensor_deaths;
  counts.courier_deaths = sources.front.courier_deaths;
  counts.witness_deaths = sources.front.witness_deaths;
  counts.unwitnessed = sources.recognizer.Unwitnessed();
  return counts;
}

void Append(std::vector<News>& news, std::vector<News> more) {
  news.insert(news.end(), std::make_move_iterator(more.begin()),
              std::make_move_iterator(more.end()));
}

}  // namespace

std::vector<News> Health::Tell(const HealthSources& sources, int heartbeat_s, std::int64_t now_ms) {
  std::vector<News> news;
  if (losses_ms_ == 0 || now_ms - losses_ms_ >= kLossesMs) {
    news = TellLosses(sources);
    if (!news.empty()) losses_ms_ = now_ms;
  }
  TellSinks(sources.output, now_ms, news);
  Append(news, kernel_.Tell(sources.witness, now_ms));
  if (heartbeat_s != 0 && now_ms - beat_ms_ >= std::int64_t{1000} * heartbeat_s) {
    beat_ms_ = now_ms;
    Beat(sources, news);
  }
  return news;
}

std::vector<News> Health::TellLosses(const HealthSources& sources) {
  return losses_.Tell(CountLosses(sources));
}

/// What one sink does not take is told to the others.
void Health::TellSinks(Output& output, std::int64_t now_ms, std::vector<News>& news) {
  const auto tell = [&](const std::string& problem, SinkTold& told, const News& back,
                        const std::string& meanwhile) {
    const bool too_soon = told.problem_ms && now_ms - *told.problem_ms < kSinkMs;
    if (problem == told.problem || (!problem.empty() && too_soon)) return;
    told.problem = problem;
    if (!problem.empty()) told.problem_ms = now_ms;
    news.push_back(problem.empty() ? back : News{Notice::kDegraded, problem + "; " + meanwhile});
  };
  tell(output.store().problem(), store_told_,
       {Notice::kStoreBack, "the alert store is written again"},
       "alerts wait in memory, syslog has them");
  tell(output.syslog().problem(), syslog_told_, {Notice::kSyslogBack, "syslog takes lines again"},
       "up to " + std::to_string(Syslog::kQueueLines) + " lines wait in memory");
}

/// So that a receiver can tell silence from an end.
void Health::Beat(const HealthSources& sources, std::vector<News>& news) const {
  const bool known = sources.witness.kernel == WitnessCounters::kKnown;
  news.push_back(
      {Notice::kHeartbeat,
       "tld-audisp runs: " + std::to_string(sources.pipeline.group_counters().events) +
           " events, " + std::to_string(sources.answers) + " answers, " +
           std::to_string(sources.front.lines_dropped) + " lines dropped, " +
           std::to_string(sources.waiting) + " bytes wait, kernel lost " +
           (known ? std::to_string(sources.witness.kernel_lost) : std::string("unknown"))});
}

}  // namespace tld
