// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "alert/alert.h"
#include "deliver/json_file.h"
#include "deliver/store.h"
#include "deliver/syslog.h"
#include "program/config.h"
#include "program/repeat_limit.h"

namespace tld {

/// Where alerts go: numbers them and hands each to the sinks whose level it reaches. Never blocks.
/// What waits in a sink is the caller's to send: Syslog::Flush, Store::Tick.
class Output {
 public:
  Output(Sender sender, const Config& config);

  /// Takes new levels, formats and destinations. Lines that wait for an unchanged syslog socket
  /// stay.
  /// `host` is the name of this machine in what is sent.
  void Configure(const Config& config, const std::string& host);

  /// Fills in the number and sends. An alert below every sink's level gets no number, so that a
  /// receiver can tell a loss from a gap.
  void Send(Alert& alert, std::int64_t now_ms);

  Syslog& syslog() { return syslog_; }
  RepeatLimit& repeats() { return repeats_; }
  Store& store() { return store_; }
  const JsonFile& file() const { return file_; }
  const Sender& sender() const { return sender_; }
  std::uint64_t last_seq() const { return last_seq_; }

 private:
  Sender sender_;
  int syslog_level_ = 0;
  Format syslog_format_ = Format::kText;
  int file_level_ = 0;
  int store_level_ = 0;
  Syslog syslog_;
  RepeatLimit repeats_;
  JsonFile file_;
  Store store_;
  std::uint64_t last_seq_ = 0;
};

}  // namespace tld
