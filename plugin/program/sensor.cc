// SPDX-License-Identifier: Apache-2.0
#include "program/sensor.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "detect/engine.h"
#include "program/control.h"
#include "program/kernel_watch.h"
#include "program/losses.h"
#include "program/notice.h"
#include "program/output.h"
#include "program/pipeline.h"
#include "program/policy.h"
#include "program/recognizer.h"
#include "program/remote_watch.h"
#include "program/sandbox.h"
#include "program/signals.h"
#include "program/status.h"

namespace tld {
namespace {

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::int64_t kHousekeepingMs = 1000;
constexpr std::int64_t kNoticeMs = 10'000;    // a growing loss is told this often at most
constexpr std::int64_t kAgainMs = 3'600'000;  // a degraded state is told again
constexpr std::size_t kNoticeBytes = 1000;
constexpr std::int64_t kFinalFlushMs = 1000;

class Sensor {
 public:
  Sensor(const SensorStart& start, SensorEnds ends, const SensorPages& pages, SignalReader signals)
      : start_(start),
        input_(std::move(ends.input)),
        front_(*pages.front),
        own_(*pages.own),
        witness_(*pages.witness),
        remotes_(*pages.courier, *pages.own, ends.bell),
        signals_(std::move(signals)),
        control_(std::move(ends.control),
                 [this](std::string_view request, uid_t uid) { return Answer(request, uid); }),
        recognizer_(ends.witness, [this](RawEvent&& raw) { found_.push_back(std::move(raw)); }),
        buffer_(kReadBytes) {}

  int Run() {
    Begin();
    while (!ended_) {
      const std::vector<pollfd> fds = Poll();
      now_ms_ = MonotonicMs();
      ReadSignals();
      if (fds[0].revents != 0) ReadInput();
      recognizer_.ReadAnswers();
      TakeFound();
      control_.Serve(fds, now_ms_);
      pipeline_->Tick(now_ms_);
      output_->Tick(MonotonicMs(), RealtimeUs());
      remotes_.AfterCommit(output_->store().commits());
      if (now_ms_ - kept_house_ms_ >= kHousekeepingMs) KeepHouse();
    }
    End();
    return 0;
  }

 private:
  void Begin() {
    now_ms_ = MonotonicMs();
    LossCounts told_before;
    told_before.input_dropped = own_.lines_dropped_told;
    told_before.sensor_lost = own_.bytes_lost_told;
    told_before.sensor_deaths = own_.sensor_deaths_told;
    told_before.courier_deaths = front_.courier_deaths;
    told_before.witness_deaths = front_.witness_deaths;
    losses_ = LossWatch(told_before);
    started_us_ = RealtimeUs();
    heartbeat_ms_ = now_ms_;
    LoadedPolicy loaded = LoadPolicy(Source(true), ++generation_);
    const Status handed = remotes_.Configure(loaded.policy->config, started_us_);
    Sender sender;
    sender.host = loaded.policy->host;
    sender.instance = Random64();
    output_.emplace(std::move(sender), loaded.policy->config);
    output_->store().KeepAfter(remotes_.KeepAfter());
    Pipeline::Options options;
    options.mode = Grouper::Mode::kLive;
    options.location = "auditd";
    options.own_uid = getuid();
    options.own_pids = {static_cast<std::uint32_t>(getpid()),
                        static_cast<std::uint32_t>(start_.front_pid)};
    pipeline_.emplace(std::move(options), loaded.policy,
                      [this](const Pipeline::Outcome& outcome) { Take(outcome); });
    recognizer_.SetPolicy(*loaded.policy);
    degraded_ = start_.problems;
    if (!handed) degraded_.push_back(handed.message());
    AddProblems(loaded);
    Raise(Notice::kStarted, "tld-audisp " TLD_VERSION " started with " +
                                std::to_string(loaded.policy->ruleset.rules.size()) +
                                " rules; counters and time windows begin anew");
    TellDegraded();
    TellStaleLists(loaded);
    if (!loaded.diagnostics.HasErrors()) Accept(loaded);
    WriteState();
  }

  PolicySource Source(bool starting) const {
    PolicySource source;
    source.config_file = start_.config_file;
    source.trust = {true, start_.owner};
    if (!pipeline_) {
      Diagnostics ignored;  // found again by LoadPolicy
      const Config config =
          LoadConfig(start_.config_file, FindInstallation(), source.trust, ignored);
      source.scratch = config.state_directory;
    } else {
      source.scratch = pipeline_->policy().config.state_directory;
    }
    if (starting) source.accepted_rules = source.scratch + "/rules";
    return source;
  }

  void Accept(const LoadedPolicy& loaded) {
    const std::string directory = loaded.policy->config.state_directory + "/rules";
    if (Status saved = SaveAcceptedRules(directory, loaded.rule_files); !saved) {
      degraded_.push_back("accepted rules are not kept: " + saved.message());
    }
  }

  /// What a first load could not use.
  void AddProblems(const LoadedPolicy& loaded) {
    std::size_t more = 0;
    for (const Diagnostic& d : loaded.diagnostics.all()) {
      const bool counts = d.severity == Severity::kError || d.code == "accepted-copy";
      if (!counts) continue;
      if (degraded_.size() < 5) {
        degraded_.push_back(RenderLine(d));
      } else {
        ++more;
      }
    }
    if (more > 0) degraded_.push_back("and " + std::to_string(more) + " more; see 'tldctl check'");
    if (loaded.skipped_rules > 0) {
      degraded_.push_back(std::to_string(loaded.skipped_rules) + " rules are skipped");
    }
  }

  void TellStaleLists(const LoadedPolicy& loaded) {
    for (const std::string& list : loaded.stale_lists) {
      Raise(Notice::kReloaded, "the list '" + list +
                                   "' has no compiled file that fits its text and was compiled "
                                   "for this run; 'tldctl list compile' mends that");
    }
  }

  void TellDegraded() {
    degraded_told_ms_ = now_ms_;
    if (degraded_.empty()) return;
    std::string text = "tld-audisp runs degraded: ";
    for (const std::string& reason : degraded_) {
      if (&reason != &degraded_.front()) text += "; ";
      text += reason;
    }
    Raise(Notice::kDegraded, text);
  }

  std::vector<pollfd> Poll() {
    std::vector<pollfd> fds{
        {input_.get(), POLLIN, 0}, {signals_.fd(), POLLIN, 0}, {recognizer_.fd(), POLLIN, 0}};
    control_.AddTo(fds);
    Syslog& syslog = output_->syslog();
    const bool waiting = syslog.waiting() > 0;
    if (waiting && syslog.fd() >= 0) fds.push_back({syslog.fd(), POLLOUT, 0});
    const bool soon = waiting || pipeline_->open_events() > 0;
    std::int64_t wait = soon ? 200 : kHousekeepingMs;
    if (const auto store = output_->store().WaitMs(MonotonicMs())) wait = std::min(wait, *store);
    poll(fds.data(), fds.size(), static_cast<int>(wait));
    return fds;
  }

  void ReadSignals() {
    while (const auto signal = signals_.Next()) {
      if (signal->number == SIGHUP) static_cast<void>(Reload());
      // SIGTERM: systemd sends it to all processes of auditd's group. The end of the input ends us.
    }
  }

  void ReadInput() {
    const ssize_t n = read(input_.get(), buffer_.data(), buffer_.size());
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
      ended_ = true;
      return;
    }
    fed_ += static_cast<std::uint64_t>(n);
    pipeline_->Feed({buffer_.data(), static_cast<std::size_t>(n)}, now_ms_);
    own_.bytes_done = fed_ - std::min<std::uint64_t>(fed_, pipeline_->open_bytes());
  }

  /// Programs that were known by their content, as events of their own.
  void TakeFound() {
    for (RawEvent& raw : std::exchange(found_, {})) pipeline_->TakeOwn(std::move(raw));
  }

  void Take(const Pipeline::Outcome& outcome) {
    answered_ = outcome.rule != nullptr;
    if (outcome.IsAlert()) Report(outcome);
    recognizer_.Consider(outcome.event, now_ms_);
  }

  void Report(const Pipeline::Outcome& outcome) {
    ++alerts_;
    Alert alert = outcome.ToAlert();
    alert.ingested_us = static_cast<std::int64_t>(outcome.event.raw().first_line_at_us);
    alert.latency_us = std::max<std::int64_t>(RealtimeUs() - alert.time_us, 0);
    alert.location = raising_ ? "tld-audisp" : "auditd";
    if (!raising_) latency_.Add(alert.latency_us);
    output_->Send(alert, now_ms_);
  }

  /// An event about ourselves. The rules say what it is worth; without any for it, the notice does.
  void Raise(Notice notice, std::string_view text) {
    raising_ = true;
    answered_ = false;
    pipeline_->TakeOwn(MakeHealthEvent(NoticeWord(notice), CutAtCharacter(text, kNoticeBytes),
                                       RealtimeUs(), ++raised_));
    raising_ = false;
    if (answered_) return;
    Alert alert;
    alert.rule = &NoticeRule(notice);
    alert.description = Shown(CutAtCharacter(text, kNoticeBytes));
    alert.fired_times = 1;
    alert.policy = generation_;
    alert.time_us = RealtimeUs();
    alert.location = "tld-audisp";
    output_->Send(alert, now_ms_);
  }

  /// A whole new policy or none. The result is what a client of the control socket gets.
  std::string Reload() {
    LoadedPolicy loaded = LoadPolicy(Source(false), generation_ + 1);
    NoteRestartSettings(loaded);
    const bool taken = !loaded.diagnostics.HasErrors();
    if (taken) {
      ++generation_;
      pipeline_->SetPolicy(loaded.policy);
      recognizer_.SetPolicy(*loaded.policy);
      const Status handed = remotes_.Configure(loaded.policy->config, RealtimeUs());
      output_->Configure(loaded.policy->config);
      output_->store().KeepAfter(remotes_.KeepAfter());
      degraded_ = start_.problems;
      if (!handed) degraded_.push_back(handed.message());
      Accept(loaded);
      Raise(Notice::kReloaded, "policy " + std::to_string(generation_) + " is in force: " +
                                   std::to_string(loaded.policy->ruleset.rules.size()) + " rules");
    } else {
      Raise(Notice::kReloadRefused, "reload refused, the old policy stays: " + FirstError(loaded));
    }
    WriteState();
    std::string answer = taken ? "{\"ok\":true" : "{\"ok\":false";
    answer += ",\"generation\":" + std::to_string(generation_) + ",\"diagnostics\":[";
    for (const Diagnostic& d : loaded.diagnostics.all()) {
      if (answer.back() != '[') answer += ',';
      answer += RenderJson(d);
    }
    return answer + "]}";
  }

  void NoteRestartSettings(LoadedPolicy& loaded) const {
    const Config& was = pipeline_->policy().config;
    const Config& now = loaded.policy->config;
    const bool moved = was.WrittenDirectories() != now.WrittenDirectories();
    if (was.user != now.user || was.queue_bytes != now.queue_bytes ||
        was.kernel_status != now.kernel_status || moved) {
      loaded.diagnostics.AddFile(start_.config_file,
                                 {Severity::kWarning, "needs-restart",
                                  "user, queue, kernel_status and other directories take effect "
                                  "when auditd is restarted"});
    }
  }

  static std::string FirstError(const LoadedPolicy& loaded) {
    for (const Diagnostic& d : loaded.diagnostics.all()) {
      if (d.severity == Severity::kError) return RenderLine(d);
    }
    return {};
  }

  std::string Answer(std::string_view request, uid_t uid) {
    if (request == "status") return StatusText();
    if (request != "reload") return "{\"error\":\"unknown request\"}";
    if (uid != 0 && uid != start_.owner) return "{\"error\":\"only root may reload\"}";
    return Reload();
  }

  std::string StatusText() {
    return StatusJson({started_us_, start_.landlock, degraded_, latency_, alerts_, remotes_,
                       recognizer_, witness_},
                      *pipeline_, *output_, front_);
  }

  void WriteState() {
    const std::string& path = pipeline_->policy().config.state_file();
    static_cast<void>(WriteFileAtomically(path, StatusText() + '\n', 0644, false));
  }

  void KeepHouse() {
    kept_house_ms_ = now_ms_;
    if (losses_told_ms_ == 0 || now_ms_ - losses_told_ms_ >= kNoticeMs) TellLosses();
    if (now_ms_ - degraded_told_ms_ >= kAgainMs) TellDegraded();
    TellStore();
    output_->store().KeepAfter(remotes_.KeepAfter());
    recognizer_.KeepHouse(now_ms_);
    for (const News& news : remotes_.Tell(now_ms_)) Raise(news.notice, news.text);
    for (const News& news : kernel_.Tell(witness_, now_ms_)) Raise(news.notice, news.text);
    Beat();
    WriteState();
  }

  /// So that a receiver can tell silence from an end.
  void Beat() {
    const std::int64_t every = std::int64_t{1000} * pipeline_->policy().config.heartbeat_s;
    if (every == 0 || now_ms_ - heartbeat_ms_ < every) return;
    heartbeat_ms_ = now_ms_;
    const LossCounts counts = CountLosses();
    Raise(Notice::kHeartbeat,
          "tld-audisp runs: " + std::to_string(pipeline_->group_counters().events) + " events, " +
              std::to_string(alerts_) + " answers, " + std::to_string(counts.input_dropped) +
              " lines dropped, " + std::to_string(front_.queue_bytes) +
              " bytes wait, kernel lost " +
              (witness_.kernel == WitnessCounters::kKnown ? std::to_string(witness_.kernel_lost)
                                                          : std::string("unknown")));
  }

  void TellStore() {
    const std::string& problem = output_->store().problem();
    if (problem == store_told_) return;
    store_told_ = problem;
    if (problem.empty()) {
      Raise(Notice::kStoreBack, "the alert store is written again");
    } else {
      Raise(Notice::kDegraded, problem + "; alerts wait in memory, syslog has them");
    }
  }

  LossCounts CountLosses() {
    const LineReader::Counters& lines = pipeline_->line_counters();
    const Grouper::Counters& groups = pipeline_->group_counters();
    const Store::Counters& store = output_->store().counters();
    LossCounts counts;
    counts.input_dropped = front_.lines_dropped;
    counts.sensor_lost = front_.bytes_lost;
    counts.lines_overlong = lines.overlong;
    counts.events_truncated = groups.truncated;
    counts.events_early = groups.evicted;
    counts.syslog_dropped = output_->syslog().counters().dropped;
    counts.file_failed = output_->file().counters().failed;
    counts.store_lost = store.lost;
    counts.stores_set_aside = store.set_aside;
    counts.removed_undelivered = store.removed_undelivered;
    counts.unreadable = remotes_.Unreadable();
    counts.match_limits = pipeline_->limit_hits();
    counts.events_forgotten = pipeline_->windows().evictions();
    counts.sensor_deaths = front_.sensor_deaths;
    counts.courier_deaths = front_.courier_deaths;
    counts.witness_deaths = front_.witness_deaths;
    counts.unwitnessed = recognizer_.Unwitnessed();
    return counts;
  }

  void TellLosses() {
    const LossCounts counts = CountLosses();
    for (const News& news : losses_.Tell(counts)) {
      Raise(news.notice, news.text);
      losses_told_ms_ = now_ms_;
    }
    own_.lines_dropped_told = counts.input_dropped;
    own_.bytes_lost_told = counts.sensor_lost;
    own_.sensor_deaths_told = counts.sensor_deaths;
  }

  void End() {
    pipeline_->Finish(now_ms_);
    TellLosses();
    Raise(Notice::kStopped, "tld-audisp ends: auditd has closed its input");
    output_->syslog().TellSuppressed(now_ms_);
    const std::int64_t until = now_ms_ + kFinalFlushMs;
    while (output_->syslog().waiting() > 0 && (now_ms_ = MonotonicMs()) < until) {
      pollfd fd{output_->syslog().fd(), POLLOUT, 0};
      poll(&fd, 1, 20);
      output_->syslog().Flush(now_ms_);
    }
    output_->store().Flush();
    own_.bytes_done = fed_;
    WriteState();
  }

  const SensorStart& start_;
  Fd input_;
  const FrontCounters& front_;
  SensorCounters& own_;
  const WitnessCounters& witness_;
  RemoteWatch remotes_;
  SignalReader signals_;
  ControlServer control_;
  Recognizer recognizer_;
  std::vector<RawEvent> found_;
  std::vector<char> buffer_;
  std::optional<Output> output_;
  std::optional<Pipeline> pipeline_;
  std::vector<std::string> degraded_;
  std::string store_told_;
  std::uint64_t generation_ = 0;
  std::uint64_t fed_ = 0;
  std::uint64_t alerts_ = 0;
  Latency latency_;
  bool ended_ = false;
  bool raising_ = false;      // an event about ourselves is being judged
  bool answered_ = false;     // the last event that was judged, by a rule
  std::uint64_t raised_ = 0;  // events about ourselves
  KernelWatch kernel_;
  std::int64_t heartbeat_ms_ = 0;
  std::int64_t now_ms_ = 0;
  std::int64_t started_us_ = 0;
  std::int64_t kept_house_ms_ = 0;
  std::int64_t losses_told_ms_ = 0;
  std::int64_t degraded_told_ms_ = 0;
  LossWatch losses_;
};

}  // namespace

int RunSensor(const SensorStart& start, SensorEnds ends, SensorPages pages) {
  pages.front.MakeReadOnly();
  pages.courier.MakeReadOnly();
  pages.witness.MakeReadOnly();
  pages.own->bytes_done = 0;
  if (!GiveUpSpareGroup() || !GiveUpCapabilities()) return 1;
  Result<SignalReader> signals = SignalReader::Create();
  if (!signals) return 1;
  SensorStart copy = start;
  if (start.confine) {
    const Result<int> restricted = RestrictFiles({start.writable, false, true});
    if (!restricted) copy.problems.push_back(restricted.message());
    if (Status confined = ConfineSensor(); !confined) copy.problems.push_back(confined.message());
  }
  Sensor sensor(copy, std::move(ends), pages, *std::move(signals));
  return sensor.Run();
}

}  // namespace tld
