// SPDX-License-Identifier: Apache-2.0
#include "program/remote_watch.h"

#include <unistd.h>

#include <algorithm>

#include "base/text.h"

namespace tld {
namespace {

constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::int64_t kHourMs = 3'600'000;

}  // namespace

void RemoteWatch::Configure(const Config& config, std::int64_t now_us) {
  const bool had = key_ != 0;
  names_.clear();
  if (config.store_enabled) {
    for (const Remote& remote : config.remotes) names_.push_back(remote.name);
  }
  const std::uint64_t before = key_;
  key_ = names_.empty() ? 0 : RemotesKey(config.remotes);
  if (before != key_) told_.assign(names_.size(), {});
  if (own_.remotes != key_) {
    own_.remotes = key_;
    own_.remotes_since_us = now_us;
  }
  ++own_.policies;
  if (had || key_ != 0) Ring();
}

void RemoteWatch::AfterCommit(std::uint64_t commits) {
  if (commits == commits_ || key_ == 0) return;
  commits_ = commits;
  Ring();
}

void RemoteWatch::Ring() const {
  const std::uint64_t one = 1;
  // It fails only when the bell has not been looked at for 2^64 rings.
  static_cast<void>(!write(bell_, &one, sizeof one));
}

std::vector<RemoteWatch::One> RemoteWatch::All() const {
  std::vector<One> all;
  if (!Known()) return all;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    all.push_back({names_[i], &courier_.destinations[i]});
  }
  return all;
}

std::optional<std::int64_t> RemoteWatch::KeepAfter() const {
  if (key_ == 0) return {};
  if (!Known()) return 0;
  std::uint64_t least = INT64_MAX;
  for (const One& one : All()) {
    least = std::min<std::uint64_t>(least, one.state->known ? one.state->cursor.load() : 0);
  }
  return static_cast<std::int64_t>(least);
}

std::uint64_t RemoteWatch::Unreadable() const {
  std::uint64_t count = 0;
  for (const One& one : All()) count += one.state->unreadable;
  return count;
}

std::vector<News> RemoteWatch::Tell(std::int64_t now_ms) {
  std::vector<News> news;
  const std::vector<One> all = All();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string problem = all[i].state->problem.Get();
    Told& told = told_[i];
    const std::int64_t again = all[i].state->certificate ? kMinuteMs : kHourMs;
    const std::int64_t since = now_ms - told.at_ms;
    const bool changed = problem != told.problem && (told.problem.empty() || since >= kMinuteMs);
    const bool still = !problem.empty() && problem == told.problem && since >= again;
    if (problem.empty() && !told.problem.empty()) {
      news.push_back({Notice::kRemoteBack, "remote " + all[i].name + " takes alerts again"});
      told = {"", now_ms};
    } else if (!problem.empty() && (changed || still)) {
      news.push_back({Notice::kRemoteDown,
                      "remote " + all[i].name + ": " + problem + "; alerts wait in the store"});
      told = {problem, now_ms};
    }
  }
  return news;
}

}  // namespace tld
