// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "base/os.h"

/// What sensor and witness say to each other: questions and answers, several in one datagram of a
/// socketpair, in this machine's own byte order. Neither believes the other more than the sizes of
/// these structures.
namespace tld {

/// Why a file was not hashed. kOtherSize is the usual case: nothing listed has that size.
enum class Unseen : std::uint8_t {
  kSeen,
  kOtherSize,
  kGone,        ///< no such file, by that path, in the witness's own mount namespace
  kRefused,     ///< no right to open it
  kOtherFile,   ///< another file is at that path now
  kNotRegular,  ///< no regular file
  kFileSystem,  ///< on a kind of file system that may block or lie
  kTooLarge,    ///< over kMostFileBytes
  kTooSlow,     ///< over kMostHashMs
  kFailed,      ///< another error
  kBusy,        ///< said by the sensor: the witness takes no more questions
  kNoAnswer,    ///< said by the sensor: the witness ended, or was silent too long
  kCount,
};

inline constexpr std::array<std::string_view, static_cast<std::size_t>(Unseen::kCount)>
    kUnseenNames = {"hashed",     "other_size", "gone",     "refused", "other_file", "not_regular",
                    "filesystem", "too_large",  "too_slow", "failed",  "busy",       "no_answer"};

constexpr std::string_view NameOf(Unseen why) {
  return kUnseenNames[static_cast<std::size_t>(why)];
}

inline constexpr std::uint64_t kMostFileBytes = std::uint64_t{64} << 20;
inline constexpr std::int64_t kMostHashMs = 2000;
/// A question that takes longer, or up to a second less while one follows the other, ends the
/// witness; the front starts another.
inline constexpr unsigned kMostQuestionSeconds = 5;
inline constexpr std::size_t kMostPathBytes = 4096;
inline constexpr std::size_t kMostSizes = 4096;
inline constexpr std::size_t kMostQuestionBytes = 40 * 1024;  ///< of one datagram
/// Of one datagram; a file in a directory is less.
inline constexpr std::size_t kMostAnswerBytes = 16 * 1024;

/// Sensor to witness: a file to look at. The path follows, then the next question.
struct WitnessQuestion {
  enum class Kind : std::uint32_t {
    kLook,   ///< hash it if its size is one of the listed
    kLearn,  ///< hash it, whatever its size
    kSizes,  ///< what follows is no path but the listed sizes, each 8 bytes; has no answer
    kList,   ///< the path is a directory's: what regular files are there?
    kRuns,   ///< no path: does the process still run? kSeen or kGone
  };
  Kind kind = Kind::kLook;
  std::uint32_t follow = 0;  ///< 1: a symbolic link at the end of the path is followed
  std::uint64_t id = 0;      ///< comes back with the answer
  std::uint64_t inode = 0;   ///< of the file that is meant; 0: whichever is there
  std::uint64_t device = 0;  ///< st_dev; 0: not to be compared
  /// kList: not to be listed if it was changed then, nanoseconds since 1970. kRuns: the process
  /// was there then.
  std::int64_t time_ns = 0;
  /// kLook: the process that runs the file; 0 where it is of no interest whether that was removed.
  /// kRuns: the process.
  std::uint64_t pid = 0;
  std::uint64_t bytes = 0;  ///< of what follows
};

/// Witness to sensor. To kList come several, as many as the files need: the first without any, so
/// that it is known what the witness died of; with each the next files; the last says so.
struct WitnessAnswer {
  std::uint64_t id = 0;  ///< 0: the witness has started and knows no sizes
  Unseen unseen = Unseen::kFailed;
  bool last = true;
  /// Asked with a pid: kGone or kOtherFile, and the directory is there, on the device that the file
  /// was on: it was there and is no more, and not just in another mount namespace.
  bool removed = false;
  std::uint8_t padding = 0;
  std::uint32_t bytes = 0;   ///< of what follows, before the next answer
  std::uint64_t inode = 0;   ///< of a file that was hashed
  std::uint64_t size = 0;    ///< of a file that was hashed
  std::int64_t time_ns = 0;  ///< when the directory was changed, nanoseconds since 1970
  Sha256::Digest sha256{};
};

/// A regular file in a directory, or one that a symbolic link there leads to.
struct FoundFile {
  std::string name;  ///< in that directory
  std::string path;  ///< of the file, without symbolic links
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
};

/// As it follows an answer: three numbers, and the two strings, each with a null character.
inline void AppendFile(std::string& to, const FoundFile& file) {
  const std::uint64_t numbers[] = {file.device, file.inode, file.size};
  to.append(reinterpret_cast<const char*>(numbers), sizeof numbers);
  to.append(file.name).push_back('\0');
  to.append(file.path).push_back('\0');
}

/// Takes the next file off `rest`; false when there is none, or none that is whole.
inline bool NextFile(std::string_view& rest, FoundFile& file) {
  std::uint64_t numbers[3];
  if (rest.size() < sizeof numbers) return false;
  const std::size_t name = rest.find('\0', sizeof numbers);
  const std::size_t path = name == rest.npos ? rest.npos : rest.find('\0', name + 1);
  if (path == rest.npos) return false;
  std::memcpy(numbers, rest.data(), sizeof numbers);
  file = {std::string(rest.substr(sizeof numbers, name - sizeof numbers)),
          std::string(rest.substr(name + 1, path - name - 1)), numbers[0], numbers[1], numbers[2]};
  rest.remove_prefix(path + 1);
  return true;
}

}  // namespace tld
