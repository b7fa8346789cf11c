// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "alert/format.h"
#include "base/diagnostics.h"
#include "base/os.h"
#include "deliver/remote.h"
#include "deliver/store.h"
#include "deliver/syslog.h"
#include "program/repeat_limit.h"

namespace tld {

/// The settings, as tld-audisp.conf(5) describes them. A plain value; defaults stand here.
struct Config {
  // [plugin]
  std::string user = "_tld-audisp";
  std::size_t queue_bytes = std::size_t{64} << 20;  ///< of the front; `queue` is in MiB
  std::string run_directory = "/run/tld-audisp";
  std::string state_directory = "/var/lib/tld-audisp/state";
  std::string host;  ///< name in documents; empty = gethostname(2)
  std::string agent_id = "000";
  int heartbeat_s = 3600;     ///< between signs of life; 0 = none
  bool kernel_status = true;  ///< the witness keeps CAP_AUDIT_CONTROL to read it

  // [rules]
  std::vector<std::string> rule_paths;  ///< files, or directories of *.xml

  // [lists]
  std::vector<std::string> list_directories;  ///< highest priority first
  std::string compiled_lists = "/var/lib/tld-audisp/lists";
  bool catalogue = true;  ///< use the shipped list of suspicious programs

  // [syslog]
  Syslog::Options syslog;
  RepeatLimit::Options repeats;
  int syslog_level = 5;
  Format syslog_format = Format::kText;

  // [file]
  std::string file_path;  ///< empty = off
  int file_level = 3;

  // [store]
  bool store_enabled = true;
  Store::Options store = {.path = "/var/lib/tld-audisp/store/alerts.db"};
  int store_level = 3;

  // [remote NAME]
  std::vector<Remote> remotes;  ///< in the order of the files

  /// Directories that the plugin writes to, sorted, each once.
  std::vector<std::string> WrittenDirectories() const;
  /// Of the agents' sockets; all have the same. None without an agent.
  std::optional<std::string> AgentGroup() const;
  std::string control_socket() const { return run_directory + "/control.sock"; }
  std::string remotes_file() const { return state_directory + "/remotes.json"; }
  std::string state_file() const { return run_directory + "/state.json"; }
};

/// Where the program's own files are: installed, or in the checkout that it was built in.
struct Installation {
  std::string config_file;
  std::string shipped_rules;
  std::string local_rules;
  std::string shipped_lists;
  std::string local_lists;  ///< empty in a checkout
  std::string tls_module;
};
Installation FindInstallation();

/// The files of the settings: `path`, then `conf.d/*.conf` beside it in the order of their names.
std::vector<std::string> ConfigFiles(const std::string& path);

/// Reads ConfigFiles(path); the last value of a key wins. What is wrong is in `diagnostics`, with
/// its place, and leaves the value as it was. A main file that is not there is an error; the
/// defaults are returned then.
Config LoadConfig(const std::string& path, const Installation& installation, const FileTrust& trust,
                  Diagnostics& diagnostics);

/// Applies the text of a settings file that is the only one to `config`. For tests: nothing else
/// has its settings in memory.
void ReadConfigText(const SourceText& source, Config& config, Diagnostics& diagnostics);

}  // namespace tld
