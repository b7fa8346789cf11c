// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "program/output.h"
#include "program/pipeline.h"
#include "program/recognizer.h"
#include "program/remote_watch.h"
#include "program/shared.h"

namespace tld {

/// From an event's time to its alert, in microseconds. Audit stamps have milliseconds only.
struct Latency {
  std::uint64_t alerts = 0;
  std::int64_t last_us = 0;
  std::int64_t max_us = 0;
  std::int64_t sum_us = 0;

  void Add(std::int64_t us);
};

/// What `tldctl status` and the state file show.
struct StatusParts {
  std::int64_t started_us = 0;
  pid_t pid = 0;     ///< of the process that auditd started
  int landlock = 0;  ///< version
  const std::vector<std::string>& degraded;
  const Latency& latency;
  std::uint64_t alerts = 0;  ///< answers above level 0
  std::size_t waiting = 0;   ///< bytes in the queue
  const RemoteWatch& remotes;
  const Recognizer& recognizer;
  const WitnessCounters& witness;
};

/// One JSON object, one line.
std::string StatusJson(const StatusParts& parts, const Pipeline& pipeline, Output& output,
                       const FrontCounters& front);

}  // namespace tld
