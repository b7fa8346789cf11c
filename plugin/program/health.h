// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "program/kernel_watch.h"
#include "program/losses.h"
#include "program/notice.h"
#include "program/output.h"
#include "program/pipeline.h"
#include "program/recognizer.h"
#include "program/remote_watch.h"
#include "program/shared.h"

namespace tld {

/// The parts of the sensor, and the pages of the other roles, whose counters make up its health.
struct HealthSources {
  const FrontCounters& front;
  const WitnessCounters& witness;
  const Pipeline& pipeline;
  Output& output;
  const RemoteWatch& remotes;
  const Recognizer& recognizer;
  std::uint64_t answers = 0;  ///< above level 0
  std::size_t waiting = 0;    ///< bytes in the queue
};

/// Says what has changed for the worse or the better since it was last asked, and from time to time
/// that all is well. Times are of the monotonic clock. One thread.
class Health {
 public:
  /// `told` was told by an earlier sensor.
  Health(const LossCounts& told, std::int64_t now_ms) : losses_(told), beat_ms_(now_ms) {}

  /// To be asked each second. `heartbeat_s` 0: no signs of life.
  std::vector<News> Tell(const HealthSources& sources, int heartbeat_s, std::int64_t now_ms);
  /// What was lost, without waiting until it is due.
  std::vector<News> TellLosses(const HealthSources& sources);
  /// The losses that were told.
  const LossCounts& told() const { return losses_.told(); }

 private:
  struct SinkTold {
    std::string problem;
    std::optional<std::int64_t> problem_ms;  ///< when one was told
  };

  void TellSinks(Output& output, std::int64_t now_ms, std::vector<News>& news);
  void Beat(const HealthSources& sources, std::vector<News>& news) const;

  LossWatch losses_;
  KernelWatch kernel_;
  SinkTold store_told_;
  SinkTold syslog_told_;
  std::int64_t losses_ms_ = 0;
  std::int64_t beat_ms_;
};

}  // namespace tld
