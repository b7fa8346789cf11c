// SPDX-License-Identifier: Apache-2.0
#include "program/doctor_checks.h"

#include <rapidjson/document.h>

#include <algorithm>
#include <cstdint>

#include "base/text.h"

namespace tld {
namespace {

constexpr std::uint64_t kBacklog = 8192;     // Debian's own audit.rules have -b 8192
constexpr std::uint64_t kQueueDepth = 2000;  // auditd.conf(5); the default of 3.0 and later

std::string Number(std::uint64_t number) { return std::to_string(number); }

/// `the key 'a', 'b'`, for a sentence.
std::string KeysOf(const AuditRule& rule) {
  std::string keys;
  for (const std::string& key : rule.keys) keys += (keys.empty() ? "'" : ", '") + key + '\'';
  return keys.empty() ? "no key" : "the key " + keys;
}

}  // namespace

Findings CheckKernel(const std::optional<audit_status>& status, std::string_view command_line) {
  if (!status) {
    return {{"kernel", State::kBroken,
             "the kernel's audit system does not answer; in a container it never does", ""}};
  }
  Findings found;
  if (status->pid == 0) {
    found.push_back({"auditd", State::kBroken, "auditd does not run", "systemctl start auditd"});
  } else {
    found.push_back({"auditd", State::kOk, "auditd runs, as process " + Number(status->pid), ""});
  }
  if (status->enabled == 0) {
    const auto words = SplitWords(command_line, " \n");
    const bool by_boot = std::find(words.begin(), words.end(), "audit=0") != words.end();
    found.push_back({"kernel", State::kBroken,
                     by_boot ? "the kernel records nothing: it was started with audit=0"
                             : "the kernel records nothing: auditing is off",
                     by_boot ? "" : "auditctl -e 1"});
  } else if (status->enabled == 2) {
    found.push_back(
        {"kernel", State::kNotice,
         "the audit rules are locked (-e 2): changes wait for the next start of the machine", ""});
  }
  if (status->lost > 0) {
    found.push_back({"kernel", State::kNotice,
                     "the kernel has lost " + Number(status->lost) +
                         " records since it was started; its backlog limit is " +
                         Number(status->backlog_limit),
                     ""});
  }
  if (status->backlog_limit < kBacklog) {
    found.push_back({"backlog", State::kNotice,
                     "the kernel keeps " + Number(status->backlog_limit) +
                         " records for auditd at most; a burst needs more",
                     "auditctl -b " + Number(kBacklog)});
  }
  if (status->rate_limit > 0) {
    found.push_back(
        {"rate", State::kBroken,
         "the kernel drops what is above " + Number(status->rate_limit) + " records a second",
         "auditctl -r 0"});
  }
  return found;
}

Findings CheckAuditRules(
    const std::vector<AuditRule>& rules, const std::vector<std::string>& abis,
    const std::function<std::optional<std::string>(const std::string& key)>& meaning) {
  Findings found;
  const auto is_command = [&](const AuditRule& rule) {
    return std::any_of(rule.keys.begin(), rule.keys.end(),
                       [&](const std::string& key) { return meaning(key) == "command"; });
  };
  for (const AuditRule& rule : rules) {
    if (rule.silences_tasks) {
      found.push_back({"rules", State::kBroken,
                       "an audit rule of the list 'task' says never: no process is recorded at all",
                       "auditctl -d never,task"});
    }
    if (rule.excludes_exec) {
      found.push_back({"rules", State::kBroken,
                       "an audit rule of the list 'exclude' keeps records of commands from being "
                       "made",
                       "auditctl -l | grep exclude"});
    }
  }
  std::string missing;
  for (const std::string& abi : abis) {
    for (const char* call : {"execve", "execveat"}) {
      const bool recorded = std::any_of(rules.begin(), rules.end(), [&](const AuditRule& rule) {
        return is_command(rule) && rule.TakesCall(call, abi);
      });
      if (!recorded) missing += (missing.empty() ? "" : ", ") + std::string(call) + '/' + abi;
    }
  }
  const bool any = std::any_of(rules.begin(), rules.end(),
                               [](const AuditRule& r) { return r.records && r.takes_exec; });
  const bool known = std::any_of(rules.begin(), rules.end(), [&](const AuditRule& rule) {
    return rule.records && rule.takes_exec && is_command(rule);
  });
  if (!any) {
    found.push_back({"rules", State::kBroken, "no audit rule records what is run",
                     "tldctl audit-rules --install"});
  } else if (!known) {
    found.push_back(
        {"rules", State::kBroken,
         "the kernel records what is run, but under a key that the list audit-keys does "
         "not call 'command'",
         "tldctl list add audit-keys KEY command"});
  } else if (!missing.empty()) {
    found.push_back({"rules", State::kBroken,
                     "not everything that is run is recorded; missing are " + missing,
                     "tldctl audit-rules --install"});
  } else {
    found.push_back(
        {"rules", State::kOk, "the kernel records what is run, under a key that is known", ""});
  }
  // The kernel takes the first rule that matches.
  for (const AuditRule& rule : rules) {
    if (rule.takes_exec && rule.records && is_command(rule)) break;
    if (rule.takes_exec && !rule.records && !rule.narrow) {
      found.push_back({"rules", State::kBroken,
                       "an audit rule before ours says never for commands of whatever program",
                       "auditctl -l"});
    } else if (rule.takes_exec && rule.records && known) {
      found.push_back(
          {"rules", State::kNotice,
           "an audit rule before ours takes commands first, under " + KeysOf(rule) +
               ": rules of yours that ask for 80792 do not see those",
           rule.keys.empty() ? "" : "tldctl list add audit-keys " + rule.keys[0] + " command"});
    }
  }
  return found;
}

Findings CheckAuditdConf(std::string_view text) {
  Findings found;
  const std::string file = "/etc/audit/auditd.conf";
  for (const std::string_view line : SplitWords(text, "\n")) {
    const std::size_t equals = line.find('=');
    if (equals == line.npos || Trim(line).starts_with('#')) continue;
    const std::string_view name = Trim(line.substr(0, equals));
    const std::string_view value = Trim(line.substr(equals + 1));
    if (name == "q_depth" && ParseNumber(value).value_or(kQueueDepth) < kQueueDepth) {
      found.push_back({"auditd", State::kNotice,
                       file + ": q_depth is " + std::string(value) +
                           "; auditd drops events for plugins in a burst when it is full",
                       "sed -i 's/^q_depth.*/q_depth = " + Number(kQueueDepth) + "/' " + file +
                           " && auditctl --signal HUP"});
    }
    if (name == "log_format" && value == "NOLOG") {
      found.push_back({"auditd", State::kNotice,
                       file + ": log_format is NOLOG; ausearch will find no event that an alert "
                              "names",
                       "sed -i 's/^log_format.*/log_format = ENRICHED/' " + file +
                           " && auditctl --signal HUP"});
    }
    if (name == "write_logs" && value == "no") {
      found.push_back(
          {"auditd", State::kNotice,
           file + ": write_logs is no; ausearch will find no event that an alert names",
           "sed -i 's/^write_logs.*/write_logs = yes/' " + file + " && auditctl --signal HUP"});
    }
    if (name == "overflow_action" && (value == "ignore" || value == "IGNORE")) {
      found.push_back({"auditd", State::kNotice,
                       file + ": overflow_action is ignore; what auditd drops for plugins is not "
                              "told",
                       "sed -i 's/^overflow_action.*/overflow_action = SYSLOG/' " + file +
                           " && auditctl --signal HUP"});
    }
  }
  if (found.empty()) found.push_back({"auditd", State::kOk, "auditd's settings are good", ""});
  return found;
}

namespace {

/// `status.section.name`, if it is a number above 0.
std::uint64_t Counted(const rapidjson::Document& status, const char* section, const char* name) {
  if (!status.HasMember(section) || !status[section].IsObject()) return 0;
  const auto& object = status[section];
  return object.HasMember(name) && object[name].IsUint64() ? object[name].GetUint64() : 0;
}

std::string Told(const rapidjson::Value& object, const char* name) {
  return object.IsObject() && object.HasMember(name) && object[name].IsString()
             ? object[name].GetString()
             : std::string();
}

void CheckRemotes(const rapidjson::Document& status, Findings& found) {
  if (!status.HasMember("remotes") || !status["remotes"].IsObject()) return;
  for (const auto& remote : status["remotes"].GetObject()) {
    const std::string name = remote.name.GetString();
    const std::string problem = Told(remote.value, "problem");
    if (problem.empty()) {
      found.push_back({"remote", State::kOk, "the plugin has no trouble with remote " + name, ""});
    } else {
      found.push_back(
          {"remote", State::kBroken, "remote " + name + ": " + problem, "tldctl status"});
    }
  }
}

}  // namespace

Findings CheckStatus(const std::string& json) {
  rapidjson::Document status;
  if (status.Parse(json.c_str()).HasParseError() || !status.IsObject()) {
    return {
        {"plugin", State::kBroken, "the plugin's answer makes no sense", "auditctl --signal HUP"}};
  }
  Findings found{{"plugin", State::kOk, "the plugin runs", ""}};
  if (status.HasMember("degraded") && status["degraded"].IsArray()) {
    for (const auto& reason : status["degraded"].GetArray()) {
      if (!reason.IsString()) continue;
      found.push_back({"plugin", State::kBroken,
                       std::string("it is degraded: ") + reason.GetString(), "tldctl check"});
    }
  }
  constexpr std::pair<const char*, std::string_view> kLosses[] = {
      {"lines_queue_full", "lines were dropped since its queue was full"},
      {"bytes_sensor_lost", "bytes were lost when its sensor died"},
      {"alerts_sensor_lost", "alerts were not stored yet when its sensor died"},
      {"syslog_lines_sensor_lost", "lines waited for syslog when its sensor died"},
      {"events_truncated", "events were over a limit and are cut"}};
  for (const auto& [name, text] : kLosses) {
    const std::uint64_t count = Counted(status, "dropped", name);
    if (count == 0) continue;
    found.push_back({"plugin", State::kNotice,
                     Number(count) + ' ' + std::string(text) + ", since it was started", ""});
  }
  if (const std::uint64_t dropped = Counted(status, "syslog", "dropped"); dropped > 0) {
    found.push_back({"syslog", State::kNotice,
                     Number(dropped) + " lines for syslog were dropped since it took none", ""});
  }
  const std::string syslog = status.HasMember("syslog") ? Told(status["syslog"], "problem") : "";
  if (!syslog.empty()) {
    found.push_back(
        {"syslog", State::kBroken, syslog, "systemctl status rsyslog systemd-journald"});
  }
  const std::string store = status.HasMember("store") ? Told(status["store"], "problem") : "";
  if (store.empty()) {
    found.push_back({"store", State::kOk, "the alert store is written", ""});
  } else {
    found.push_back({"store", State::kBroken, "the alert store: " + store, "df -h /var/lib"});
  }
  CheckRemotes(status, found);
  return found;
}

Findings CheckClock(bool synchronized) {
  if (synchronized) return {{"clock", State::kOk, "the clock is synchronised", ""}};
  return {{"clock", State::kNotice,
           "the clock is not synchronised: the times of alerts may be wrong",
           "timedatectl set-ntp true"}};
}

}  // namespace tld
