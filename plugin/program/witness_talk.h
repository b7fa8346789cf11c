// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/os.h"

/// What sensor and witness say to each other: one message a datagram of a socketpair, in this
/// machine's own byte order. Neither believes the other more than the sizes of these structures.
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

inline constexpr std::uint64_t kMostFileBytes = std::uint64_t{64} << 20;
inline constexpr std::int64_t kMostHashMs = 2000;
/// A question that takes longer ends the witness; the front starts another.
inline constexpr unsigned kMostQuestionSeconds = 5;
inline constexpr std::size_t kMostPathBytes = 4096;
inline constexpr std::size_t kMostSizes = 4096;

/// Sensor to witness: a file to look at. The path follows.
struct WitnessQuestion {
  enum class Kind : std::uint32_t {
    kLook,   ///< hash it if its size is one of the listed
    kLearn,  ///< hash it, whatever its size
    kSizes,  ///< what follows is no path but the listed sizes, each 8 bytes
  };
  Kind kind = Kind::kLook;
  std::uint32_t follow = 0;  ///< 1: a symbolic link at the end of the path is followed
  std::uint64_t id = 0;      ///< comes back with the answer
  std::uint64_t inode = 0;   ///< of the file that is meant; 0: whichever is there
  std::uint64_t device = 0;  ///< st_dev; 0: not to be compared
};

/// Witness to sensor.
struct WitnessAnswer {
  std::uint64_t id = 0;  ///< 0: the witness has started and knows no sizes
  Unseen unseen = Unseen::kFailed;
  std::array<std::uint8_t, 7> padding{};
  Sha256::Digest sha256{};
};

}  // namespace tld
