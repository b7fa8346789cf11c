// SPDX-License-Identifier: Apache-2.0
// FormatJson of alert/format.h: the alert document.
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "alert/format.h"
#include "alert/mitre.h"
#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kUsualBytes = 4096;  // a document has seldom more
constexpr char kCommandLine[] = "audit.execve.cmdline";

/// Compliance groups that the manager lists apart, by the prefix of their names.
constexpr std::pair<std::string_view, std::string_view> kCompliance[] = {
    {"pci_dss_", "pci_dss"},         {"gdpr_", "gdpr"}, {"gpg13_", "gpg13"}, {"hipaa_", "hipaa"},
    {"nist_800_53_", "nist_800_53"}, {"tsc_", "tsc"},   {"cis_", "cis"},
};

/// What the limit has taken so far.
struct Shortening {
  std::size_t previous = SIZE_MAX;  ///< logs of `previous_output` kept, the first so many
  std::size_t full_log = SIZE_MAX;  ///< bytes kept
  DataLimits data;
  bool bare_rule = false;               ///< only id, level and description of the rule
  std::vector<std::string_view> names;  ///< for `tld.truncated`; static, or the event's

  void Name(std::string_view name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
};

/// Writes `"name":` with the comma before it where one is needed.
void AppendName(std::string& out, std::string_view name) {
  if (out.back() != '{' && out.back() != '[') out += ',';
  AppendJsonString(out, name);
  out += ':';
}

void AppendText(std::string& out, std::string_view name, std::string_view value) {
  AppendName(out, name);
  AppendJsonString(out, value);
}

template <class Texts>
void AppendTexts(std::string& out, std::string_view name, const Texts& values) {
  AppendName(out, name);
  AppendJsonStrings(out, values);
}

void AppendMitre(std::string& out, const Mitre& mitre) {
  if (mitre.ids.empty()) return;
  const MitreNames names = NamesOf(mitre);
  AppendName(out, "mitre");
  out += '{';
  AppendTexts(out, "id", mitre.ids);
  if (!names.tactics.empty()) AppendTexts(out, "tactic", names.tactics);
  if (!names.techniques.empty()) AppendTexts(out, "technique", names.techniques);
  out += '}';
}

void AppendGroups(std::string& out, const std::vector<std::string>& groups) {
  std::vector<std::string_view> plain;
  for (const std::string& group : groups) {
    const bool compliance = std::any_of(std::begin(kCompliance), std::end(kCompliance),
                                        [&](const auto& c) { return group.starts_with(c.first); });
    if (!compliance) plain.push_back(group);
  }
  AppendTexts(out, "groups", plain);
  for (const auto& [prefix, name] : kCompliance) {
    std::vector<std::string_view> parts;
    for (const std::string& group : groups) {
      if (group.starts_with(prefix)) parts.push_back(std::string_view(group).substr(prefix.size()));
    }
    if (!parts.empty()) AppendTexts(out, name, parts);
  }
}

std::size_t PreviousLogs(const Alert& alert) {
  return alert.previous == nullptr || !alert.rule->full_log ? 0 : alert.previous->size();
}

/// The part of `rule` that is never left out, without the closing brace.
void AppendBareRule(std::string& out, const Rule& rule, std::string_view description) {
  out += "{\"level\":" + std::to_string(rule.level);
  AppendText(out, "description", description);
  AppendText(out, "id", rule.id);
}

void AppendTld(std::string& out, const Alert& alert, const Sender& sender,
               const Shortening& shortening) {
  AppendName(out, "tld");
  out += '{';
  AppendText(out, "instance", sender.InstanceText());
  out += ",\"seq\":" + std::to_string(alert.seq);
  out += ",\"policy\":" + std::to_string(alert.policy);
  if (alert.ingested_us != 0) AppendText(out, "ingested", Timestamp(alert.ingested_us));
  if (alert.latency_us != 0) out += ",\"latency_us\":" + std::to_string(alert.latency_us);
  if (!shortening.names.empty()) AppendTexts(out, "truncated", shortening.names);
  out += '}';
}

void AppendPrevious(std::string& out, const Alert& alert, std::size_t kept) {
  const std::size_t count = std::min(kept, PreviousLogs(alert));
  std::string text;
  for (std::size_t i = 0; i < count; ++i) (text += (i == 0 ? "" : "\n")) += (*alert.previous)[i];
  if (count > 0) AppendText(out, "previous_output", text);
}

std::string Render(const Alert& alert, const Sender& sender, const Shortening& shortening) {
  std::string out;
  out.reserve(kUsualBytes);
  out += '{';
  AppendText(out, "timestamp", Timestamp(alert.time_us));
  AppendName(out, "rule");
  if (shortening.bare_rule) {
    AppendBareRule(out, *alert.rule, alert.description);
    out += '}';
  } else {
    AppendRule(out, *alert.rule, alert.description, alert.fired_times);
  }
  AppendName(out, "agent");
  out += '{';
  AppendText(out, "id", sender.agent_id);
  AppendText(out, "name", sender.host);
  out += '}';
  AppendName(out, "manager");
  out += '{';
  AppendText(out, "name", sender.host);
  out += '}';
  AppendText(out, "id", sender.InstanceText() + '-' + std::to_string(alert.seq));
  if (!alert.about_event()) {
    AppendText(out, "full_log", CutAtCharacter(alert.description, shortening.full_log));
    AppendName(out, "decoder");
    out += "{\"name\":\"tld-audisp\"}";
  } else {
    AppendPrevious(out, alert, shortening.previous);
    if (alert.rule->full_log && shortening.full_log > 0) {
      AppendText(out, "full_log", CutAtCharacter(alert.event->full_log(), shortening.full_log));
    }
    AppendName(out, "decoder");
    out += "{\"parent\":\"auditd\",\"name\":\"auditd\"}";
    AppendName(out, "data");
    AppendData(out, *alert.event, shortening.data);
  }
  AppendText(out, "location", alert.location);
  AppendTld(out, alert, sender, shortening);
  out += '}';
  return out;
}

/// How many of these, from the first, hold a limit; all where they do not.
template <class Texts, class SizeOf>
std::size_t CountThatFills(const Texts& texts, std::size_t limit, SizeOf size_of) {
  std::size_t bytes = 0;
  std::size_t count = 0;
  for (; count < texts.size() && bytes < limit; ++count) bytes += size_of(texts[count]);
  return count;
}

/// What a document of this limit has no room for is not written to begin with: an event of a
/// megabyte would make several. As much as the limit stays of each thing, so that it still has to
/// be cut, and is named then.
Shortening LeaveOutTooLong(const Alert& alert, std::size_t limit) {
  Shortening shortening;
  shortening.full_log = shortening.data.command_line = shortening.data.value = limit;
  if (alert.previous != nullptr) {
    shortening.previous =
        CountThatFills(*alert.previous, limit, [](const std::string& log) { return log.size(); });
  }
  if (alert.about_event()) {
    shortening.data.arguments =
        CountThatFills(alert.event->arguments(), limit,
                       [](const Argument& argument) { return argument.value.size(); });
  }
  return shortening;
}

/// Cuts one more thing, in the order that loses least; false when nothing is left to cut. From step
/// 9 on it is about events and rules made to be too large; what remains then fits any limit in use.
/// `excess` is by how many bytes the last result was too large.
class Shortener {
 public:
  Shortener(const Alert& alert, std::size_t limit, Shortening& into)
      : alert_(alert), limit_(limit), into_(into) {}

  bool Step(std::size_t excess) {
    switch (step_) {
      case 0:
        return CutPrevious(excess);
      case 1:
        return CutFullLog(excess);
      case 2:
        return CutArguments(excess);
      case 3:
        return CutIdentity(limit_ / 8);
      case 4:
        return CutCommandLine(excess, 1024);
      case 5:
        return CutValues(1024);
      case 6:
        return CutValues(128);
      case 7:
        return CutCommandLine(excess, 128);
      case 8:
        return CutIdentity(128);
      case 9:
        into_.data.values = 8;
        return Done("values");
      case 10:
        into_.data.raw_hex = false;
        return Done("audit.raw_hex");
      case 11:
        into_.data.identity_only = true;
        // "data" says it all.
        std::erase_if(into_.names,
                      [](std::string_view name) { return name.starts_with("audit."); });
        return Done("data");
      case 12:
        into_.bare_rule = true;
        return Done("rule");
      case 13:
        into_.data.values = 1;
        return CutIdentity(64);
      default:
        return false;
    }
  }

 private:
  /// Lowers a limit of bytes by what is written as the excess; at the least it is the turn of the
  /// next thing.
  bool Cut(std::size_t& limit, std::string_view text, std::size_t excess, std::string_view name,
           std::size_t least = 0) {
    text = text.substr(0, limit);
    if (text.size() > least) {
      into_.Name(name);
      limit = std::max(ShorterInJson(text, excess), least);
    }
    if (limit <= least || text.size() <= least) ++step_;
    return true;
  }

  /// As many logs from the last as hold the excess.
  bool CutPrevious(std::size_t excess) {
    std::size_t kept = std::min(into_.previous, PreviousLogs(alert_));
    if (kept > 0) into_.Name("previous_output");
    for (std::size_t gained = 0; kept > 0 && gained < excess;) {
      gained += (*alert_.previous)[--kept].size();
    }
    into_.previous = kept;
    if (kept == 0) ++step_;
    return true;
  }

  bool CutFullLog(std::size_t excess) {
    std::string_view log;
    if (!alert_.about_event()) {
      log = alert_.description;
    } else if (alert_.rule->full_log) {
      log = alert_.event->full_log();
    }
    return Cut(into_.full_log, log, excess, "full_log");
  }

  /// As many arguments from the last as hold the excess.
  bool CutArguments(std::size_t excess) {
    if (!alert_.about_event()) {
      ++step_;
      return true;
    }
    const auto& arguments = alert_.event->arguments();
    std::size_t kept = std::min(into_.data.arguments, arguments.size());
    if (kept > 0) into_.Name("audit.execve.aN");
    for (std::size_t gained = 0; kept > 0 && gained < excess;) {
      const std::size_t size = arguments[--kept].value.size();
      gained += size == 0 ? 0 : size + 8;  // empty ones are not written
    }
    into_.data.arguments = kept;
    if (kept == 0) ++step_;
    return true;
  }

  /// Its exact bytes, where they stand as well, before what can be read.
  bool CutCommandLine(std::size_t excess, std::size_t least) {
    std::string_view line;
    if (alert_.about_event()) line = alert_.event->First(kCommandLine);
    if (into_.data.command_line_hex && !IsUtf8(line)) {
      into_.data.command_line_hex = false;
      into_.Name("audit.raw_hex");
      return true;
    }
    return Cut(into_.data.command_line, line, excess, kCommandLine, least);
  }

  /// Names of programs are as long as whoever runs them likes.
  bool CutIdentity(std::size_t bytes) {
    into_.data.identity = bytes;
    NameLonger(bytes, true);
    ++step_;
    return true;
  }

  bool CutValues(std::size_t bytes) {
    into_.data.value = bytes;
    NameLonger(bytes, false);
    ++step_;
    return true;
  }

  /// The fields with longer values that say who and what, or all others but the command line.
  void NameLonger(std::size_t bytes, bool identity) {
    if (!alert_.about_event()) return;
    for (const Field& field : alert_.event->SortedFields()) {
      if (field.value.size() <= bytes || IsIdentityField(field.name) != identity) continue;
      if (field.name != kCommandLine) into_.Name(field.name);
    }
  }

  bool Done(std::string_view name) {
    into_.Name(name);
    ++step_;
    return true;
  }

  const Alert& alert_;
  std::size_t limit_;
  Shortening& into_;
  int step_ = 0;
};

}  // namespace

void AppendRule(std::string& out, const Rule& rule, std::string_view description,
                std::uint64_t fired_times) {
  AppendBareRule(out, rule, description);
  AppendMitre(out, rule.mitre);
  if (!rule.cve.empty()) AppendTexts(out, "cve", rule.cve);
  if (!rule.info.empty()) AppendText(out, "info", rule.info);
  if (rule.composite) out += ",\"frequency\":" + std::to_string(rule.composite->frequency);
  out += ",\"firedtimes\":" + std::to_string(fired_times);
  out += rule.mail ? ",\"mail\":true" : ",\"mail\":false";
  AppendGroups(out, rule.groups);
  out += '}';
}

std::string FormatJson(const Alert& alert, const Sender& sender, std::size_t limit) {
  Shortening shortening = LeaveOutTooLong(alert, limit);
  std::string out = Render(alert, sender, shortening);
  Shortener shortener(alert, limit, shortening);
  while (out.size() > limit && shortener.Step(out.size() - limit)) {
    out = Render(alert, sender, shortening);
  }
  return out;
}

}  // namespace tld
