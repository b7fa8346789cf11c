// SPDX-License-Identifier: Apache-2.0
#include "alert/format.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <utility>

#include "base/text.h"

namespace tld {
namespace {

constexpr std::string_view kEllipsis = "…";

/// A value as it is when nothing in it can be misread, else in double quotes.
void AppendValue(std::string& out, std::string_view value) {
  const bool plain = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return c > ' ' && c < 0x7F && c != '"' && c != '\\' && c != '=';
  });
  if (plain) {
    out += value;
    return;
  }
  out += '"';
  AppendQuotedInner(out, value);
  out += '"';
}

/// ` name=value`; nothing when the event has no such field. `limit` is for the value's bytes.
void AppendPair(std::string& out, std::string_view name, std::string_view value,
                std::size_t limit) {
  if (value.empty()) return;
  (out += ' ').append(name) += '=';
  if (value.size() <= limit) {
    AppendValue(out, value);
  } else {
    AppendValue(out, std::string(CutAtCharacter(value, limit)) + std::string(kEllipsis));
  }
}

void AppendUser(std::string& out, const Event& event, const std::string& which) {
  const std::string_view id = event.First("audit." + which);
  AppendPair(out, which, id, 32);
  const std::string_view name = event.First("audit." + which + "_name");
  if (id.empty() || name.empty()) return;
  out += '(';
  AppendShown(out, CutAtCharacter(name, 64));
  out += ')';
}

std::string_view NodeOf(const Event& event, const Sender& sender) {
  return event.id().node.empty() ? std::string_view(sender.host) : event.id().node;
}

void AppendEventId(std::string& out, const Event& event, const Sender& sender) {
  AppendShown(out, CutAtCharacter(NodeOf(event, sender), 256));
  out += "|msg=audit(" + event.id().Stamp() + ')';
}

/// The text with values of at most `limit` bytes, `cmd` of at most `command_limit`.
std::string TextWith(const Alert& alert, const Sender& sender, std::size_t limit,
                     std::size_t command_limit) {
  std::string out = alert.rule->id + " level=" + std::to_string(alert.rule->level) + " \"";
  AppendQuotedInner(out, CutAtCharacter(alert.description, limit));
  out += '"';
  if (alert.about_event()) {
    const Event& event = *alert.event;
    AppendUser(out, event, "auid");
    AppendUser(out, event, "uid");
    AppendPair(out, "exe", event.First("audit.exe"), limit);
    AppendPair(out, "cmd", event.First("audit.execve.cmdline"), command_limit);
    AppendPair(out, "cwd", event.First("audit.cwd"), limit);
    AppendPair(out, "tty", event.First("audit.tty"), limit);
    AppendPair(out, "key", event.First("audit.key"), limit);
    out += " event=";
    AppendEventId(out, event, sender);
  }
  return out + " seq=" + std::to_string(alert.seq);
}

/// Tries limits from generous to tight until `render` fits; the tightest always does.
template <class Render>
std::string Fit(std::size_t limit, Render&& render) {
  constexpr std::pair<std::size_t, std::size_t> kSteps[] = {{4096, 4096}, {4096, 1024}, {1024, 512},
                                                            {512, 128},   {128, 64},    {48, 32}};
  std::string out;
  for (const auto& [value, command] : kSteps) {
    out = render(value, command);
    if (out.size() <= limit) break;
  }
  return out;
}

void AppendCefHeader(std::string& out, std::string_view text) {
  for (const char c : Shown(text)) {
    if (c == '|' || c == '\\') out += '\\';
    out += c;
  }
}

void AppendCefPair(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  if (out.back() != '|') out += ' ';
  out.append(name) += '=';
  for (const char c : Shown(value)) {
    if (c == '=' || c == '\\') out += '\\';
    out += c;
  }
}

/// 0 to 10, from 0 to 16.
int CefSeverity(int level) { return std::min(10, (level * 10 + 8) / 16); }

std::string CefWith(const Alert& alert, const Sender& sender, std::size_t limit,
                    std::size_t command_limit) {
  const auto cut = [](std::string_view text, std::size_t most) {
    return CutAtCharacter(text, most);
  };
  std::string out = "CEF:0|ThreatLockDown|tld-audisp|" TLD_VERSION "|" + alert.rule->id + '|';
  AppendCefHeader(out, cut(alert.description, limit));
  out += '|' + std::to_string(CefSeverity(alert.rule->level)) + '|';
  AppendCefPair(out, "rt", std::to_string(alert.time_us / 1000));
  AppendCefPair(out, "dvchost", sender.host);
  if (alert.about_event()) {
    const Event& event = *alert.event;
    AppendCefPair(out, "dhost", cut(NodeOf(event, sender), 256));
    AppendCefPair(out, "externalId", event.id().Stamp());
    AppendCefPair(out, "suid", cut(event.First("audit.auid"), limit));
    AppendCefPair(out, "suser", cut(event.First("audit.auid_name"), limit));
    AppendCefPair(out, "duid", cut(event.First("audit.uid"), limit));
    AppendCefPair(out, "duser", cut(event.First("audit.uid_name"), limit));
    AppendCefPair(out, "dpid", cut(event.First("audit.pid"), limit));
    AppendCefPair(out, "dproc", cut(event.First("audit.command"), limit));
    AppendCefPair(out, "filePath", cut(event.First("audit.exe"), limit));
    AppendCefPair(out, "outcome", cut(event.First("audit.success"), limit));
    const auto custom = [&](const char* n, std::string_view label, std::string_view value) {
      if (value.empty()) return;
      AppendCefPair(out, std::string("cs") + n + "Label", label);
      AppendCefPair(out, std::string("cs") + n, value);
    };
    custom("1", "command line", cut(event.First("audit.execve.cmdline"), command_limit));
    custom("2", "key", cut(event.First("audit.key"), limit));
    custom("3", "working directory", cut(event.First("audit.cwd"), limit));
    custom("4", "tty", cut(event.First("audit.tty"), limit));
  }
  AppendCefPair(out, "cn1Label", "seq");
  AppendCefPair(out, "cn1", std::to_string(alert.seq));
  return out;
}

}  // namespace

std::string Timestamp(std::int64_t us) {
  const std::time_t seconds = us / 1'000'000;
  std::tm local{};
  localtime_r(&seconds, &local);
  std::array<char, 64> date{};
  std::array<char, 8> zone{};
  std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &local);
  std::strftime(zone.data(), zone.size(), "%z", &local);
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03d", static_cast<int>(us / 1000 % 1000));
  return std::string(date.data()) + fraction.data() + zone.data();
}

std::string FormatText(const Alert& alert, const Sender& sender, std::size_t limit) {
  return Fit(limit, [&](std::size_t value, std::size_t command) {
    return TextWith(alert, sender, value, command);
  });
}

std::string FormatCef(const Alert& alert, const Sender& sender, std::size_t limit) {
  return Fit(limit, [&](std::size_t value, std::size_t command) {
    return CefWith(alert, sender, value, command);
  });
}

std::string FormatAlert(Format format, const Alert& alert, const Sender& sender,
                        std::size_t limit) {
  switch (format) {
    case Format::kText:
      return FormatText(alert, sender, limit);
    case Format::kJson:
      return FormatJson(alert, sender, limit);
    case Format::kCef:
      return FormatCef(alert, sender, limit);
  }
  return {};
}

}  // namespace tld
