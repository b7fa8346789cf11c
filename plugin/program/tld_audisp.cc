// SPDX-License-Identifier: Apache-2.0
// The plugin that auditd starts: settles the process, prepares what needs root, and becomes the
// front.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/os.h"
#include "base/text.h"
#include "deliver/syslog.h"
#include "program/config.h"
#include "program/control.h"
#include "program/front.h"
#include "program/sandbox.h"

namespace tld {
namespace {

constexpr Identity kNobody{65534, 65534};

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kConfine = false;  // the sanitizer's own system calls are not on the sensor's list
#else
constexpr bool kConfine = true;
#endif

/// Makes a directory that the roles write to, owned by them. One that is there already is taken as
/// it is, unless it was made for the user that stands in for a missing one: a setting that names
/// /tmp must not give /tmp away.
Status PrepareDirectory(const std::string& path, const Identity& identity, mode_t mode) {
  const bool is_new = !FileExists(path);
  if (Status made = MakeDirectories(path, mode); !made) return made;
  const Fd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat st {};
  if (!fd || fstat(fd.get(), &st) != 0) return OsError("cannot open " + path);
  if (st.st_uid == identity.uid) return {};
  if (!is_new && st.st_uid != kNobody.uid) {
    return Error{path + ": belongs to uid " + std::to_string(st.st_uid) + ", not to uid " +
                 std::to_string(identity.uid)};
  }
  const Result<gid_t> adm = FindGroup("adm");
  if (fchown(fd.get(), identity.uid, adm ? *adm : identity.gid) != 0 ||
      fchmod(fd.get(), mode) != 0) {
    return OsError("cannot give " + path + " to uid " + std::to_string(identity.uid));
  }
  return {};
}

/// What only root can do. Whatever fails is a problem to tell, never a reason to end.
void Prepare(const Config& config, const Identity& identity, FrontStart& start) {
  const auto note = [&](const Status& status) {
    if (!status) start.sensor.problems.push_back(status.message());
  };
  note(PrepareDirectory(config.run_directory, identity, 0755));
  note(PrepareDirectory(config.state_directory, identity, 0750));
  // Set-group-id, here and below: what is made there is for the group adm.
  if (config.store_enabled) note(PrepareDirectory(DirectoryOf(config.store.path), identity, 02750));
  if (!config.file_path.empty()) {
    note(PrepareDirectory(DirectoryOf(config.file_path), identity, 02750));
  }
  Result<Fd> control = BindControlSocket(config.control_socket());
  if (control) {
    start.control = *std::move(control);
  } else {
    start.sensor.problems.push_back(control.message());
  }
}

Identity ChooseIdentity(const Config& config, FrontStart& start) {
  if (geteuid() != 0) return {geteuid(), getegid()};
  const Result<Identity> user = FindUser(config.user);
  if (user) return *user;
  start.sensor.problems.push_back(user.message() + "; uid 65534 is used instead");
  return kNobody;
}

/// The group of the agents' sockets, for the courier to take.
std::optional<gid_t> FindAgentGroup(const Config& config, FrontStart& start) {
  const std::optional<std::string> name = config.AgentGroup();
  if (!name) return {};
  const Result<gid_t> found = FindGroup(*name);
  if (found) return *found;
  start.sensor.problems.push_back("the agents' sockets: " + found.message());
  return {};
}

/// There will be no sensor to say it.
void SayDraining(const Config& config, const std::string& why) {
  Syslog syslog(config.syslog);
  syslog.Send(LOG_ALERT, "tld-audisp judges nothing: it is still privileged and " + why,
              MonotonicMs());
}

/// What holds for the front and so for all roles; each restricts itself further.
void Confine(FrontStart& start) {
  const Result<int> landlock =
      RestrictFiles({start.sensor.config.WrittenDirectories(), true, true});
  if (landlock) {
    start.sensor.landlock = *landlock;
  } else {
    start.sensor.problems.push_back(landlock.message());
  }
  if (Status confined = ConfineFront(); !confined) {
    start.sensor.problems.push_back(confined.message());
  }
}

int Run(const std::string& config_file) {
  SettleProcess();
  tzset();
  FrontStart start;
  start.parent = getppid();
  start.sensor.config_file = config_file;
  start.sensor.owner = geteuid();
  start.sensor.confine = kConfine;
  start.courier.confine = kConfine;
  start.witness.confine = kConfine;
  Diagnostics found_again_by_the_sensor;
  const Config config = LoadConfig(config_file, FindInstallation(), {true, start.sensor.owner},
                                   found_again_by_the_sensor);
  start.sensor.config = config;
  start.queue_bytes = config.queue_bytes;
  start.courier.writable = config.WrittenDirectories();
  start.courier.remotes_file = config.remotes_file();
  start.witness.kernel_status = config.kernel_status;
  const Identity identity = ChooseIdentity(config, start);
  Prepare(config, identity, start);
  if (geteuid() == 0) {
    std::vector<int> kept = {CAP_DAC_READ_SEARCH};  // for the witness
    if (config.kernel_status) kept.push_back(CAP_AUDIT_CONTROL);
    if (Status dropped = DropPrivileges(identity, FindAgentGroup(config, start), kept); !dropped) {
      start.sensor.problems.push_back(dropped.message());
      if (StillPrivileged(identity, kept)) {
        start.drain_only = true;
        SayDraining(config, dropped.message());
      }
    }
  }
  if (kConfine) Confine(start);
  return RunFront(std::move(start));
}

int Main(int argc, char** argv) {
  CLI::App app{
      "Reports suspicious commands from audit events. Started by auditd, which writes the\n"
      "events to its standard input; see tld-audisp(8) and tldctl(1)."};
  std::string config_file = FindInstallation().config_file;
  app.add_option("--conf", config_file, "settings file")->option_text("FILE");
  app.set_version_flag("--version", "tld-audisp " TLD_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (isatty(STDIN_FILENO) != 0) {
    std::fputs(
        "tld-audisp: auditd starts this program and writes events to its standard input;\n"
        "to judge records by hand use 'tldctl test'\n",
        stderr);
    return 2;
  }
  return Run(config_file);
}

}  // namespace
}  // namespace tld

int main(int argc, char** argv) {
  try {
    return tld::Main(argc, argv);
  } catch (const std::exception& error) {  // out of memory, or a library's
    std::fprintf(stderr, "tld-audisp: %s\n", error.what());
    return 1;
  }
}
