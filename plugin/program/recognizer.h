// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "audit/event.h"
#include "audit/own_event.h"
#include "base/os.h"
#include "detect/list.h"
#include "program/installed_programs.h"
#include "program/policy.h"
#include "program/witness_client.h"

namespace tld {

/// Tells by content what a program is when its names do not: by inode at once, by SHA-256 with the
/// help of the witness, which also says what programs are installed. Tells of a program whose file
/// was gone when the witness came, if it still runs a second later. In the sensor; looks at no file
/// itself, never waits, and holds a bounded number of events.
class Recognizer {
 public:
  using Take = std::function<void(RawEvent&&)>;  ///< gets an event of the type TLD_IDENTITY

  static constexpr std::size_t kMostWaiting = 1024;
  static constexpr std::size_t kMostWaitingBytes = 4u << 20;

  struct Counters {
    std::uint64_t asked = 0;
    std::uint64_t recognized = 0;
  };

  /// `talk` is the sensor's end of the witness's socket; may be none.
  Recognizer(int talk, Take take);

  /// Keeps a reference to the policy until the next call.
  void SetPolicy(const Policy& policy);
  /// An event that was judged.
  void Consider(const Event& event, std::int64_t now_ms);
  /// Asks the witness what is to be asked. Call before waiting for an answer.
  void SendQuestions() { witness_.Send(); }
  /// Takes the answers that are there.
  void ReadAnswers();
  /// Asks for programs that were installed or removed, and for processes whose file is gone; gives
  /// up what was not answered in time. Once a second.
  void KeepHouse(std::int64_t now_ms);

  int fd() const { return witness_.fd(); }
  std::size_t waiting() const { return waiting_.size(); }
  const InstalledPrograms& programs() const { return programs_; }
  const Counters& counters() const { return counters_; }
  /// What became of the questions, those about installed programs included.
  const WitnessClient::Counts& answers() const { return witness_.counts(); }
  /// Questions that should have been answered by a look at the file and were not.
  std::uint64_t Unwitnessed() const;

 private:
  struct Waiting {
    RawEvent event;
    int rank = 0;
    std::int64_t asked_ms = 0;
    std::uint64_t pid = 0;        ///< to be asked of when its file is gone; 0: not
    Unseen gone = Unseen::kSeen;  ///< what became of its file, once its process is what counts
    bool sent = true;             ///< else to be asked a second after its file was found gone
  };
  using Waitings = std::map<std::uint64_t, Waiting>;  // by question, the oldest first
  struct Place {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    bool guarded = false;  ///< root's, and nobody else may write it
  };
  struct Look {
    std::string path;
    Place place;
    bool follow = false;
  };

  static std::optional<Place> PlaceOf(const RawEvent& raw);
  int RankByName(const Event& event) const;
  bool AskedLately(const Place& place, std::int64_t now_ms);
  void Ask(const Event& event, const Look& look, int rank, std::int64_t now_ms);
  void AskWhetherItRuns(std::int64_t now_ms);
  void StartAnew();
  void TakeAnswer(const WitnessAnswer& answer);
  void GiveUp(const RawEvent& event, Unseen why);
  void Compare(const Waiting& asked, const WitnessAnswer& answer);
  void Forget(Waitings::iterator waiting);

  WitnessClient witness_;
  InstalledPrograms programs_;
  Take take_;
  const List* list_ = nullptr;
  std::string host_;
  std::int64_t now_ms_ = 0;               // of the last call that said it
  std::optional<std::int64_t> began_ms_;  // of the first command, while no program is known
  Waitings waiting_;
  std::size_t waiting_bytes_ = 0;
  std::size_t gone_ = 0;                                   // of those that wait: the file is gone
  std::unordered_map<std::uint64_t, std::int64_t> asked_;  // guarded files, by inode
  Counters counters_;
};

}  // namespace tld
