// SPDX-License-Identifier: Apache-2.0
#include "program/audit_rule_files.h"

#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "base/os.h"
#include "base/text.h"
#include "program/kernel_audit.h"

namespace tld {
namespace {

constexpr char kDirectory[] = "/etc/audit/rules.d";
constexpr char kMerged[] = "/etc/audit/audit.rules";
constexpr char kException[] = "/etc/audit/rules.d/20-tld-audisp.rules";
constexpr char kCommands[] = "/etc/audit/rules.d/40-tld-audisp.rules";
constexpr std::string_view kWatchKey = " -F key=tld-audisp-watch";
constexpr std::string_view kSignalKey = " -F key=tld-audisp-signal";
constexpr std::size_t kRulesLimit = std::size_t{16} << 20;

std::string TextOf(const std::string& path) {
  const Result<std::string> text = ReadFile(path, kRulesLimit);
  return text ? *text : std::string();
}

bool IsOurs(const std::string& path) { return path == kException || path == kCommands; }

/// The files that augenrules(8) merges.
std::vector<std::string> RuleFiles() {
  std::vector<std::string> paths;
  const auto names = ListDirectory(kDirectory);
  if (!names) return paths;
  for (const std::string& name : *names) {
    if (IsMerged(name)) paths.push_back(std::string(kDirectory) + '/' + name);
  }
  return paths;
}

/// `auditctl -R` of a text; it reads files alone.
AuditTool Load(const std::string& text) {
  if (text.empty()) return {true, ""};
  std::string path = "/tmp/tld-audisp-XXXXXX";
  const Fd fd(mkstemp(path.data()));
  if (!fd) return {false, OsError("cannot make a temporary file").message};
  AuditTool ran;
  if (const Status written = WriteAll(fd.get(), text); written) {
    ran = RunAuditTool("auditctl -R " + path);
  } else {
    ran.said = written.message();
  }
  unlink(path.c_str());
  return ran;
}

/// The lines of what a failed load said that tell why.
std::string Reason(const std::string& said) {
  std::string reason;
  for (const std::string_view line : SplitWords(said, "\n")) {
    const bool status = line.find("error") == line.npos && line.find("Error") == line.npos &&
                        line.find("exists") == line.npos && line.find("nknown") == line.npos;
    if (!status) reason += (reason.empty() ? "" : "; ") + std::string(Trim(line));
  }
  return reason.empty() ? std::string(Trim(said)) : reason;
}

using Rules = std::vector<std::string>;  // canonical, each "-a LIST,ACTION …"

bool Has(const Rules& rules, const std::string& rule) {
  return std::find(rules.begin(), rules.end(), rule) != rules.end();
}

Rules RulesOf(const std::string& text) {
  Rules rules;
  for (const std::string& line : AuditRuleLines(text)) {
    if (line.starts_with("-a ")) rules.push_back(CanonicalAuditRule(line));
  }
  return rules;
}

/// Rules as `option` (-A, -a, -d) puts them in or takes them out.
std::string With(const char* option, const Rules& rules) {
  std::string out;
  for (const std::string& rule : rules) out += option + rule.substr(2) + '\n';
  return out;
}

class Installer {
 public:
  explicit Installer(AuditRuleTexts texts)
      : texts_(std::move(texts)), before_{TextOf(kException), TextOf(kCommands)} {}

  AuditRuleChange Install() {
    LookAtOthers();
    LeaveOutWhatOthersHave();
    if (!Write(texts_)) return change_;
    const std::optional<audit_status> kernel = KernelAuditStatus();
    if (!kernel) {
      Say("the kernel's audit system cannot be reached from here; the change counts when auditd "
          "starts");
    } else if (kernel->enabled == 2) {
      Say("the audit rules are locked (-e 2): the change waits for the next start of the machine");
    } else if (kernel->pid == 0) {
      Say("auditd does not run; the change counts when it starts");
    } else if (strays_.empty()) {
      LoadAll();
    } else {
      TellStrays();
      ExchangeOurs();
    }
    return change_;
  }

 private:
  void Say(std::string text) { change_.said.push_back(std::move(text)); }
  void Fail(std::string text) {
    change_.good = false;
    Say(std::move(text));
  }

  /// Before anything is written: what was merged from our old files is no stray.
  void LookAtOthers() {
    std::vector<std::string> sources;
    for (const std::string& path : RuleFiles()) {
      sources.push_back(TextOf(path));
      if (IsOurs(path)) continue;
      for (std::string& rule : RulesOf(sources.back())) {
        others_.push_back(std::move(rule));
        paths_.push_back(path);
      }
    }
    strays_ = LinesOnlyMerged(TextOf(kMerged), sources);
  }

  /// The kernel refuses a rule that it has, and auditctl stops there: nothing behind it is loaded.
  void LeaveOutWhatOthersHave() {
    wanted_ = RulesOf(texts_.commands);
    for (const std::string& line : AuditRuleLines(texts_.commands)) {
      const auto other = std::find(others_.begin(), others_.end(), CanonicalAuditRule(line));
      if (other == others_.end()) continue;
      const std::string& path = paths_[static_cast<std::size_t>(other - others_.begin())];
      texts_.commands.insert(texts_.commands.find('\n' + line + '\n') + 1,
                             "# is in " + path + ": ");
      Say(path + " has a rule of ours already, which is left out here: " + line);
    }
  }

  bool Write(const AuditRuleTexts& texts) {
    const auto put = [&](const char* path, const std::string& text) {
      if (text.empty()) {
        if (unlink(path) == 0 || errno == ENOENT) return true;
        Fail(OsError(std::string("cannot remove ") + path).message);
        return false;
      }
      if (const Status made = MakeDirectories(kDirectory, 0750); !made) {
        Fail(made.message());
        return false;
      }
      const Status written = WriteFileAtomically(path, text, 0640, true);
      if (!written) Fail(written.message());
      return bool(written);
    };
    return put(kException, texts.exception) && put(kCommands, texts.commands);
  }

  void LoadAll() {
    const AuditTool ran = RunAuditTool("augenrules --load");
    if (ran.good) return AskKernel();
    const std::string why = Reason(ran.said);
    if (texts_.exception == before_.exception && texts_.commands == before_.commands) {
      BlameOthers(why);
      return;
    }
    // Whose fault is it? Rules of ours that are refused would keep a Debian 13 from starting
    // auditd.
    if (!Write(before_)) return;
    if (RunAuditTool("augenrules --load").good) {
      Fail("the kernel refuses the new rules, and the old ones stay: " + why);
      return;
    }
    if (Write(texts_)) BlameOthers(why);
  }

  /// Unless ours do not load by themselves either; then that is said.
  void BlameOthers(const std::string& why) {
    if (ExchangeOurs()) Fail("audit rules that are not ours do not load: " + why);
  }

  bool ExchangeOurs() {
    TakeOut(before_);
    TakeOut(texts_);
    if (const AuditTool ran = PutIn(texts_); !ran.good) {
      Fail("the kernel refuses our rules: " + Reason(ran.said));
      TakeOut(texts_);
      if (Write(before_)) PutIn(before_);
      return false;
    }
    // What another file has may not be loaded yet; a rule that is there is refused, which is good.
    Load("-c\n" + With("-a", wanted_));
    AskKernel();
    return true;
  }

  /// But for what another file has too. What is not loaded cannot be taken out, and that is no
  /// fault.
  void TakeOut(const AuditRuleTexts& texts) const {
    Rules rules = RulesOf(texts.exception + texts.commands);
    std::erase_if(rules, [&](const std::string& rule) { return Has(others_, rule); });
    Load("-c\n" + With("-d", rules));
  }

  /// The kernel asks its rules in order, and an exception must come before what it excepts.
  static AuditTool PutIn(const AuditRuleTexts& texts) {
    return Load(With("-A", RulesOf(texts.exception)) + With("-a", RulesOf(texts.commands)));
  }

  /// Under -i in anybody's file auditctl calls good what the kernel has refused.
  void AskKernel() {
    const Rules loaded = RulesOf(RunAuditTool("auditctl -l").said);
    for (const std::string& rule : wanted_) {
      if (!Has(loaded, rule)) Fail("the kernel has not taken this rule: " + rule);
    }
  }

  void TellStrays() {
    std::string text =
        "these lines stand in /etc/audit/audit.rules alone, and augenrules, which auditd runs when "
        "it starts, would drop them; so only our rules were exchanged. Move the lines to a file of "
        "yours, such as /etc/audit/rules.d/50-local.rules, and run 'augenrules --load':";
    for (const std::string& line : strays_) text += "\n  " + Shown(line);
    Say(std::move(text));
  }

  AuditRuleTexts texts_;
  AuditRuleTexts before_;
  Rules wanted_;                    ///< what is to be recorded, whichever file it stands in
  Rules others_;                    ///< of files that are not ours
  std::vector<std::string> paths_;  ///< of these, one by one
  std::vector<std::string> strays_;
  AuditRuleChange change_;
};

/// A rule that this program wrote, whomever it watches.
bool IsOurRule(const std::string& line) {
  return line.starts_with("-a always,exit -F arch=b") &&
         line.find(" -S execve,execveat -F auid") != line.npos &&
         line.ends_with(" -F auid!=unset -F key=audit-wazuh-c");
}

bool IsOurException(const std::string& line) {
  return (line.starts_with("-a never,exit ") &&
          line.find("/tld-audisp -F auid=unset") != line.npos) ||
         line.ends_with(kWatchKey) || line.ends_with(kSignalKey);
}

}  // namespace

std::vector<std::string> AuditAbis() {
  utsname name{};
  uname(&name);
  const std::string_view machine = name.machine;
  if (machine == "x86_64" || machine == "ppc64" || machine == "s390x") return {"b64", "b32"};
  const bool wide = machine == "aarch64" || machine == "ppc64le" || machine == "riscv64";
  return {wide ? "b64" : "b32"};
}

std::string ExceptionAuditRules(const std::string& program, uid_t plugin) {
  std::string text = "## What the plugin itself does is not recorded.\n";
  for (const std::string& abi : AuditAbis()) {
    text += "-a never,exit -F arch=" + abi + " -F exe=" + program +
            " -F auid=unset -F uid=" + std::to_string(plugin) + '\n';
  }
  return text;
}

std::string WatchAuditRules(const std::vector<std::string>& paths) {
  std::string text = "## What is done to it and to auditd is.\n";
  for (const std::string& abi : AuditAbis()) {
    const std::string begin = "-a always,exit -F arch=" + abi;
    for (const std::string& path : paths) {
      struct stat st {};
      if (stat(path.c_str(), &st) != 0) continue;
      text += begin + (S_ISDIR(st.st_mode) ? " -F dir=" : " -F path=") + path + " -F perm=wa" +
              std::string(kWatchKey) + '\n';
    }
    // SIGKILL and SIGSTOP; the signal is the second argument, of calls for one thread the third.
    for (const char* signal : {"9", "19"}) {
      text += begin + " -S kill,tkill,pidfd_send_signal,rt_sigqueueinfo -F a1=" + signal +
              " -F auid!=unset" + std::string(kSignalKey) + '\n';
      text += begin + " -S tgkill,rt_tgsigqueueinfo -F a2=" + signal + " -F auid!=unset" +
              std::string(kSignalKey) + '\n';
    }
  }
  return text;
}

std::vector<std::string> AuditRuleLines(const std::string& text) {
  std::vector<std::string> lines;
  for (const std::string_view line : SplitWords(text, "\n")) {
    const std::string_view rule = Trim(line, " \t");
    if (!rule.empty() && rule[0] != '#') lines.emplace_back(rule);
  }
  return lines;
}

std::string CanonicalAuditRule(const std::string& line) {
  std::string out;
  std::vector<std::string> calls;
  std::string_view option;
  for (const std::string_view word : SplitWords(line, " \t")) {
    std::string one(word);
    if (option == "-S") {
      for (const std::string_view call : SplitWords(word, ",")) calls.emplace_back(call);
      one.clear();
    } else if (option == "-k") {
      one = "-F key=" + one;
    } else if (one == "exit,always" || one == "exit,never") {
      one = one.substr(5) + ",exit";
    } else if (one == "auid!=4294967295" || one == "auid!=-1") {
      one = "auid!=unset";
    }
    option = word;
    if (one.empty() || one == "-S" || one == "-k") continue;
    if (!out.empty()) out += ' ';
    out += one;
  }
  std::sort(calls.begin(), calls.end());
  calls.erase(std::unique(calls.begin(), calls.end()), calls.end());
  for (const std::string& call : calls) out += " -S " + call;
  return out;
}

bool IsMerged(std::string_view name) {
  return name.ends_with(".rules") && !name.starts_with('.') &&
         name.find_first_of(" \t\n") == name.npos;
}

std::vector<std::string> LinesOnlyMerged(const std::string& merged,
                                         const std::vector<std::string>& sources) {
  std::vector<std::string> known;
  for (const std::string& source : sources) {
    for (std::string& line : AuditRuleLines(source)) known.push_back(std::move(line));
  }
  std::vector<std::string> strays;
  for (std::string& line : AuditRuleLines(merged)) {
    if (IsOurRule(line) || IsOurException(line)) continue;
    if (std::find(known.begin(), known.end(), line) == known.end()) {
      strays.push_back(std::move(line));
    }
  }
  return strays;
}

AuditRuleChange InstallAuditRules(AuditRuleTexts texts) {
  return Installer(std::move(texts)).Install();
}

}  // namespace tld
