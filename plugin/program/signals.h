// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>

#include "base/os.h"
#include "base/result.h"

namespace tld {

/// The signals that SettleProcess left blocked, as a descriptor to poll.
class SignalReader {
 public:
  static Result<SignalReader> Create();

  struct Signal {
    int number = 0;
    pid_t sender = 0;
  };
  /// The next one, if any has come.
  std::optional<Signal> Next();
  int fd() const { return fd_.get(); }

 private:
  explicit SignalReader(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace tld
