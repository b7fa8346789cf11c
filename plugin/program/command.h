// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "base/result.h"
#include "program/config.h"
#include "program/policy.h"

/// The commands of tldctl, and what they share. Each does its work and returns the exit status of
/// tldctl(1): 0 good, 1 findings, 2 wrong use. The options mean what tldctl.cc says of them on the
/// command line.
namespace tld {

inline constexpr int kGood = 0;
inline constexpr int kFindings = 1;
inline constexpr int kMisuse = 2;

struct CommonOptions {
  std::string config_file;  ///< tldctl.cc gives the installed one
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

struct CheckOptions {
  bool strict = false;
  bool tree = false;
};
int RunCheck(const CommonOptions& common, const CheckOptions& options);

struct TestOptions {
  bool verbose = false;
  std::string why;
  std::vector<std::string> files = {"-"};
};
int RunTest(const CommonOptions& common, const TestOptions& options);

struct ReplayOptions {
  int level = 1;
  std::vector<std::string> files = {"-"};
};
int RunReplay(const CommonOptions& common, const ReplayOptions& options);

struct HuntOptions {
  std::vector<std::string> words;  ///< of the query
  std::vector<std::string> files;  ///< instead of the store
  std::string since;
  std::string until;
  std::vector<std::string> top;
  std::string histogram;
  std::string html;
  std::optional<std::size_t> limit;
  bool follow = false;
  bool csv = false;
};
int RunHunt(const CommonOptions& common, const HuntOptions& options);

struct ListOptions {
  enum class Action { kShow, kGet, kAdd, kRemove, kCompile, kCheck };
  Action action = Action::kShow;
  std::string name;
  std::string key;
  std::string value;
};
int RunList(const CommonOptions& common, const ListOptions& options);

struct AuditRulesOptions {
  std::string users = "all";
  bool install = false;
  bool remove = false;
};
int RunAuditRules(const CommonOptions& common, const AuditRulesOptions& options);

int RunDoctor(const CommonOptions& common);
int RunReload(const CommonOptions& common);
int RunStatus(const CommonOptions& common);

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
