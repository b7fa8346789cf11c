// SPDX-License-Identifier: Apache-2.0
// The administrator's tool: checks, tries, replays, edits lists, and talks to the running plugin.
// Its whole command line is here.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <exception>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/os.h"
#include "base/text.h"
#include "program/command.h"
#include "program/config.h"

namespace tld {
namespace {

constexpr char kVersion[] = "tldctl " TLD_VERSION;

class Tldctl {
 public:
  Tldctl() {
    app_.set_version_flag("--version", kVersion);
    app_.require_subcommand(1);
    app_.get_formatter()->column_width(28);
    common_.config_file = FindInstallation().config_file;
    AddCheck();
    AddTest();
    AddReplay();
    AddHunt();
    AddList();
    AddAuditRules();
    AddPlain("doctor", "run a marked command and follow it from the kernel to its alert",
             RunDoctor);
    AddPlain("reload", "have the plugin take settings, rules and lists as they are now", RunReload);
    AddPlain("status", "show the counters of the running plugin", RunStatus);
  }

  int Run(int argc, char** argv) {
    if (argc > 1) {
      const std::string_view first = argv[1];
      const bool known = first == "-h" || first == "--help" || first == "--version";
      if (first.starts_with('-') && !known) return Misuse("options go behind the command");
      const auto is_first = [&](const CLI::App* command) { return command->get_name() == first; };
      if (!known && app_.get_subcommands(is_first).empty())
        return Misuse("there is no command '" + std::string(first) + '\'');
    }
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
        return app_.exit(error);
      }
      return Misuse(error.what());
    }
    return run_();
  }

 private:
  static int Misuse(const std::string& text) {
    Complain(text, kMisuse);
    std::fputs("Try 'tldctl --help', or '--help' behind a command.\n", stderr);
    return kMisuse;
  }

  /// A command with the options that all have.
  CLI::App& Add(CLI::App& parent, const char* name, const char* description,
                std::function<int()> run) {
    CLI::App& command = *parent.add_subcommand(name, description);
    command.add_option("--conf", common_.config_file, "settings file")
        ->option_text("FILE")
        ->check([](const std::string& file) {
          return access(file.c_str(), R_OK) == 0 ? "" : OsError(file).message;
        });
    AddMany(command, "--rules", common_.rules,
            "rule file or directory, instead of the configured ones; may be repeated", "PATH");
    AddMany(command, "--lists", common_.lists,
            "directory of lists, instead of the configured ones; may be repeated", "DIR")
        .check(CLI::ExistingDirectory);
    command.add_flag("--json", common_.json, "one JSON object a line on standard output");
    command.add_option("--color", common_.color, "auto, always or never")
        ->option_text("WHEN")
        ->check(CLI::IsMember({"auto", "always", "never"}));
    command.set_version_flag("--version", kVersion);
    command.callback([this, run = std::move(run)] { run_ = run; });
    return command;
  }

  /// A command whose options are a value of its own.
  template <typename Options>
  CLI::App& Add(const char* name, const char* description, const Options& options,
                int (*run)(const CommonOptions&, const Options&)) {
    return Add(app_, name, description, [this, &options, run] { return run(common_, options); });
  }

  void AddPlain(const char* name, const char* description, int (*run)(const CommonOptions&)) {
    Add(app_, name, description, [this, run] { return run(common_); });
  }

  /// An option that is given once for each value.
  static CLI::Option& AddMany(CLI::App& command, const char* name, std::vector<std::string>& values,
                              const char* description, const char* value) {
    return *command.add_option(name, values, description)
                ->option_text(value)
                ->allow_extra_args(false)
                ->check(NotEmpty);
  }

  static CLI::Option& AddText(CLI::App& command, const char* name, std::string& text,
                              const char* description, const char* value) {
    return *command.add_option(name, text, description)->option_text(value)->check(NotEmpty);
  }

  /// A variable of a script that is not set is not the same as an option that is not given.
  static std::string NotEmpty(const std::string& text) {
    return text.empty() ? "the value is empty" : "";
  }

  void AddCheck() {
    CLI::App& command = Add("check", "find faults in settings, rules and lists", check_, RunCheck);
    CLI::Option* strict =
        command.add_flag("--strict", check_.strict, "warnings and lint count as faults");
    command.add_flag("--tree", check_.tree, "show the rules as they stand below each other")
        ->excludes(strict);
  }

  void AddTest() {
    CLI::App& command =
        Add("test", "show how events are decoded and which rule answers", test_, RunTest);
    command.add_flag("-v,--verbose", test_.verbose, "every rule tried, and why it does not hold");
    AddText(command, "--why", test_.why, "what keeps this rule from firing", "ID");
    command.add_option("FILE", test_.files, "records; standard input without")->option_text(" ");
  }

  void AddReplay() {
    CLI::App& command =
        Add("replay", "run the rules over old logs, plain or .gz", replay_, RunReplay);
    command.add_option("--level", replay_.level, "lowest level to show (default 1)")
        ->option_text("N")
        ->check(CLI::Range(1, 16));
    command.add_option("FILE", replay_.files, "logs; standard input without")->option_text(" ");
  }

  void AddHunt() {
    CLI::App& command = Add("hunt", "search the alerts that were stored", hunt_, RunHunt);
    command
        .add_option("QUERY", hunt_.words,
                    "such as 'data.audit.command:nc and rule.level>=12'; see tldctl-hunt(1)")
        ->option_text(" ");
    AddMany(command, "--file", hunt_.files,
            "alerts.json, plain or .gz, instead of the store; may be repeated", "FILE");
    AddText(command, "--since", hunt_.since, "from then on: '2h ago', today, 2026-01-31", "TIME");
    AddText(command, "--until", hunt_.until, "before then", "TIME");
    AddMany(command, "--top", hunt_.top, "count the values of a field; may be repeated", "FIELD");
    AddText(command, "--histogram", hunt_.histogram, "count by time, as in 1h", "SPAN");
    command
        .add_option("--limit", hunt_.limit,
                    "the newest so many (50), or rows of --top (10); 0 is all")
        ->option_text("N")
        ->check([](const std::string& text) -> std::string {
          return ParseNumber(text) ? "" : "'" + text + "' is no number of alerts";
        });
    command.add_flag("--follow", hunt_.follow, "go on with alerts as they come")
        ->excludes(command.get_option("--until"));
    command.add_flag("--csv", hunt_.csv, "comma-separated values")
        ->excludes(command.get_option("--json"));
    AddText(command, "--html", hunt_.html,
            "write a report for a browser, with the newest 1000 alerts or --limit", "FILE");
  }

  void AddList() {
    CLI::App& list = *app_.add_subcommand("list", "show and edit lists; changes are live at once");
    list.require_subcommand(1);
    list.set_version_flag("--version", kVersion);
    using Action = ListOptions::Action;
    const auto add = [&](const char* name, const char* description, Action action, int words) {
      CLI::App& command = Add(list, name, description, [this, action] {
        list_.action = action;
        return RunList(common_, list_);
      });
      CLI::Option* list_name =
          command.add_option("NAME", list_.name, "name of the list")->check(NotEmpty);
      if (words > 0) list_name->required();
      if (words > 1) command.add_option("KEY", list_.key, "key of an entry")->required();
      if (words > 2) command.add_option("VALUE", list_.value, "value of the entry");
    };
    add("show", "print all entries, or the names of all lists", Action::kShow, 0);
    add("get", "print the value of a key", Action::kGet, 2);
    add("add", "add a key or change its value", Action::kAdd, 3);
    add("remove", "take a key out of the list", Action::kRemove, 2);
    add("compile", "compile a list, or all, where the text has changed", Action::kCompile, 0);
    add("check", "find faults in a list", Action::kCheck, 1);
  }

  void AddAuditRules() {
    CLI::App& command = Add("audit-rules", "print or install the audit rules that record commands",
                            audit_rules_, RunAuditRules);
    CLI::Option& users = AddText(command, "--users", audit_rules_.users,
                                 "names or numbers, separated by commas, or 'all'", "USERS");
    CLI::Option* install = command.add_flag(
        "--install", audit_rules_.install, "write them to /etc/audit/rules.d and have them loaded");
    command.add_flag("--remove", audit_rules_.remove, "take all of them away again")
        ->excludes(install)
        ->excludes(&users);
  }

  CLI::App app_{
      "Checks and tries the rules of tld-audisp, edits its lists, asks the running plugin."};
  CommonOptions common_;
  CheckOptions check_;
  TestOptions test_;
  ReplayOptions replay_;
  HuntOptions hunt_;
  ListOptions list_;
  AuditRulesOptions audit_rules_;
  std::function<int()> run_;  // the command that was given
};

/// What was said may still be in a buffer, and the disk full: half an answer is none.
int Flushed(int status) {
  const bool failed = std::ferror(stdout) != 0;
  errno = 0;
  const bool flushed = std::fflush(stdout) == 0;
  // A pager's is closed already.
  if (flushed && !failed && (close(STDOUT_FILENO) == 0 || errno == EBADF)) return status;
  const std::string what = "cannot write standard output";
  return Complain(errno == 0 ? what : OsError(what).message, kMisuse);
}

}  // namespace
}  // namespace tld

int main(int argc, char** argv) {
  tzset();
  try {
    return tld::Flushed(tld::Tldctl().Run(argc, argv));
  } catch (const std::exception& error) {
    return tld::Complain(error.what(), tld::kMisuse);
  }
}
