// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
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
#include "program/policy.h"
#include "program/witness_talk.h"

namespace tld {

/// An installed program whose name is listed.
struct ListedProgram {
  std::string name;
  std::string path;
  int rank = 0;  ///< RankOf its colour
  dev_t device = 0;
  ino_t inode = 0;
  std::uint64_t size = 0;
  std::optional<Sha256::Digest> sha256;  ///< when the witness has said it
  bool asked = false;
};

/// 4 for red, 3 for orange, 2 for yellow, 1 for any other value.
int RankOf(std::string_view colour);

/// The programs in `directories` that are known by listed names alone: one that is reached under
/// other names as well, as kmod is by insmod and lsmod, does not show by its content what it was
/// run as.
std::vector<ListedProgram> FindListedPrograms(const List& list,
                                              const std::vector<std::string>& directories);

/// Tells by content what a program is when its names do not: by inode at once, by SHA-256 with the
/// help of the witness. In the sensor; never waits, and holds a bounded number of events.
class Recognizer {
 public:
  using Take = std::function<void(RawEvent&&)>;  ///< gets an event of the type TLD_IDENTITY

  static constexpr std::size_t kMostWaiting = 1024;
  static constexpr std::size_t kMostWaitingBytes = 4u << 20;

  struct Counters {
    std::uint64_t asked = 0;
    std::uint64_t recognized = 0;
    /// Answers, by what became of the question.
    std::array<std::uint64_t, static_cast<std::size_t>(Unseen::kCount)> by_answer{};
  };

  /// `talk` is the sensor's end of the witness's socket; may be none.
  Recognizer(int talk, Take take);

  /// Keeps a reference to the policy until the next call.
  void SetPolicy(const Policy& policy);
  /// An event that was judged.
  void Consider(const Event& event, std::int64_t now_ms);
  /// Takes the answers that are there.
  void ReadAnswers();
  /// Looks for programs that were installed or removed; gives up what was not answered in time.
  void KeepHouse(std::int64_t now_ms);

  int fd() const { return talk_; }
  std::size_t waiting() const { return waiting_.size(); }
  std::size_t programs() const { return programs_.size(); }
  const Counters& counters() const { return counters_; }
  /// Questions that should have been answered by a look at the file and were not.
  std::uint64_t Unwitnessed() const;

 private:
  struct Waiting {
    RawEvent event;
    int rank = 0;
    std::int64_t asked_ms = 0;
  };
  struct Place {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    bool guarded = false;  ///< root's, and nobody else may write it
  };

  static std::optional<Place> PlaceOf(const RawEvent& raw);
  int RankByName(const Event& event) const;
  bool AskedLately(const Place& place, std::int64_t now_ms);
  struct Look {
    std::string path;
    Place place;
    bool follow = false;
  };
  void Ask(const Event& event, const Look& look, int rank, std::int64_t now_ms);
  bool Send(WitnessQuestion question, std::string_view rest);
  void Scan();
  bool Teach();
  void Learn();
  void TakeAnswer(const WitnessAnswer& answer);
  void Count(Unseen what) { ++counters_.by_answer[static_cast<std::size_t>(what)]; }

  int talk_;
  Take take_;
  const List* list_ = nullptr;
  std::string host_;
  std::vector<ListedProgram> programs_;
  std::vector<std::int64_t> directory_times_;
  std::int64_t scanned_ms_ = 0;
  std::uint64_t next_id_;
  bool taught_ = false;                                      // the witness has the sizes
  std::unordered_map<std::uint64_t, std::size_t> learning_;  // question to program
  std::map<std::uint64_t, Waiting> waiting_;                 // by question, the oldest first
  std::size_t waiting_bytes_ = 0;
  std::unordered_map<std::uint64_t, std::int64_t> asked_;  // guarded files, by inode
  Counters counters_;
};

}  // namespace tld
