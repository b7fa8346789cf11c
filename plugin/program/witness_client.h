// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
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
  /// False when the socket takes no more, or the witness is gone.
  bool Send(WitnessQuestion question, std::string_view rest);
  /// The next answer that is there, with what follows it, valid until the next call.
  bool Receive(WitnessAnswer& answer, std::string_view& rest);

  void Count(Unseen what) { ++counts_[static_cast<std::size_t>(what)]; }
  const Counts& counts() const { return counts_; }
  int fd() const { return fd_; }

 private:
  int fd_;
  std::uint64_t next_id_;
  std::vector<char> buffer_;
  Counts counts_{};
};

}  // namespace tld
