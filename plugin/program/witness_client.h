// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "program/witness_talk.h"

namespace tld {

/// The sensor's end of the witness's socket: numbers questions, never waits, and counts what became
/// of them. One thread.
class WitnessClient {
 public:
  using Counts = std::array<std::uint64_t, static_cast<std::size_t>(Unseen::kCount)>;

  /// `fd` may be -1: then nothing is sent and nothing comes.
  explicit WitnessClient(int fd);

  std::uint64_t NewId() { return next_id_++; }
  /// Puts a question in line; false when there is no room, or no witness.
  bool Ask(WitnessQuestion question, std::string_view rest);
  /// Sends what is in line, if the socket takes it: the witness wakes once for all of it.
  void Send();
  /// The witness has ended, and another does not know what this one was told.
  void StartAnew() { questions_.clear(); }
  /// The next answer that is there, with what follows it, valid until the next call.
  bool Receive(WitnessAnswer& answer, std::string_view& rest);

  void Count(Unseen what) { ++counts_[static_cast<std::size_t>(what)]; }
  const Counts& counts() const { return counts_; }
  int fd() const { return fd_; }

 private:
  int fd_;
  std::uint64_t next_id_;
  std::string questions_;
  std::size_t most_bytes_ = kMostQuestionBytes;  // that the socket takes at once
  std::vector<char> buffer_;
  std::string_view answers_;  // in it, that were not taken yet
  Counts counts_{};
};

}  // namespace tld
