// SPDX-License-Identifier: Apache-2.0
#include "program/sensor.h"

#include <malloc.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <string_view>
#include <utility>

#include "program/control.h"
#include "program/health.h"
#include "program/load_report.h"
#include "program/notice.h"
#include "program/output.h"
#include "program/pipeline.h"
#include "program/policy.h"
#include "program/recognizer.h"
#include "program/remote_watch.h"
#include "program/reports.h"
#include "program/sandbox.h"
#include "program/signals.h"
#include "program/status.h"

namespace tld {
namespace {

constexpr std::int64_t kHousekeepingMs = 1000;
constexpr std::int64_t kTickMs = 100;  // events whose time is up: a look at all that are open
constexpr std::int64_t kAgainMs = 3'600'000;  // a degraded state is told again
constexpr std::int64_t kFinalFlushMs = 1000;

class Sensor {
 public:
  Sensor(const SensorStart& start, SensorEnds&& ends, const SensorPages& pages,
         SignalReader signals)
      : start_(start),
        input_(std::move(ends.input)),
        wake_(std::move(ends.wake)),
        front_(*pages.front),
        own_(*pages.own),
        witness_(*pages.witness),
        bell_(std::move(ends.bell)),
        talk_(std::move(ends.witness)),
        remotes_(*pages.courier, *pages.own, bell_.get()),
        signals_(std::move(signals)),
        control_(std::move(ends.control),
                 [this](std::string_view request, uid_t uid) { return Answer(request, uid); }),
        recognizer_(talk_.get(), [this](RawEvent&& raw) { found_.push_back(std::move(raw)); }) {}

  int Run() {
    Begin();
    while (!ended_) {
      SendOut();
      const std::vector<pollfd> fds = Poll();
      now_ms_ = MonotonicMs();
      if (fds[0].revents != 0) ReadWake();
      if (fds[1].revents != 0) ReadSignals();
      ReadInput();
      if (fds[2].revents != 0) recognizer_.ReadAnswers();
      TakeFound();
      control_.Serve(fds, now_ms_);
      EndOverdue();
      if (now_ms_ - kept_house_ms_ >= kHousekeepingMs) KeepHouse();
    }
    End();
    return 0;
  }

 private:
  void Begin() {
    now_ms_ = MonotonicMs();
    started_us_ = RealtimeUs();
    LoadedPolicy loaded = LoadPolicy(Source(true), ++generation_);
    const Status handed = remotes_.Configure(loaded.policy->config, started_us_);
    health_.emplace(ToldBefore(), now_ms_);
    Sender sender;
    sender.host = loaded.policy->host;
    sender.instance = Random64();
    output_.emplace(std::move(sender), loaded.policy->config);
    output_->store().KeepAfter(remotes_.KeepAfter());
    reports_.emplace(*output_);
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
    for (std::string& problem : LoadProblems(loaded)) degraded_.push_back(std::move(problem));
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
    source.scratch = start_.config.state_directory;
    if (starting) source.accepted_rules = source.scratch + "/rules";
    return source;
  }

  void Accept(const LoadedPolicy& loaded) {
    const std::string directory = start_.config.state_directory + "/rules";
    if (Status saved = SaveAcceptedRules(directory, loaded.rule_files); !saved) {
      degraded_.push_back("accepted rules are not kept: " + saved.message());
    }
    malloc_trim(0);  // loading takes several times what the policy keeps
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
        {wake_.get(), POLLIN, 0}, {signals_.fd(), POLLIN, 0}, {recognizer_.fd(), POLLIN, 0}};
    control_.AddTo(fds);
    Syslog& syslog = output_->syslog();
    const bool waiting = syslog.waiting() > 0;
    if (waiting && syslog.fd() >= 0) fds.push_back({syslog.fd(), POLLOUT, 0});
    const bool soon = waiting || pipeline_->open_events() > 0;
    std::int64_t wait = soon ? 200 : kHousekeepingMs;
    if (const auto store = output_->store().WaitMs(MonotonicMs())) wait = std::min(wait, *store);
    if (!input_.MaySleep()) wait = 0;
    poll(fds.data(), fds.size(), static_cast<int>(wait));
    input_.Awake();
    return fds;
  }

  /// What the turn before has left.
  void SendOut() {
    recognizer_.SendQuestions();
    HandOver();
    output_->store().Tick(MonotonicMs(), RealtimeUs());
    HandOver();
    remotes_.AfterCommit(output_->store().commits());
  }

  void ReadSignals() {
    while (const auto signal = signals_.Next()) {
      if (signal->number == SIGHUP) static_cast<void>(Reload());
      // SIGTERM: systemd sends it to all processes of auditd's group. The end of the input ends us.
    }
  }

  void ReadWake() {
    char bytes[64];
    const ssize_t n = read(wake_.get(), bytes, sizeof bytes);
    const bool later = n < 0 && (errno == EAGAIN || errno == EINTR);
    if (n <= 0 && !later) input_ended_ = true;
  }

  void ReadInput() {
    const std::string_view bytes = input_.Take();
    if (bytes.empty()) {
      ended_ = input_ended_;
      return;
    }
    pipeline_->Feed(bytes, now_ms_);
    HandOver();
    input_.Release();
  }

  void EndOverdue() {
    if (now_ms_ - ticked_ms_ < kTickMs) return;
    ticked_ms_ = now_ms_;
    pipeline_->Tick(now_ms_);
  }

  /// Lines leave, and what would still die with this process is noted: alerts before the bytes they
  /// came from, all before the input is given back, so that what dies between is told twice and not
  /// never.
  void HandOver() {
    output_->syslog().Flush(MonotonicMs());
    own_.syslog_lines_unsent = output_->syslog().waiting();
    own_.alerts_unstored = output_->store().pending();
    own_.bytes_open = pipeline_->open_bytes();
  }

  /// Programs that were known by their content, as events of their own.
  void TakeFound() {
    if (found_.empty()) return;
    for (RawEvent& raw : std::exchange(found_, {})) pipeline_->TakeOwn(std::move(raw));
    HandOver();
  }

  void Take(const Pipeline::Outcome& outcome) {
    reports_->Take(outcome, now_ms_);
    recognizer_.Consider(outcome.event, now_ms_);
  }

  void Raise(Notice notice, std::string_view text) {
    reports_->Raise(notice, text, *pipeline_, now_ms_);
  }

  /// A whole new policy or none. The result is what a client of the control socket gets.
  std::string Reload() {
    LoadedPolicy loaded = LoadPolicy(Source(false), generation_ + 1);
    NoteRestartSettings(start_.config, start_.config_file, loaded);
    const bool taken = !loaded.diagnostics.HasErrors();
    if (taken) {
      ++generation_;
      pipeline_->SetPolicy(loaded.policy);
      recognizer_.SetPolicy(*loaded.policy);
      const Status handed = remotes_.Configure(loaded.policy->config, RealtimeUs());
      output_->Configure(loaded.policy->config, loaded.policy->host);
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
    return ReloadAnswer(taken, generation_, loaded.diagnostics);
  }

  std::string Answer(std::string_view request, uid_t uid) {
    if (request == "status") return StatusText();
    if (request != "reload") return "{\"error\":\"unknown request\"}";
    if (uid != 0 && uid != start_.owner) return "{\"error\":\"only root may reload\"}";
    return Reload();
  }

  std::string StatusText() {
    return StatusJson(
        {started_us_, start_.front_pid, start_.landlock, degraded_, reports_->latency(),
         reports_->alerts(), input_.waiting(), remotes_, recognizer_, witness_},
        *pipeline_, *output_, front_);
  }

  void WriteState() {
    HandOver();  // what was told a moment ago counts as sent
    const std::string path = start_.config.state_file();
    static_cast<void>(WriteFileAtomically(path, StatusText() + '\n', 0644, false));
  }

  void KeepHouse() {
    kept_house_ms_ = now_ms_;
    if (now_ms_ - degraded_told_ms_ >= kAgainMs) TellDegraded();
    Tell(health_->Tell(Sources(), pipeline_->policy().config.heartbeat_s, now_ms_));
    output_->store().KeepAfter(remotes_.KeepAfter());
    recognizer_.KeepHouse(now_ms_);
    Tell(output_->repeats().Tell(now_ms_));
    Tell(remotes_.Tell(now_ms_));
    WriteState();
    malloc_trim(0);  // what much work has freed lies between what stays
  }

  HealthSources Sources() {
    return {front_,   witness_,    *pipeline_,         *output_,
            remotes_, recognizer_, reports_->alerts(), input_.waiting()};
  }

  /// By the sensors before this one.
  LossCounts ToldBefore() const {
    LossCounts told;
    told.input_dropped = own_.lines_dropped_told;
    told.sensor_lost = own_.bytes_lost_told;
    told.unstored_lost = own_.alerts_lost_told;
    told.unsent_lost = own_.syslog_lines_lost_told;
    told.sensor_deaths = own_.sensor_deaths_told;
    told.courier_deaths = front_.courier_deaths;
    told.witness_deaths = front_.witness_deaths;
    told.unreadable = remotes_.Unreadable();
    return told;
  }

  void Tell(const std::vector<News>& news) {
    for (const News& one : news) Raise(one.notice, one.text);
    own_.lines_dropped_told = health_->told().input_dropped;
    own_.bytes_lost_told = health_->told().sensor_lost;
    own_.alerts_lost_told = health_->told().unstored_lost;
    own_.syslog_lines_lost_told = health_->told().unsent_lost;
    own_.sensor_deaths_told = health_->told().sensor_deaths;
  }

  /// What was read last may name programs that the witness is still looking at.
  void AwaitWitness() {
    const std::int64_t until = MonotonicMs() + kFinalFlushMs;
    while (recognizer_.waiting() > 0 && MonotonicMs() < until) {
      recognizer_.SendQuestions();
      pollfd fd{recognizer_.fd(), POLLIN, 0};
      poll(&fd, 1, 20);
      recognizer_.ReadAnswers();
    }
    TakeFound();
  }

  void End() {
    pipeline_->Finish(now_ms_);
    HandOver();
    AwaitWitness();
    output_->store().Flush();  // before all that may take the rest of the time we have
    Tell(health_->TellLosses(Sources()));
    Tell(output_->repeats().Tell(now_ms_, true));
    Raise(Notice::kStopped, "tld-audisp ends: auditd has closed its input");
    output_->store().Flush();
    Syslog& syslog = output_->syslog();
    now_ms_ = MonotonicMs();
    syslog.TellSuppressed(now_ms_);
    const std::int64_t until = now_ms_ + kFinalFlushMs;
    for (syslog.Flush(now_ms_); syslog.waiting() > 0 && now_ms_ < until; syslog.Flush(now_ms_)) {
      pollfd fd{syslog.fd(), POLLOUT, 0};
      poll(&fd, 1, 20);
      now_ms_ = MonotonicMs();
    }
    syslog.DropWaiting();
    Tell(health_->TellLosses(Sources()));
    output_->store().Flush();
    WriteState();
  }

  const SensorStart& start_;
  QueueReader input_;
  Fd wake_;
  const FrontCounters& front_;
  SensorCounters& own_;
  const WitnessCounters& witness_;
  Fd bell_;
  Fd talk_;  // to the witness
  RemoteWatch remotes_;
  SignalReader signals_;
  ControlServer control_;
  Recognizer recognizer_;
  std::vector<RawEvent> found_;
  std::optional<Output> output_;
  std::optional<Reports> reports_;
  std::optional<Pipeline> pipeline_;
  std::optional<Health> health_;
  std::vector<std::string> degraded_;
  std::uint64_t generation_ = 0;
  bool input_ended_ = false;  // all of it is in the queue
  bool ended_ = false;
  std::int64_t now_ms_ = 0;
  std::int64_t started_us_ = 0;
  std::int64_t ticked_ms_ = 0;
  std::int64_t kept_house_ms_ = 0;
  std::int64_t degraded_told_ms_ = 0;
};

}  // namespace

int RunSensor(const SensorStart& start, SensorEnds ends, SensorPages pages) {
  pages.front.MakeReadOnly();
  pages.courier.MakeReadOnly();
  pages.witness.MakeReadOnly();
  if (!GiveUpSpareGroup() || !GiveUpCapabilities()) return 1;
  Result<SignalReader> signals = SignalReader::Create();
  if (!signals) return 1;
  SensorStart copy = start;
  if (start.confine) {
    const Result<int> restricted = RestrictFiles({start.config.WrittenDirectories(), false, true});
    if (!restricted) copy.problems.push_back("the sensor " + restricted.message());
    if (Status confined = ConfineSensor(); !confined) copy.problems.push_back(confined.message());
  }
  Sensor sensor(copy, std::move(ends), pages, *std::move(signals));
  return sensor.Run();
}

}  // namespace tld
