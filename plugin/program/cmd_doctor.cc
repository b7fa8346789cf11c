// SPDX-License-Identifier: Apache-2.0
// tldctl doctor: whether an exec becomes an alert here, and if not, where it is lost.
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <optional>

#include "base/text.h"
#include "deliver/link.h"
#include "deliver/store_reader.h"
#include "detect/audit_rules.h"
#include "detect/list.h"
#include "program/audit_rule_files.h"
#include "program/command.h"
#include "program/control.h"
#include "program/doctor_checks.h"
#include "program/kernel_audit.h"

namespace tld {
namespace {

constexpr char kRegistration[] = "/etc/audit/plugins.d/tld-audisp.conf";
constexpr char kMarked[] = "/bin/true";
constexpr std::size_t kSmallFile = 1 << 16;
constexpr std::int64_t kPatienceMs = 5000;
constexpr std::int64_t kStoreCheckMs = 3000;
constexpr std::uint64_t kUnsetLogin = 4'294'967'295;
constexpr std::uint64_t kAnyLogin = 1000;  // as good as any other for rules with auid>=1000

std::string_view Name(State state) {
  return state == State::kOk ? "ok" : state == State::kNotice ? "notice" : "broken";
}

/// The login user whose commands the rules record: the first that one of them names, else any.
std::uint64_t WatchedLogin(std::string_view rules) {
  constexpr std::string_view kCondition = "auid=";
  for (std::size_t at = rules.find(kCondition); at != rules.npos;
       at = rules.find(kCondition, at + 1)) {
    std::string_view digits = rules.substr(at + kCondition.size());
    digits = digits.substr(0, std::min(digits.find_first_not_of("0123456789"), digits.size()));
    const auto number = ParseNumber(digits);
    if (number && *number < kUnsetLogin) return *number;
  }
  return kAnyLogin;
}

/// Runs a program that does nothing, with an argument to know it by, as a login user.
bool RunMarked(const std::string& mark, std::uint64_t login) {
  const pid_t pid = fork();
  if (pid == 0) {
    const Fd fd(open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC));
    // Where it may not be changed, the one of whoever runs this counts.
    if (fd) static_cast<void>(WriteAll(fd.get(), std::to_string(login)));
    execl(kMarked, kMarked, mark.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

class Doctor {
 public:
  explicit Doctor(const CommonOptions& common) : common_(common), config_(common.Settings()) {}

  int Run() {
    const bool audited = LookAtKernel();
    const bool runs = LookAtPlugin();
    LookAtPolicy();
    LookAtClock();
    if (geteuid() == 0) {
      const std::string rules = RunAuditTool("auditctl -l").said;
      if (audited) LookAtRules(rules);
      LookAtRemotes();
      if (audited && runs) FollowMarked(WatchedLogin(rules));
      LookAtStore();
    }
    return broken_ ? kFindings : kGood;
  }

 private:
  void Tell(const Finding& finding) {
    broken_ |= finding.state == State::kBroken;
    if (common_.json) {
      std::string line = "{\"check\":";
      AppendJsonString(line, finding.check);
      line += ",\"state\":";
      AppendJsonString(line, Name(finding.state));
      line += ",\"text\":";
      AppendJsonString(line, finding.text);
      line += ",\"mend\":";
      AppendJsonString(line, finding.mend);
      std::puts((line + '}').c_str());
      return;
    }
    std::printf("%-7s %s\n", std::string(Name(finding.state)).c_str(), Shown(finding.text).c_str());
    if (!finding.mend.empty()) std::printf("        %s\n", Shown(finding.mend).c_str());
    std::fflush(stdout);
  }

  void TellAll(const Findings& findings) {
    for (const Finding& finding : findings) Tell(finding);
  }

  /// True when there is anything to record.
  bool LookAtKernel() {
    if (geteuid() != 0) {
      Tell({"kernel", State::kNotice, "only root can look at the kernel's side and try a command",
            "sudo tldctl doctor"});
      return false;
    }
    const std::optional<audit_status> status = KernelAuditStatus();
    const Result<std::string> command_line = ReadFile("/proc/cmdline", kSmallFile);
    TellAll(CheckKernel(status, command_line ? *command_line : std::string()));
    if (const Result<std::string> conf = ReadFile("/etc/audit/auditd.conf", kSmallFile); conf) {
      TellAll(CheckAuditdConf(*conf));
    }
    return status && status->pid != 0 && status->enabled != 0;
  }

  void LookAtClock() {
    timex clock{};
    const int state = adjtimex(&clock);
    TellAll(CheckClock(state >= 0 && state != TIME_ERROR && (clock.status & STA_UNSYNC) == 0));
  }

  bool LookAtPlugin() {
    const Result<std::string> answer = AskPlugin(config_.control_socket(), "status");
    if (answer) {
      TellAll(CheckStatus(*answer));
      return true;
    }
    const Result<std::string> entry = ReadFile(kRegistration, 4096);
    const bool active = entry && entry->find("active = yes") != entry->npos;
    if (!entry && geteuid() != 0) {
      Tell({"plugin", State::kBroken, answer.message(), "sudo tldctl doctor"});
    } else if (!entry) {
      Tell({"plugin", State::kBroken,
            std::string("the plugin is not registered: ") + kRegistration + ": " + entry.message(),
            "dpkg-reconfigure tld-audisp-plugin"});
    } else if (!active) {
      Tell({"plugin", State::kBroken, std::string(kRegistration) + " says that it is not active",
            "dpkg-reconfigure tld-audisp-plugin"});
    } else {
      Tell({"plugin", State::kBroken, "it is registered, but " + answer.message(),
            "auditctl --signal HUP"});
    }
    return false;
  }

  void LookAtPolicy() {
    PolicySource source = common_.Source();
    // As the plugin reads them, but for files that are only tried.
    if (common_.rules.empty() && common_.lists.empty()) source.trust = {true, geteuid()};
    const LoadedPolicy loaded = LoadPolicy(source, 1);
    const std::size_t errors = loaded.diagnostics.errors();
    if (errors > 0) {
      Tell({"policy", State::kBroken,
            std::to_string(errors) + (errors == 1 ? " error" : " errors") +
                " in settings, rules and lists",
            "tldctl check"});
    } else {
      for (const std::string& list : loaded.stale_lists) {
        Tell({"lists", State::kNotice, "the compiled list '" + list + "' is not that of its text",
              "tldctl list compile && tldctl reload"});
      }
      Tell({"policy", State::kOk,
            "settings, rules and lists are good: " +
                std::to_string(loaded.policy->ruleset.rules.size()) + " rules",
            ""});
    }
  }

  void LookAtRules(const std::string& text) {
    Diagnostics ignored;
    const ListDirectories where = ListsOf(config_, common_.Source());
    const Result<OpenedList> keys = OpenList(where, "audit-keys", ignored);
    TellAll(CheckAuditRules(ReadAuditRules({"auditctl -l", text}), AuditAbis(),
                            [&](const std::string& key) -> std::optional<std::string> {
                              const auto value = keys ? keys->list.Find(key) : std::nullopt;
                              if (!value) return {};
                              return std::string(*value);
                            }));
  }

  static std::string HowToMend(const Remote& remote, const LinkError& error) {
    if (remote.protocol == Remote::Protocol::kAgent) return "ls -l " + remote.socket;
    for (const std::string& file : {remote.ca, remote.certificate, remote.key}) {
      if (!file.empty() && !FileExists(file)) return "ls -l " + file;
    }
    if (!error.certificate) return "ping -c 3 " + remote.host;
    const std::string ca = remote.ca.empty() ? "" : " -CAfile " + remote.ca;
    return "openssl s_client -connect " + remote.host + ':' + remote.port + ca;
  }

  /// Each is tried, whatever the plugin says: it may have had nothing to send yet.
  void LookAtRemotes() {
    for (const Remote& remote : config_.remotes) {
      const LinkResult link = OpenLink(remote);
      if (const LinkError* error = std::get_if<LinkError>(&link)) {
        Tell({"remote", State::kBroken, "remote " + remote.name + ": " + error->message,
              HowToMend(remote, *error)});
      } else if (remote.protocol == Remote::Protocol::kUdp) {
        Tell(
            {"remote", State::kNotice,
             "remote " + remote.name + " has an address; UDP does not tell whether anybody listens",
             ""});
      } else {
        Tell({"remote", State::kOk, "remote " + remote.name + " can be reached from here", ""});
      }
    }
  }

  /// The last one: what root would write must not be written into the files of the store, so the
  /// process is its owner's from here on.
  void LookAtStore() {
    const std::string& path = config_.store.path;
    if (!config_.store_enabled || !FileExists(path)) return;
    if (Status changed = BecomeOwnerOf(path); !changed) return;
    Result<StoreReader> reader = StoreReader::Open(path);
    if (!reader) {
      Tell({"store", State::kBroken, reader.message(), "systemctl restart auditd"});
      return;
    }
    Database& database = reader->database();
    database.GiveUpAfter(kStoreCheckMs);
    Result<Statement> check = database.Prepare("PRAGMA quick_check(1)");
    const int step = check ? check->Step() : SQLITE_ERROR;
    if (step == SQLITE_ROW && check->Text(0) == "ok") {
      Tell({"store", State::kOk, "the alert store is whole", ""});
    } else if (step == SQLITE_ROW) {
      Tell({"store", State::kBroken, path + ": " + std::string(check->Text(0)),
            "mv " + path + " " + path + ".damaged && systemctl restart auditd"});
    } else if (step == SQLITE_INTERRUPT) {
      Tell({"store", State::kOk,
            "the alert store has no fault in what " + std::to_string(kStoreCheckMs / 1000) +
                " s could look at",
            ""});
    } else {
      Tell({"store", State::kBroken, path + ": " + database.LastError().message,
            "systemctl restart auditd"});
    }
  }

  void FollowMarked(std::uint64_t login) {
    if (!config_.store_enabled || config_.store_level > 3) {
      Tell({"exec", State::kNotice,
            "an ordinary command is not stored here, so none can be followed", ""});
      return;
    }
    const std::string mark = "tld-doctor-" + std::to_string(Random64());
    const std::string& path = config_.store.path;
    const std::int64_t began_ms = MonotonicMs();
    if (!RunMarked(mark, login)) {
      Tell({"exec", State::kBroken, std::string(kMarked) + " could not be run", ""});
      return;
    }
    if (Status changed = BecomeOwnerOf(path); !changed) {
      Tell({"exec", State::kBroken, changed.message(), ""});
      return;
    }
    while (MonotonicMs() - began_ms < kPatienceMs) {
      if (IsStored(path, mark)) {
        Tell({"exec", State::kOk,
              "a marked command was run and its alert stored within " +
                  std::to_string(MonotonicMs() - began_ms) + " ms",
              ""});
        return;
      }
      usleep(10'000);
    }
    Tell({"exec", State::kBroken,
          "a marked command was run as login user " + std::to_string(login) +
              " and no alert of it was stored within " + std::to_string(kPatienceMs / 1000) + " s",
          "ausearch -i -m EXECVE -x true -ts recent"});
  }

  static bool IsStored(const std::string& path, const std::string& mark) {
    Result<StoreReader> reader = StoreReader::Open(path);
    if (!reader) return false;
    Result<Statement> found = reader->database().Prepare(
        "SELECT 1 FROM alert WHERE id > (SELECT max(id) FROM alert) - 10000 AND "
        "instr(document, ?)");
    if (!found) return false;
    found->Bind(1, mark);
    return found->Step() == SQLITE_ROW;
  }

  const CommonOptions& common_;
  Config config_;
  bool broken_ = false;
};

}  // namespace

int RunDoctor(const CommonOptions& common) { return Doctor(common).Run(); }

}  // namespace tld
