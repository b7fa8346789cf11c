// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "program/config.h"
#include "program/notice.h"
#include "program/shared.h"

namespace tld {

/// What the sensor knows of the remotes: it calls the courier, and looks at how that does.
class RemoteWatch {
 public:
  RemoteWatch(const CourierCounters& courier, SensorCounters& own, int bell)
      : courier_(courier), own_(own), bell_(bell) {}

  /// A policy is in force from then on: writes its remotes down for the courier.
  Status Configure(const Config& config, std::int64_t now_us);
  /// Calls the courier when the store has grown.
  void AfterCommit(std::uint64_t commits);

  /// Alerts with a higher number in the store are still to be delivered; none when no remote is
  /// configured. While it is not known how far the courier is, all of them.
  std::optional<std::int64_t> KeepAfter() const;

  /// That a problem has come, has changed or has gone is told at most once a minute for each
  /// remote; again each minute while certificates are wrong, as only a person can mend that, else
  /// each hour.
  std::vector<News> Tell(std::int64_t now_ms);

  /// Stored alerts that no remote could be sent.
  std::uint64_t Unreadable() const;

  struct One {
    std::string name;
    const DestinationState* state;
  };
  std::vector<One> All() const;

 private:
  struct Told {
    std::string problem;
    std::optional<std::int64_t> at_ms;
  };

  void Ring() const;
  bool Known() const { return courier_.remotes == key_; }

  const CourierCounters& courier_;
  SensorCounters& own_;
  int bell_;
  std::string path_;
  std::uint64_t key_ = 0;
  std::vector<std::string> names_;
  std::vector<Told> told_;
  std::uint64_t commits_ = 0;
};

}  // namespace tld
