// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tld {

/// Cuts a stream of bytes into lines. Bounded: a line over the limit is dropped whole and counted.
/// A NUL at the end of a line (auditd 4.0.5 and newer leave one there when they cut a record) is
/// removed; one inside, which no kernel record holds, becomes `?` so that it hides nothing after
/// it.
class LineReader {
 public:
  struct Counters {
    std::uint64_t lines = 0;
    std::uint64_t overlong = 0;  ///< lines dropped
    std::uint64_t with_nul = 0;
  };

  /// Lines of live input are at most 8,970 bytes and their header (MAX_AUDIT_MESSAGE_LENGTH of
  /// libaudit.h), and auditd's enrichment.
  static constexpr std::size_t kLiveLimit = 16 * 1024;

  explicit LineReader(std::size_t limit) : limit_(limit) {}

  /// Calls `line(std::string_view)` for each line that `bytes` completes, without its newline. The
  /// view is valid during the call.
  template <class Callback>
  void Feed(std::string_view bytes, Callback&& line) {
    Feed(bytes, line, [](std::string_view) { return Taken{}; });
  }

  /// Whole lines that were taken at once.
  struct Taken {
    std::size_t bytes = 0;  ///< newlines included; 0 = none
    std::size_t lines = 0;
  };
  /// The same; before each line `take(std::string_view)` may take some itself of all that is there.
  template <class Callback, class Take>
  void Feed(std::string_view bytes, Callback&& line, Take&& take) {
    const bool with_nul = bytes.find('\0') != bytes.npos;
    while (!bytes.empty()) {
      if (partial_.empty() && !overlong_ && !with_nul) {
        const Taken taken = take(bytes);
        counters_.lines += taken.lines;
        bytes.remove_prefix(taken.bytes);
        if (taken.bytes > 0) continue;
      }
      const std::size_t newline = bytes.find('\n');
      const bool ends = newline != bytes.npos;
      const std::string_view part = bytes.substr(0, ends ? newline : bytes.size());
      bytes.remove_prefix(part.size() + (ends ? 1 : 0));
      if (partial_.empty() && ends && !overlong_ && part.size() <= limit_) {
        Deliver(part, with_nul, line);  // the usual case: no copy
        continue;
      }
      Keep(part);
      if (ends) End(line);
    }
  }

  /// The end of the input: a last line without newline counts as one.
  template <class Callback>
  void Finish(Callback&& line) {
    if (!partial_.empty() || overlong_) End(line);
  }

  /// Bytes of the line that has begun.
  std::size_t partial_bytes() const { return partial_.size(); }
  const Counters& counters() const { return counters_; }

 private:
  void Keep(std::string_view part) {
    if (overlong_) return;
    if (partial_.size() + part.size() > limit_) {
      overlong_ = true;
      partial_.clear();
      return;
    }
    partial_ += part;
  }

  template <class Callback>
  void End(Callback&& line) {
    if (overlong_) {
      ++counters_.overlong;
    } else {
      Deliver(partial_, true, line);
    }
    partial_.clear();
    overlong_ = false;
  }

  template <class Callback>
  void Deliver(std::string_view text, bool may_hold_nul, Callback&& line) {
    ++counters_.lines;
    if (!may_hold_nul || text.find('\0') == text.npos) {
      line(text);
    } else {
      line(WithoutNul(text));
    }
  }

  std::string_view WithoutNul(std::string_view text);

  std::size_t limit_;
  std::string partial_;
  bool overlong_ = false;
  std::string mended_;
  Counters counters_;
};

}  // namespace tld
