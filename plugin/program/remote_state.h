// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "deliver/remote.h"

namespace tld {

/// What the sensor hands to the courier, in a file of the state directory: the remotes of the
/// policy in force, whatever the settings have become since, and from when on each gets alerts.
struct RemoteState {
  struct One {
    Remote remote;
    std::int64_t since_us = 0;  ///< when a policy first had a remote of this name
    bool operator==(const One&) const = default;
  };
  std::string store_path;
  std::vector<One> remotes;
  bool operator==(const RemoteState&) const = default;
};

Status SaveRemoteState(const std::string& path, const RemoteState& state);
/// One that this user has saved.
Result<RemoteState> LoadRemoteState(const std::string& path);

}  // namespace tld
