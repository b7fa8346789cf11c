// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "program/pipeline.h"

namespace tld {

/// Shows how far long work is: bytes, rate and time left, on stderr, when that is a terminal and
/// the work takes more than a second.
class Progress {
 public:
  Progress(std::string what, std::uint64_t total_bytes);
  ~Progress();
  /// `done` bytes of the input, `events` so far.
  void Show(std::uint64_t done, std::uint64_t events);
  /// For work that is not counted in bytes.
  void ShowCount(std::uint64_t alerts);

 private:
  bool IsTime();

  std::string what_;
  std::uint64_t total_;
  std::int64_t began_ms_;
  std::int64_t shown_ms_;
  bool terminal_;
  bool shown_ = false;
};

/// Reads a log, plain or gzip, in pieces; `-` is standard input (plain). `take` gets the bytes and
/// how much of the file has been read.
Status ReadLog(const std::string& path,
               const std::function<void(std::string_view, std::uint64_t)>& take);

/// Feeds all files to the pipeline as one log, the one that begins earliest first, and ends it.
/// those that begin with no record last. Where one is a stream, they are taken in the order in
/// which they are given. After each piece `after` gets its bytes and how many have been read in
/// all. A file that cannot be read is told on stderr, and the rest is read; false then, and where
/// no record is in all of them.
bool FeedLogs(const std::vector<std::string>& paths, Pipeline& pipeline,
              const std::function<void(std::string_view, std::uint64_t)>& after);

/// Bytes of all files on disk; 0 when one is a stream.
std::uint64_t TotalSize(const std::vector<std::string>& paths);

}  // namespace tld
