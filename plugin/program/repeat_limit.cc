// SPDX-License-Identifier: Apache-2.0
#include "program/repeat_limit.h"

#include "base/text.h"

namespace tld {
namespace {

constexpr std::string_view kOthers = "*";
constexpr std::size_t kMostValueBytes = 256;  // of what a key is made of: all is an attacker's

std::string_view Short(std::string_view value) { return CutAtCharacter(value, kMostValueBytes); }

std::string UserOf(const Event& event) {
  const std::string_view id = event.First("audit.auid");
  if (id.empty()) return {};
  std::string user(Short(id));
  const std::string_view name = event.First("audit.auid_name");
  if (!name.empty()) user += " (" + std::string(Short(name)) + ')';
  if (!event.id().node.empty()) user += " on " + std::string(Short(event.id().node));
  return user;
}

}  // namespace

bool RepeatLimit::Admits(const Alert& alert, std::int64_t now_ms) {
  if (options_.burst == 0 || alert.is_report()) return true;
  std::string user = UserOf(*alert.event);
  // Other programs and users are told apart, so that one that is run on purpose hides none of them.
  // Names of programs cost nothing: whoever takes very many meets a limit for all of theirs, and
  // not for those of others.
  const std::string of_user = alert.rule->id + ' ' + user;
  std::string key = of_user + ' ';
  key.append(Short(alert.event->First("audit.uid"))).append(" ");
  key.append(Short(alert.event->First("audit.exe")));
  if (kinds_.size() >= kMostPrograms && !kinds_.contains(key)) {
    key = of_user;
    if (kinds_.size() >= kMostKinds && !kinds_.contains(key)) key = kOthers;
  }
  const auto [found, is_new] = kinds_.try_emplace(std::move(key));
  Kind& kind = found->second;
  if (is_new) {
    kind.began_ms = now_ms;
    kind.rule = found->first == kOthers ? std::string() : alert.rule->id;
    kind.level = alert.rule->level;
    if (found->first != kOthers) kind.user = std::move(user);
  }
  if (++kind.seen <= options_.burst) return true;
  ++held_back_;
  ++kind.held;
  kind.last = alert.description;
  return false;
}

std::vector<News> RepeatLimit::Tell(std::int64_t now_ms, bool all) {
  std::vector<News> news;
  for (auto kind = kinds_.begin(); kind != kinds_.end();) {
    const Kind& one = kind->second;
    if (!all && now_ms - one.began_ms < options_.interval_s * 1000) {
      ++kind;
      continue;
    }
    if (one.held > 0) {
      std::string text = std::to_string(one.held) + " more alerts";
      if (!one.rule.empty()) {
        text += " of rule " + one.rule + ", level " + std::to_string(one.level);
      }
      if (!one.user.empty()) text += ", login user " + one.user;
      text += ", in " + std::to_string((now_ms - one.began_ms + 999) / 1000) +
              " s are not in syslog (repeat_burst); the last: " + one.last;
      news.push_back({Notice::kRepeated, std::move(text)});
    }
    kind = kinds_.erase(kind);
  }
  return news;
}

}  // namespace tld
