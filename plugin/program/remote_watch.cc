// SPDX-License-Identifier: Apache-2.0
#include "program/remote_watch.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "program/remote_state.h"

namespace tld {
namespace {

constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::int64_t kHourMs = 3'600'000;

}  // namespace

Status RemoteWatch::Configure(const Config& config, std::int64_t now_us) {
  if (path_.empty()) path_ = config.remotes_file();  // the directory waits for a restart
  const Result<RemoteState> before = LoadRemoteState(path_);
  RemoteState now;
  names_.clear();
  now.store_path = config.store.path;
  for (const Remote& remote : config.remotes) {
    names_.push_back(remote.name);
    now.remotes.push_back({remote, now_us});
  }
  for (RemoteState::One& one : now.remotes) {
    if (!before) break;
    for (const RemoteState::One& known : before->remotes) {
      if (known.remote.name == one.remote.name) one.since_us = known.since_us;
    }
  }
  const std::uint64_t key = names_.empty() ? 0 : RemotesKey(config.remotes);
  if (key != std::exchange(key_, key)) told_.assign(names_.size(), {});
  const bool had = before && !before->remotes.empty();
  if (!had && names_.empty()) return {};
  Status saved = SaveRemoteState(path_, now);
  ++own_.policies;
  Ring();
  if (saved) return {};
  return Error{"the remotes are not handed to the courier: " + saved.message()};
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
    const std::int64_t since = told.at_ms ? now_ms - *told.at_ms : kHourMs;
    if (since < kMinuteMs || (problem.empty() && told.problem.empty())) continue;
    const bool again = since >= (all[i].state->certificate ? kMinuteMs : kHourMs);
    if (problem == told.problem && !again) continue;
    if (problem.empty()) {
      news.push_back({Notice::kRemoteBack, "remote " + all[i].name + " takes alerts again"});
    } else {
      news.push_back({Notice::kRemoteDown,
                      "remote " + all[i].name + ": " + problem + "; alerts wait in the store"});
    }
    told = {problem, now_ms};
  }
  return news;
}

}  // namespace tld
