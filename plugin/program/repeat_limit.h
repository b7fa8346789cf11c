// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "alert/alert.h"
#include "program/notice.h"

namespace tld {

/// Keeps a user who runs listed programs in a loop from flooding syslog: of the alerts of one rule
/// about one login user, uid and program of one host only the first few are written in an interval;
/// the others are counted, and told when it ends. Other sinks get them all. Bounded memory; one
/// thread.
class RepeatLimit {
 public:
  struct Options {
    std::size_t burst = 100;  ///< lines; 0 = no limit
    std::int64_t interval_s = 10;

    bool operator==(const Options&) const = default;
  };

  /// Kinds that are told apart at a time: when there are so many, further programs of a user count
  /// as one for each rule,
  static constexpr std::size_t kMostPrograms = 1024;
  /// and, with so many, all further ones as one.
  static constexpr std::size_t kMostKinds = 2048;

  explicit RepeatLimit(const Options& options) : options_(options) {}
  void Configure(const Options& options) { options_ = options; }

  /// Whether a line is to be written. Reports of the plugin about itself always are.
  bool Admits(const Alert& alert, std::int64_t now_ms);

  /// What was held back in the intervals that have ended; with `all`, also in those that have not.
  std::vector<News> Tell(std::int64_t now_ms, bool all = false);

  /// Lines that were not written.
  std::uint64_t held_back() const { return held_back_; }

 private:
  struct Kind {
    std::string rule;
    int level = 0;
    std::string user;
    std::string last;  ///< description of the last alert that was held back
    std::int64_t began_ms = 0;
    std::size_t seen = 0;
    std::size_t held = 0;  ///< of these
  };

  Options options_;
  std::unordered_map<std::string, Kind> kinds_;
  std::uint64_t held_back_ = 0;
};

}  // namespace tld
