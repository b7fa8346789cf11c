// SPDX-License-Identifier: Apache-2.0
// What an event costs, over the recorded logs in tests/data. Each pair is the same input with and
// without the thing measured, in one run, so that their ratio means something on a noisy machine.
// `valgrind --tool=callgrind build/tests/bench --benchmark_filter=…` counts instructions instead.
#include <benchmark/benchmark.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "base/os.h"
#include "program/pipeline.h"
#include "program/policy.h"

namespace tld {
namespace {

std::string Log(const char* name) {
  std::string bytes;
  gzFile file = gzopen((std::string("tests/data/") + name).c_str(), "rb");
  if (file == nullptr) return bytes;
  char buffer[65536];
  for (int n; (n = gzread(file, buffer, sizeof buffer)) > 0;) {
    bytes.append(buffer, static_cast<std::size_t>(n));
  }
  gzclose(file);
  return bytes;
}

std::shared_ptr<const Policy> Shipped() {
  PolicySource source;
  source.config_file = "conf/tld-audisp.conf";
  source.rule_paths = {"rules/detect", "conf"};
  source.list_directories = {"lists"};
  return LoadPolicy(source, 1).policy;
}

/// A rule file of 10,000 rules that no event of the logs can meet, for all their types and keys.
std::string ManyRules() {
  std::string path = "/tmp/tld-bench-XXXXXX";
  const Fd file(mkstemp(path.data()));
  std::string text = "<group name=\"many,\">\n";
  for (int i = 0; i < 10'000; ++i) {
    const std::string n = std::to_string(i);
    text += "<rule id=\"" + std::to_string(100'001 + i) + "\" level=\"5\"><if_sid>80700</if_sid>" +
            (i % 2 == 0 ? "<field name=\"audit.key\">^key" + n + "$</field>"
                        : "<field name=\"audit.record_type\">^TEST$</field>") +
            "<field name=\"audit.exe\">/program" + n +
            "$</field><description>d</description></rule>\n";
  }
  text += "</group>\n";
  static_cast<void>(write(file.get(), text.data(), text.size()) + 1);
  return path;
}

std::shared_ptr<const Policy> WithManyRules() {
  const std::string path = ManyRules();
  PolicySource source;
  source.config_file = "conf/tld-audisp.conf";
  source.rule_paths = {"rules/detect", "conf", path};
  source.list_directories = {"lists"};
  auto policy = LoadPolicy(source, 1).policy;
  unlink(path.c_str());
  return policy;
}

/// All events of a log through the pipeline; reports time per event and bytes per second.
void Run(benchmark::State& state, const char* name, bool prefilter,
         const std::shared_ptr<const Policy>& policy = Shipped()) {
  const std::string log = Log(name);
  std::uint64_t events = 0;
  for (auto _ : state) {
    Pipeline::Options options;
    options.mode = Grouper::Mode::kLive;
    options.prefilter = prefilter;
    Pipeline pipeline(options, policy,
                      [](const Pipeline::Outcome& outcome) { benchmark::DoNotOptimize(&outcome); });
    pipeline.Feed(log, 0);
    pipeline.Finish(0);
    events += pipeline.group_counters().events;
  }
  if (events == 0) {
    state.SkipWithError("run it from the top of the checkout");
    return;
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(log.size() * state.iterations()));
  state.counters["per_event"] = benchmark::Counter(
      static_cast<double>(events), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void ExecEvents(benchmark::State& state) { Run(state, "exec_enriched.log.gz", true); }
void MixedEvents(benchmark::State& state) { Run(state, "mixed_enriched.log.gz", true); }
void MixedEventsWithoutPrefilter(benchmark::State& state) {
  Run(state, "mixed_enriched.log.gz", false);
}
void ExecEventsWithManyRules(benchmark::State& state) {
  Run(state, "exec_enriched.log.gz", true, WithManyRules());
}
void LoadManyRules(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(WithManyRules());
}
BENCHMARK(ExecEvents)->Unit(benchmark::kMillisecond);
BENCHMARK(ExecEventsWithManyRules)->Unit(benchmark::kMillisecond);
BENCHMARK(LoadManyRules)->Unit(benchmark::kMillisecond);
BENCHMARK(MixedEvents)->Unit(benchmark::kMillisecond);
BENCHMARK(MixedEventsWithoutPrefilter)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tld

BENCHMARK_MAIN();
