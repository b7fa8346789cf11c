// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/os.h"
#include "tests/support.h"

namespace tld::testing_support {

/// A port of loopback that nobody listens on at the moment.
int FreePort();

/// A private rsyslogd with a configuration of ours. Stopped by its pid.
class Rsyslogd {
 public:
  Rsyslogd(const TemporaryDirectory& directory, const std::string& configuration);
  ~Rsyslogd() { Stop(); }
  Rsyslogd(const Rsyslogd&) = delete;
  Rsyslogd& operator=(const Rsyslogd&) = delete;

  /// The ruleset `alerts`, which writes the file that Lines reads, a line for each message.
  static std::string ToReceived(const TemporaryDirectory& directory, const std::string& shape);

  /// False when it does not come up.
  bool Start(int port);
  void Stop();
  std::vector<std::string> Lines() const;
  /// What it says about itself.
  std::string Errors() const;

 private:
  std::string configuration_;
  std::string pid_file_;
  std::string output_;
  std::string errors_;
  pid_t pid_ = 0;
};

}  // namespace tld::testing_support
