// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/os.h"
#include "detect/list.h"
#include "program/witness_client.h"

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

/// The installed programs that a list names, and their content, by the witness: it lists the
/// directories of programs, hashes what is listed, and is told which sizes are worth a look. Looks
/// at no file itself, so that no dead file server below /usr/local holds up the sensor.
class InstalledPrograms {
 public:
  /// Keeps a reference to the witness.
  explicit InstalledPrograms(WitnessClient& witness);

  /// Null for none. Keeps the pointer until the next call; the programs found before stay until
  /// the directories have been listed anew.
  void SetList(const List* list);

  /// True when the answer was to a question from here.
  bool TakeAnswer(const WitnessAnswer& answer, std::string_view files);
  /// The witness has just started and knows nothing.
  void StartAnew();
  /// Once a second: goes on with what the socket did not take, and looks every ten seconds whether
  /// anything was changed.
  void KeepHouse(std::int64_t now_ms);

  const std::vector<ListedProgram>& all() const { return programs_; }
  /// Whether the witness has the sizes; tries to tell it when not.
  bool Taught() { return taught_ || Teach(); }
  /// The directories have been listed once.
  bool listed() const { return listed_; }
  /// Directories that the witness died of, and that are left out for an hour.
  std::size_t avoided() const;

 private:
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

  void StartScan(bool whole);
  void GoOn();
  void TakeFiles(const WitnessAnswer& answer, std::string_view files);
  void EndScan();
  bool Teach();
  void Learn();
  void TakeLearned(ListedProgram& program, const WitnessAnswer& answer);

  WitnessClient& witness_;
  const List* list_ = nullptr;
  std::vector<ListedProgram> programs_;
  std::vector<Directory> directories_;
  std::optional<Scan> scan_;
  std::int64_t scanned_ms_ = 0;  // when the scan last got on
  std::int64_t now_ms_ = 0;      // of the last call that said it
  bool listed_ = false;
  bool taught_ = false;                                      // the witness has the sizes
  std::unordered_map<std::uint64_t, std::size_t> learning_;  // question to program
};

}  // namespace tld
