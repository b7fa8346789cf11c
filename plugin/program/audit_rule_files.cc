// SPDX-License-Identifier: Apache-2.0
#include "program/audit_rule_files.h"

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
    if (name.ends_with(".rules")) paths.push_back(std::string(kDirectory) + '/' + name);
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

/// Rules as `option` (-A, -a, -d) puts them in or takes them out.
std::string With(const char* option, const std::string& text) {
  std::string out;
  for (const std::string& line : AuditRuleLines(text)) {
    if (line.starts_with("-a ")) out += option + line.substr(2) + '\n';
  }
  return out;
}

class Installer {
 public:
  explicit Installer(AuditRuleTexts texts)
      : texts_(std::move(texts)), before_{TextOf(kException), TextOf(kCommands)} {}

  AuditRuleChange Install() {
    FindStrays();
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
  void FindStrays() {
    std::vector<std::string> sources;
    for (const std::string& path : RuleFiles()) sources.push_back(TextOf(path));
    strays_ = LinesOnlyMerged(TextOf(kMerged), sources);
  }

  /// The kernel refuses a rule that it has, and auditctl stops there: nothing behind it is loaded.
  void LeaveOutWhatOthersHave() {
    for (const std::string& path : RuleFiles()) {
      if (IsOurs(path)) continue;
      for (const std::string& other : AuditRuleLines(TextOf(path))) {
        for (const std::string& line : AuditRuleLines(texts_.commands)) {
          if (CanonicalAuditRule(line) != CanonicalAuditRule(other)) continue;
          const std::size_t at = texts_.commands.find("\n" + line + "\n");
          texts_.commands.insert(at + 1, "# is in " + path + ": ");
          Say(path + " has a rule of ours already, which is left out here: " + line);
        }
      }
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
    if (ran.good) return;
    // Whose fault is it? Rules of ours that are refused would keep a Debian 13 from starting
    // auditd.
    if (!Write(before_)) return;
    if (RunAuditTool("augenrules --load").good) {
      Fail("the kernel refuses the new rules, and the old ones stay: " + Reason(ran.said));
      return;
    }
    if (!Write(texts_)) return;
    Fail("audit rules that are not ours do not load: " + Reason(ran.said));
    ExchangeOurs();
  }

  void ExchangeOurs() {
    // What is not loaded cannot be taken out, and that is no fault.
    Load("-c\n" + With("-d", before_.exception) + With("-d", before_.commands));
    Load("-c\n" + With("-d", texts_.exception) + With("-d", texts_.commands));
    // The kernel asks its rules in order, and an exception must come before what it excepts.
    const AuditTool ran = Load(With("-A", texts_.exception) + With("-a", texts_.commands));
    if (ran.good) return;
    Fail("the kernel refuses the new rules, and the old ones stay: " + Reason(ran.said));
    Load("-c\n" + With("-d", texts_.exception) + With("-d", texts_.commands));
    if (Write(before_)) Load(With("-A", before_.exception) + With("-a", before_.commands));
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
  return line.starts_with("-a never,exit ") && line.find("/tld-audisp -F auid=unset") != line.npos;
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

std::vector<std::string> AuditRuleLines(const std::string& text) {
  std::vector<std::string> lines;
  for (const std::string_view line : SplitWords(text, "\r\n")) {
    const std::string_view rule = Trim(line);
    if (!rule.empty() && rule[0] != '#') lines.emplace_back(rule);
  }
  return lines;
}

std::string CanonicalAuditRule(const std::string& line) {
  std::string out;
  bool key = false;
  for (const std::string_view word : SplitWords(line, " \t")) {
    std::string one(word);
    if (key) one.insert(0, "key=");
    key = word == "-k";
    if (key) one = "-F";
    if (one == "exit,always") one = "always,exit";
    if (one == "exit,never") one = "never,exit";
    for (const char* unset : {"4294967295", "-1"}) {
      const std::string tail = "auid!=" + std::string(unset);
      if (one == tail) one = "auid!=unset";
    }
    if (!out.empty()) out += ' ';
    out += one;
  }
  return out;
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
