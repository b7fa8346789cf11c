// SPDX-License-Identifier: Apache-2.0
// tldctl test
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "alert/format.h"
#include "base/text.h"
#include "program/command.h"
#include "program/log_input.h"
#include "program/pipeline.h"

namespace tld {
namespace {

struct TestOptions {
  bool verbose = false;
  std::string why;
  std::vector<std::string> files;
};

class Test {
 public:
  Test(const CommonOptions& common, const TestOptions& options)
      : common_(common), options_(options), loaded_(LoadPolicy(common.Source(), 1)) {}

  int Run() {
    Print(loaded_.diagnostics, common_, false);
    const Ruleset& ruleset = loaded_.policy->ruleset;
    if (!options_.why.empty() && FindRule(options_.why) == nullptr) {
      return Complain("there is no rule " + options_.why, kMisuse);
    }
    Pipeline::Options options;
    options.prefilter = false;
    options.trace = options_.verbose || !options_.why.empty();
    Pipeline pipeline(options, loaded_.policy,
                      [this](const Pipeline::Outcome& outcome) { Take(outcome); });
    Greet(ruleset);
    const bool read =
        FeedLogs(options_.files, pipeline, [&](std::string_view bytes, std::uint64_t) {
          // A person ends an event by an empty line.
          if (bytes == "\n" || bytes.ends_with("\n\n")) pipeline.EndParagraph();
          std::fflush(stdout);
        });
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

  const Rule* FindRule(const std::string& id) const {
    for (const Rule& rule : loaded_.policy->ruleset.rules) {
      if (rule.id == id) return &rule;
    }
    return nullptr;
  }

  void Take(const Pipeline::Outcome& outcome) {
    if (common_.json) {
      PrintJson(outcome);
    } else {
      PrintPhases(outcome);
    }
  }

  const Rule* Answering(const Pipeline::Outcome& outcome) const {
    return outcome.answer ? &loaded_.policy->ruleset.rules[outcome.answer->rule] : nullptr;
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
    const Rule* rule = Answering(outcome);
    if (rule == nullptr) {
      out += "null";
    } else {
      AppendRuleJson(out, *rule, outcome);
    }
    const bool alert = outcome.answer && outcome.answer->IsAlert(loaded_.policy->ruleset);
    out += alert ? ",\"alert\":true}" : ",\"alert\":false}";
    std::puts(out.c_str());
  }

  static void AppendRuleJson(std::string& out, const Rule& rule, const Pipeline::Outcome& outcome) {
    out += "{\"id\":";
    AppendJsonString(out, rule.id);
    out += ",\"level\":" + std::to_string(rule.level) + ",\"description\":";
    AppendJsonString(out, Describe(rule, outcome.event));
    out += ",\"groups\":";
    AppendJsonStrings(out, rule.groups);
    if (!rule.mitre.ids.empty()) {
      out += ",\"mitre\":{\"id\":";
      AppendJsonStrings(out, rule.mitre.ids);
      out += '}';
    }
    out += ",\"firedtimes\":" + std::to_string(outcome.answer->fired_times);
    out += rule.mail ? ",\"mail\":true}" : ",\"mail\":false}";
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
    for (const Field& field : event.fields()) PrintField(field.name, field.value);
    for (const Argument& argument : event.arguments()) {
      PrintField("audit.execve.a" + std::to_string(argument.index), argument.value);
    }
    if (options_.verbose) PrintTrace(outcome);
    std::puts("**Phase 3: rule");
    PrintAnswer(outcome);
    if (!options_.why.empty()) PrintWhy(outcome);
    std::puts("");
  }

  static void PrintField(std::string_view name, std::string_view value) {
    std::printf("  %s: '%s'\n", std::string(name).c_str(), Shown(value).c_str());
  }

  void PrintAnswer(const Pipeline::Outcome& outcome) const {
    const Rule* rule = Answering(outcome);
    if (rule == nullptr) {
      std::puts("  no rule holds");
      return;
    }
    std::printf("  id: %s\n  level: %d\n  description: %s\n", rule->id.c_str(), rule->level,
                Describe(*rule, outcome.event).c_str());
    std::string groups;
    for (const std::string& group : rule->groups) groups += (groups.empty() ? "" : ", ") + group;
    std::printf("  groups: %s\n  firedtimes: %llu\n", Shown(groups).c_str(),
                static_cast<unsigned long long>(outcome.answer->fired_times));
    const bool alert = outcome.answer->IsAlert(loaded_.policy->ruleset);
    std::puts(alert ? "**Alert to be generated." : "**No alert: the event is consumed silently.");
  }

  std::string Failure(const Rule& rule, std::size_t failed, const Event& event) const {
    if (failed >= rule.conditions.size()) return "the full log is shorter than maxsize";
    const Condition& condition = rule.conditions[failed];
    std::string text = ConditionName(condition, loaded_.policy->ruleset) + " does not hold";
    const FieldName* field = FieldOf(condition);
    if (field == nullptr) return text;
    if (!event.Has(*field)) return text + ": the event has no such field";
    return text + " on '" + Shown(CutAtCharacter(event.First(*field), 200)) + '\'';
  }

  void PrintTrace(const Pipeline::Outcome& outcome) const {
    std::puts("**Rules tried");
    for (const TraceStep& step : outcome.trace) {
      const Rule& rule = loaded_.policy->ruleset.rules[step.rule];
      std::printf("  %*s%s level %d: %s\n", static_cast<int>(2 * step.depth), "", rule.id.c_str(),
                  rule.level,
                  step.held ? "holds" : Failure(rule, step.failed, outcome.event).c_str());
    }
  }

  void PrintWhy(const Pipeline::Outcome& outcome) const {
    const Rule* rule = FindRule(options_.why);
    if (rule == Answering(outcome)) {
      std::printf("**Rule %s fires.\n", rule->id.c_str());
      return;
    }
    for (const TraceStep& step : outcome.trace) {
      if (&loaded_.policy->ruleset.rules[step.rule] != rule) continue;
      if (step.held) {
        std::printf("**Rule %s holds, but one of its children answers.\n", rule->id.c_str());
      } else {
        std::printf("**Rule %s would fire if this held: %s\n", rule->id.c_str(),
                    Failure(*rule, step.failed, outcome.event).c_str());
      }
      return;
    }
    std::printf(
        "**Rule %s was not tried: no parent of it took the event, or a sibling before it "
        "did.\n",
        rule->id.c_str());
  }

  const CommonOptions& common_;
  const TestOptions& options_;
  LoadedPolicy loaded_;
};

}  // namespace

void AddTest(CLI::App& app, CommonOptions& common, Action& action) {
  CLI::App* command =
      AddCommand(app, common, "test", "show how events are decoded and which rule answers");
  auto options = std::make_shared<TestOptions>();
  command->add_flag("-v,--verbose", options->verbose, "every rule tried, and why it does not hold");
  command->add_option("--why", options->why, "what keeps this rule from firing")->option_text("ID");
  command->add_option("FILE", options->files, "records; standard input without")->option_text(" ");
  command->callback([&common, &action, options] {
    if (options->files.empty()) options->files = {"-"};
    action = [&common, options] { return Test(common, *options).Run(); };
  });
}

}  // namespace tld
