// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/os.h"

namespace tld {

/// Appends alert documents to a file, one a line, for shippers. When the name leads to another file
/// (logrotate has renamed it) a new one is begun; no signal is needed. A disk that is full or gone
/// loses the line for this file only, counted; the next line is tried again.
class JsonFile {
 public:
  struct Counters {
    std::uint64_t written = 0;
    std::uint64_t failed = 0;
  };

  /// An empty path writes nothing.
  explicit JsonFile(std::string path) : path_(std::move(path)) {}

  /// Another file from the next line on; counters stay.
  void Configure(std::string path);

  void Write(std::string_view document);

  bool enabled() const { return !path_.empty(); }
  const std::string& path() const { return path_; }
  const Counters& counters() const { return counters_; }

 private:
  bool Ready();

  std::string path_;
  Fd fd_;
  Counters counters_;
};

}  // namespace tld
