// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "base/result.h"
#include "program/config.h"
#include "program/policy.h"

/// What the commands of tldctl share. A command registers itself with the parser and leaves a
/// function that runs it; exit statuses are those of tldctl(1): 0 good, 1 findings, 2 wrong use.
namespace tld {

inline constexpr int kGood = 0;
inline constexpr int kFindings = 1;
inline constexpr int kMisuse = 2;

struct CommonOptions {
  std::string config_file;
  std::vector<std::string> rules;
  std::vector<std::string> lists;
  bool json = false;
  std::string color = "auto";

  PolicySource Source() const;
  /// The settings, without a word on what is wrong in them: `tldctl check` shows that.
  Config Settings() const;
  /// Whether to colour what goes to this descriptor.
  bool ColorFor(int fd) const;
};

/// The function of the command that was given on the command line.
using Action = std::function<int()>;

void AddCheck(CLI::App& app, CommonOptions& common, Action& action);
void AddTest(CLI::App& app, CommonOptions& common, Action& action);
void AddReplay(CLI::App& app, CommonOptions& common, Action& action);
void AddHunt(CLI::App& app, CommonOptions& common, Action& action);
void AddList(CLI::App& app, CommonOptions& common, Action& action);
void AddAuditRules(CLI::App& app, CommonOptions& common, Action& action);
void AddDoctor(CLI::App& app, CommonOptions& common, Action& action);
void AddReload(CLI::App& app, CommonOptions& common, Action& action);
void AddStatus(CLI::App& app, CommonOptions& common, Action& action);

/// A subcommand with the common options.
CLI::App* AddCommand(CLI::App& app, CommonOptions& common, const std::string& name,
                     const std::string& description);

/// Prints diagnostics to stderr, or as JSON lines to stdout.
void Print(const Diagnostics& diagnostics, const CommonOptions& common, bool json);

/// Says on stderr that pattern matches were given up, when any were.
void TellLimitHits(std::uint64_t hits);

/// `tldctl: TEXT` on stderr; returns the status.
int Complain(const std::string& text, int status);

/// Root becomes the user that the file's directory belongs to: what is there and where it leads is
/// for that user to say. For good.
Status BecomeOwnerOf(const std::string& path);

/// Asks the plugin to reload after a change of lists; says on stderr when none answers.
int ReloadPlugin(const CommonOptions& common, bool quiet_without_plugin);

}  // namespace tld
