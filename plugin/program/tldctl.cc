// SPDX-License-Identifier: Apache-2.0
// The administrator's tool: checks, tries, replays, edits lists, and talks to the running plugin.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>
#include <exception>
#include <string>

#include "base/text.h"
#include "program/command.h"
#include "program/config.h"

namespace tld {

PolicySource CommonOptions::Source() const {
  PolicySource source;
  source.config_file = config_file;
  source.rule_paths = rules;
  source.list_directories = lists;
  return source;
}

bool CommonOptions::ColorFor(int fd) const {
  return color == "always" || (color == "auto" && isatty(fd) != 0);
}

CLI::App* AddCommand(CLI::App& app, CommonOptions& common, const std::string& name,
                     const std::string& description) {
  CLI::App* command = app.add_subcommand(name, description);
  command->add_option("--conf", common.config_file, "settings file")->option_text("FILE");
  command
      ->add_option("--rules", common.rules,
                   "rule file or directory, instead of the configured ones; may be repeated")
      ->option_text("PATH")
      ->allow_extra_args(false);
  command
      ->add_option("--lists", common.lists,
                   "directory of lists, instead of the configured ones; may be repeated")
      ->option_text("DIR")
      ->allow_extra_args(false);
  command->add_flag("--json", common.json, "one JSON object a line on standard output");
  command->add_option("--color", common.color, "auto, always or never")
      ->option_text("WHEN")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  command->set_version_flag("--version", "tldctl " TLD_VERSION);
  return command;
}

void Print(const Diagnostics& diagnostics, const CommonOptions& common, bool json) {
  for (const Diagnostic& d : diagnostics.all()) {
    if (json) {
      std::puts(RenderJson(d).c_str());
    } else {
      std::fputs(Render(d, common.ColorFor(STDERR_FILENO)).c_str(), stderr);
    }
  }
}

int Complain(const std::string& text, int status) {
  std::fprintf(stderr, "tldctl: %s\n", Shown(text).c_str());
  return status;
}

namespace {

int Main(int argc, char** argv) {
  tzset();
  CLI::App app{
      "Checks and tries the rules of tld-audisp, edits its lists, asks the running plugin."};
  app.set_version_flag("--version", "tldctl " TLD_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(28);
  CommonOptions common;
  common.config_file = FindInstallation().config_file;
  Action action;
  AddCheck(app, common, action);
  AddTest(app, common, action);
  AddReplay(app, common, action);
  AddList(app, common, action);
  AddAuditRules(app, common, action);
  AddReload(app, common, action);
  AddStatus(app, common, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app.exit(error);
    std::fprintf(stderr, "tldctl: %s\nTry 'tldctl --help', or '--help' behind a command.\n",
                 Shown(error.what()).c_str());
    return kMisuse;
  }
  return action();
}

}  // namespace
}  // namespace tld

int main(int argc, char** argv) {
  try {
    return tld::Main(argc, argv);
  } catch (const std::exception& error) {
    return tld::Complain(error.what(), tld::kMisuse);
  }
}
