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

void AppendUser(std::string& out, std::string_view which, const Summary::User& user) {
  AppendPair(out, which, user.id, 32);
  if (user.id.empty() || user.name.empty()) return;
  out += '(';
  AppendShown(out, CutAtCharacter(user.name, 64));
  out += ')';
}

/// The text with values of at most `limit` bytes, `cmd` of at most `command_limit`.
std::string TextWith(const Summary& alert, std::size_t limit, std::size_t command_limit) {
  std::string out = Shown(CutAtCharacter(alert.rule, 64));
  out += " level=" + std::to_string(alert.level) + " \"";
  AppendQuotedInner(out, CutAtCharacter(alert.description, limit));
  out += '"';
  if (alert.about_event) {
    AppendUser(out, "auid", alert.login);
    AppendUser(out, "uid", alert.user);
    AppendPair(out, "exe", alert.exe, limit);
    AppendPair(out, "cmd", alert.command_line, command_limit);
    AppendPair(out, "cwd", alert.directory, limit);
    AppendPair(out, "tty", alert.terminal, limit);
    AppendPair(out, "key", alert.key, limit);
    out += " event=";
    AppendShown(out, CutAtCharacter(alert.node, 256));
    out += "|msg=audit(" + Shown(CutAtCharacter(alert.stamp, 64)) + ')';
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
  out.append(" ").append(name) += '=';
  for (const char c : Shown(value)) {
    if (c == '=' || c == '\\') out += '\\';
    out += c;
  }
}

/// 0 to 10, from 0 to 16.
int CefSeverity(int level) { return std::min(10, (level * 10 + 8) / 16); }

std::string CefWith(const Summary& alert, std::size_t limit, std::size_t command_limit) {
  std::string out = "CEF:0|ThreatLockDown|tld-audisp|" TLD_VERSION "|";
  AppendCefHeader(out, CutAtCharacter(alert.rule, 64));
  out += '|';
  AppendCefHeader(out, CutAtCharacter(alert.description, limit));
  out += '|' + std::to_string(CefSeverity(alert.level)) +
         "|rt=" + std::to_string(alert.time_us / 1000);
  const auto pair = [&](std::string_view name, std::string_view value, std::size_t most) {
    AppendCefPair(out, name, CutAtCharacter(value, most));
  };
  pair("dvchost", alert.host, 256);
  if (alert.about_event) {
    pair("dhost", alert.node, 256);
    pair("externalId", alert.stamp, 64);
    pair("suid", alert.login.id, limit);
    pair("suser", alert.login.name, limit);
    pair("duid", alert.user.id, limit);
    pair("duser", alert.user.name, limit);
    pair("dpid", alert.pid, limit);
    pair("dproc", alert.command, limit);
    pair("filePath", alert.exe, limit);
    pair("outcome", alert.success, limit);
    const auto custom = [&](const std::string& number, std::string_view label,
                            std::string_view value, std::size_t most) {
      if (value.empty()) return;
      pair("cs" + number + "Label", label, limit);
      pair("cs" + number, value, most);
    };
    custom("1", "command line", alert.command_line, command_limit);
    custom("2", "key", alert.key, limit);
    custom("3", "working directory", alert.directory, limit);
    custom("4", "tty", alert.terminal, limit);
  }
  pair("cn1Label", "seq", limit);
  pair("cn1", std::to_string(alert.seq), limit);
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

std::string FormatText(const Summary& alert, std::size_t limit) {
  return Fit(limit, [&](std::size_t value, std::size_t command) {
    return TextWith(alert, value, command);
  });
}

std::string FormatCef(const Summary& alert, std::size_t limit) {
  return Fit(limit, [&](std::size_t value, std::size_t command) {
    return CefWith(alert, value, command);
  });
}

std::string FormatAlert(Format format, const Alert& alert, const Sender& sender,
                        std::size_t limit) {
  switch (format) {
    case Format::kText:
      return FormatText(Summarize(alert, sender), limit);
    case Format::kCef:
      return FormatCef(Summarize(alert, sender), limit);
    case Format::kJson:
      break;
  }
  return FormatJson(alert, sender, limit);
}

}  // namespace tld
