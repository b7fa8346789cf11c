// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "deliver/bell.h"
#include "deliver/cursors.h"
#include "deliver/link.h"
#include "deliver/remote.h"
#include "deliver/store_reader.h"

namespace tld {

/// A short text that one process writes and another reads, in memory that both have mapped. What is
/// read while it is written may be a mix of both; nothing worse.
template <std::size_t kSize>
class SharedText {
 public:
  void Set(std::string_view text) {
    for (std::size_t i = 0; i < kSize; ++i) bytes_[i] = i < text.size() ? text[i] : '\0';
    bytes_[kSize - 1] = '\0';
  }
  std::string Get() const {
    std::string text;
    for (std::size_t i = 0; i < kSize && bytes_[i] != '\0'; ++i) text += bytes_[i];
    return text;
  }

 private:
  std::array<std::atomic<char>, kSize> bytes_{};
};

/// How a destination does, for the role that tells it. Numbers of alerts are those of the store.
struct DestinationState {
  std::atomic<std::uint64_t> cursor{0};        ///< all up to this one is delivered or not wanted
  std::atomic<std::uint64_t> queued{0};        ///< alerts of its level behind the cursor
  std::atomic<std::uint64_t> delivered{0};     ///< alerts, since the courier's start
  std::atomic<std::uint64_t> failures{0};      ///< links that were lost or could not be opened
  std::atomic<std::uint64_t> unreadable{0};    ///< stored documents that are none
  std::atomic<std::int64_t> busy_since_ms{0};  ///< monotonic; in a call that may block; 0 = in none
  std::atomic<bool> known{false};              ///< `cursor` counts
  std::atomic<bool> certificate{false};        ///< the problem is one of certificates
  SharedText<200> problem;                     ///< empty while all is well
};

/// One receiver and the thread that serves it: reads the store from its cursor on, sends, and moves
/// the cursor over what is acknowledged, in order and at least once. What it cannot do now it tries
/// again, with a growing pause; nobody else waits for it.
class Destination {
 public:
  struct Setup {
    Remote remote;
    std::string store_path;
    std::string cursor_path;
    /// A destination without a cursor begins with the alerts that were stored from then on.
    std::int64_t since_us = 0;
    bool cursors_lost = false;  ///< then it begins with the oldest instead
  };

  /// Refers to both; they live longer.
  Destination(Setup setup, const Bell& bell, DestinationState& state)
      : setup_(std::move(setup)), bell_(bell), state_(state) {}

  /// Returns when the bell says so.
  void Run();

 private:
  bool Ready();
  bool OpenStore();
  bool PlaceCursor();
  bool OpenReceiver();
  /// Sends what there is; false when there was nothing.
  bool SendSome();
  bool SendOne(const StoredAlert& alert);
  bool Wanted(const StoredAlert& alert) const;
  void CountQueued();
  bool Settle();
  bool Acknowledge(std::int64_t ms);
  void Advance();
  void Keep();
  void Rest(std::uint64_t rings);
  void Lose(const std::string& problem, bool certificate);
  void Say(const std::string& problem, bool certificate);
  /// About our own files; goes when they are good again.
  void SayOwn(const std::string& problem);

  Setup setup_;
  const Bell& bell_;
  DestinationState& state_;
  std::optional<StoreReader> reader_;
  std::optional<Cursors> cursors_;
  std::optional<Cursor> cursor_;
  std::int64_t kept_ = 0;  ///< the cursor in the file
  std::unique_ptr<Link> link_;
  std::uint64_t acknowledged_before_ = 0;  ///< of what the link tells
  std::deque<std::int64_t> open_;          ///< sent and not acknowledged
  std::int64_t read_ = 0;                  ///< the last number that was read
  std::int64_t pause_ms_ = 0;
  std::int64_t counted_ms_ = 0;
  bool own_problem_ = false;
  int unreadable_ = 0;
};

}  // namespace tld
