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
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::optional<Sha256::Digest> sha256;  ///< when the witness has said it
  bool asked = false;
};

/// 4 for red, 3 for orange, 2 for yellow, 1 for any other value.
int RankOf(std::string_view colour);

/// The programs among the files that are known by listed names alone: one that is reached under
/// other names as well, as kmod is by insmod and lsmod, does not show by its content what it was
/// run as.
std::vector<ListedProgram> ListedPrograms(const List& list, std::vector<FoundFile> files);

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
  /// Asks for programs that were installed or removed, and for processes whose file is gone; gives
  /// up what was not answered in time. Once a second.
  void KeepHouse(std::int64_t now_ms);

  int fd() const { return talk_; }
  std::size_t waiting() const { return waiting_.size(); }
  std::size_t programs() const { return programs_.size(); }
  /// Directories that the witness died of, and that are left out for an hour.
  std::size_t AvoidedDirectories() const;
  const Counters& counters() const { return counters_; }
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
  struct Directory {
    std::int64_t changed_ns = 0;
    std::int64_t avoided_until_ms = 0;
    int deaths = 0;  ///< of the witness, in a row, while it was listing this one
  };
  /// One walk over the directories, one question at a time. First it only asks whether one was
  /// changed; when one was, it begins anew and takes all files.
  struct Scan {
    bool whole = false;
    std::size_t directory = 0;
    std::uint64_t question = 0;  ///< 0: still to be asked
    bool begun = false;          ///< the witness is at it
    std::vector<FoundFile> files;
  };

  static std::optional<Place> PlaceOf(const RawEvent& raw);
  int RankByName(const Event& event) const;
  bool AskedLately(const Place& place, std::int64_t now_ms);
  void Ask(const Event& event, const Look& look, int rank, std::int64_t now_ms);
  void AskWhetherItRuns(std::int64_t now_ms);
  bool Send(WitnessQuestion question, std::string_view rest);
  void StartScan(bool whole);
  void GoOnScanning();
  void TakeFiles(const WitnessAnswer& answer, std::string_view files);
  void EndScan();
  bool Teach();
  void Learn();
  void StartAnew();
  void TakeAnswer(const WitnessAnswer& answer);
  void TakeLearned(ListedProgram& program, const WitnessAnswer& answer);
  void Compare(const Waiting& asked, const WitnessAnswer& answer);
  void Forget(Waitings::iterator waiting);
  void Count(Unseen what) { ++counters_.by_answer[static_cast<std::size_t>(what)]; }

  int talk_;
  Take take_;
  const List* list_ = nullptr;
  std::string host_;
  std::vector<ListedProgram> programs_;
  std::vector<Directory> directories_;
  std::optional<Scan> scan_;
  std::int64_t scanned_ms_ = 0;
  std::int64_t now_ms_ = 0;  // of the last call that said it
  std::uint64_t next_id_;
  bool taught_ = false;                                      // the witness has the sizes
  std::unordered_map<std::uint64_t, std::size_t> learning_;  // question to program
  Waitings waiting_;
  std::size_t waiting_bytes_ = 0;
  std::size_t gone_ = 0;                                   // of those that wait: the file is gone
  std::unordered_map<std::uint64_t, std::int64_t> asked_;  // guarded files, by inode
  std::vector<char> buffer_;
  Counters counters_;
};

}  // namespace tld
