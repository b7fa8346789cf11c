// SPDX-License-Identifier: Apache-2.0
// The administrator's tool: checks, tries, replays, edits lists, and talks to the running plugin.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>
#include <exception>
#include <string>

#include "base/text.h"
#include "program/command.h"
#include "program/config.h"

namespace tld {

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
  AddHunt(app, common, action);
  AddList(app, common, action);
  AddAuditRules(app, common, action);
  AddDoctor(app, common, action);
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
