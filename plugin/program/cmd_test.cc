// SPDX-License-Identifier: Apache-2.0
// tldctl test
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "alert/format.h"
#include "base/text.h"
#include "program/command.h"
#include "program/explain.h"
#include "program/log_input.h"
#include "program/pipeline.h"

namespace tld {
namespace {

class Test {
 public:
  Test(const CommonOptions& common, const TestOptions& options)
      : common_(common), options_(options), loaded_(LoadPolicy(common.Source(), 1)) {}

  int Run() {
    Print(loaded_.diagnostics, common_, false);
    if (!options_.why.empty() && !(why_ = FindRule(options_.why))) {
      return Complain("there is no rule " + options_.why, kMisuse);
    }
    Pipeline::Options options;
    options.prefilter = false;
    options.trace = options_.verbose || !options_.why.empty();
    Pipeline pipeline(options, loaded_.policy,
                      [this](const Pipeline::Outcome& outcome) { Take(outcome); });
    Greet(loaded_.policy->ruleset);
    const bool read =
        FeedLogs(options_.files, pipeline, [&](std::string_view bytes, std::uint64_t) {
          // A person ends an event by an empty line.
          if (bytes == "\n" || bytes.ends_with("\n\n")) pipeline.EndParagraph();
          std::fflush(stdout);
        });
    TellLimitHits(pipeline.limit_hits());
    return !read || loaded_.diagnostics.HasErrors() ? kFindings : kGood;
  }

 private:
  void Greet(const Ruleset& ruleset) const {
    if (common_.json || isatty(STDIN_FILENO) == 0 ||
        options_.files != std::vector<std::string>{"-"}) {
      return;
    }
    std::printf("%zu rules. Paste the records of an event, then an empty line; end with Ctrl-D.\n",
                ruleset.rules.size());
  }

  std::optional<std::size_t> FindRule(const std::string& id) const {
    const std::vector<Rule>& rules = loaded_.policy->ruleset.rules;
    for (std::size_t i = 0; i < rules.size(); ++i) {
      if (rules[i].id == id) return i;
    }
    return {};
  }

  void Take(const Pipeline::Outcome& outcome) {
    if (common_.json) {
      PrintJson(outcome);
    } else {
      PrintPhases(outcome);
    }
  }

  void PrintJson(const Pipeline::Outcome& outcome) const {
    const EventId& id = outcome.event.id();
    std::string out = "{\"event\":{\"node\":";
    if (id.node.empty()) {
      out += "null";
    } else {
      AppendJsonString(out, id.node);
    }
    out += ",\"time\":\"" + id.Time() + "\",\"serial\":" + std::to_string(id.serial) +
           "},\"decoder\":{\"name\":\"auditd\"},\"data\":";
    DataLimits whole;
    whole.raw_hex = false;
    AppendData(out, outcome.event, whole);
    out += ",\"rule\":";
    if (outcome.rule == nullptr) {
      out += "null";
    } else {
      const std::string description = Describe(*outcome.rule, outcome.event);
      AppendRule(out, *outcome.rule, description, outcome.answer->fired_times);
    }
    out += outcome.IsAlert() ? ",\"alert\":true" : ",\"alert\":false";
    if (options_.verbose) AppendTrace(out, outcome);
    if (why_) {
      out += ",\"why\":";
      AppendJsonStrings(out, Why(outcome));
    }
    out += '}';
    std::puts(out.c_str());
  }

  static void AppendTrace(std::string& out, const Pipeline::Outcome& outcome) {
    out += ",\"trace\":[";
    for (const TraceStep& step : outcome.trace.steps) {
      if (out.back() != '[') out += ',';
      out += "{\"rule\":";
      AppendJsonString(out, outcome.policy.ruleset.rules[step.rule].id);
      out += ",\"depth\":" + std::to_string(step.depth) + ",\"held\":";
      out += step.result == TraceStep::Result::kHeld ? "true" : "false";
      out += ",\"text\":";
      AppendJsonString(out, ExplainStep(step, outcome.context, outcome.event));
      out += '}';
    }
    out += ']';
  }

  void PrintPhases(const Pipeline::Outcome& outcome) const {
    const Event& event = outcome.event;
    const EventId& id = event.id();
    std::printf("**Event %s%s\n", id.node.empty() ? "" : (Shown(id.node) + ' ').c_str(),
                id.Stamp().c_str());
    std::puts("**Phase 1: records");
    for (const RawRecord& record : event.raw().records) {
      std::printf("  %s\n", Shown(event.raw().Line(record)).c_str());
    }
    std::puts("**Phase 2: decoded as auditd");
    for (const Field& field : event.SortedFields()) PrintField(field.name, field.value);
    for (const Argument& argument : event.arguments()) {
      PrintField("audit.execve.a" + std::to_string(argument.index), argument.value);
    }
    if (options_.verbose) PrintTrace(outcome);
    std::puts("**Phase 3: rule");
    PrintAnswer(outcome);
    if (why_) PrintWhy(outcome);
    std::puts("");
  }

  static void PrintField(std::string_view name, std::string_view value) {
    std::printf("  %s: '%s'\n", std::string(name).c_str(), Shown(value).c_str());
  }

  void PrintAnswer(const Pipeline::Outcome& outcome) const {
    if (outcome.trace.ignored) {
      const Rule& ignored = outcome.policy.ruleset.rules[*outcome.trace.ignored];
      std::printf("  rule %s was alerted less than %u s before: its parent answers\n",
                  ignored.id.c_str(), ignored.ignore_seconds);
    }
    const Rule* rule = outcome.rule;
    if (rule == nullptr) {
      std::puts("  no rule answers");
      return;
    }
    std::printf("  id: %s\n  level: %d\n  description: %s\n", rule->id.c_str(), rule->level,
                Describe(*rule, outcome.event).c_str());
    std::string groups;
    for (const std::string& group : rule->groups) groups += (groups.empty() ? "" : ", ") + group;
    std::printf("  groups: %s\n  firedtimes: %llu\n", Shown(groups).c_str(),
                static_cast<unsigned long long>(outcome.answer->fired_times));
    if (rule->composite) {
      std::printf("  frequency: %u in %lld s\n", rule->composite->frequency,
                  static_cast<long long>(rule->composite->timeframe_ms / 1000));
    }
    std::puts(outcome.IsAlert()  ? "**Alert to be generated."
              : rule->level == 0 ? "**No alert: the event is consumed silently."
                                 : "**No alert: the rule has the option no_log.");
  }

  static void PrintTrace(const Pipeline::Outcome& outcome) {
    std::puts("**Rules tried");
    const Ruleset& ruleset = outcome.policy.ruleset;
    for (std::size_t i = 0; i < outcome.trace.steps.size(); ++i) {
      const TraceStep& step = outcome.trace.steps[i];
      const Rule& rule = ruleset.rules[step.rule];
      const int indent = static_cast<int>(2 * step.depth) + 2;
      std::printf("%*s%s level %d %s\n", indent, "", rule.id.c_str(), rule.level,
                  ExplainStep(step, outcome.context, outcome.event).c_str());
      const std::vector<std::string> behind = NotTriedAfter(outcome.trace, i, ruleset);
      if (behind.empty()) continue;
      std::printf("%*sand takes the event before", indent + 2, "");
      for (std::size_t k = 0; k < std::min<std::size_t>(behind.size(), 8); ++k) {
        std::printf(" %s", behind[k].c_str());
      }
      std::puts(behind.size() > 8 ? " and others" : "");
    }
  }

  /// What kept the rule that is asked about from firing; empty when it is the answer.
  std::vector<std::string> Why(const Pipeline::Outcome& outcome) const {
    if (outcome.answer && outcome.answer->rule == *why_) return {};
    return WhyNot(*why_, outcome.trace, outcome.context, outcome.event);
  }

  void PrintWhy(const Pipeline::Outcome& outcome) const {
    const std::vector<std::string> faults = Why(outcome);
    if (faults.empty()) {
      std::printf("**Rule %s fires.\n", options_.why.c_str());
      return;
    }
    std::printf("**Rule %s would fire if this held:\n", options_.why.c_str());
    for (const std::string& fault : faults) std::printf("  %s\n", fault.c_str());
  }

  const CommonOptions& common_;
  const TestOptions& options_;
  LoadedPolicy loaded_;
  std::optional<std::size_t> why_;  // the rule that is asked about
};

}  // namespace

int RunTest(const CommonOptions& common, const TestOptions& options) {
  return Test(common, options).Run();
}

}  // namespace tld
