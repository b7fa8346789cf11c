// SPDX-License-Identifier: Apache-2.0
#include "program/log_input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "audit/record.h"
#include "base/os.h"
#include "base/text.h"
#include "program/command.h"

namespace tld {
namespace {

constexpr std::size_t kPiece = 256 * 1024;
constexpr std::int64_t kShowEveryMs = 200;
constexpr std::int64_t kShowAfterMs = 1000;

}  // namespace

Progress::Progress(std::string what, std::uint64_t total_bytes)
    : what_(std::move(what)),
      total_(total_bytes),
      began_ms_(MonotonicMs()),
      shown_ms_(began_ms_ + kShowAfterMs - kShowEveryMs),
      terminal_(isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
  if (shown_) std::fputs("\r\033[K", stderr);
}

bool Progress::IsTime() {
  const std::int64_t now = MonotonicMs();
  if (!terminal_ || now - shown_ms_ < kShowEveryMs) return false;
  shown_ms_ = now;
  shown_ = true;
  return true;
}

void Progress::ShowCount(std::uint64_t alerts) {
  if (!IsTime()) return;
  std::fprintf(stderr, "\r\033[K%s: %llu alerts looked at", what_.c_str(),
               static_cast<unsigned long long>(alerts));
}

void Progress::Show(std::uint64_t done, std::uint64_t events) {
  if (!IsTime()) return;
  const double seconds = static_cast<double>(shown_ms_ - began_ms_) / 1000;
  const double rate = static_cast<double>(done) / seconds;
  std::fprintf(stderr, "\r\033[K%s: %.1f MB, %llu events, %.1f MB/s", what_.c_str(),
               static_cast<double>(done) / 1e6, static_cast<unsigned long long>(events),
               rate / 1e6);
  if (total_ > done && rate > 0) {
    std::fprintf(stderr, ", %.0f s left", static_cast<double>(total_ - done) / rate);
  }
}

namespace {

/// Standard input may be a person or a pipe: what has come is handed on at once.
Status ReadStandardInput(const std::function<void(std::string_view, std::uint64_t)>& take) {
  std::vector<char> piece(kPiece);
  for (std::uint64_t at = 0;;) {
    const ssize_t n = read(STDIN_FILENO, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return OsError("cannot read standard input");
    if (n == 0) return {};
    if (at == 0 &&
        std::string_view(piece.data(), static_cast<std::size_t>(n)).starts_with("\x1f\x8b")) {
      return Error{"standard input is compressed; name the file, or use zcat"};
    }
    at += static_cast<std::uint64_t>(n);
    take({piece.data(), static_cast<std::size_t>(n)}, at);
  }
}

}  // namespace

Status ReadLog(const std::string& path,
               const std::function<void(std::string_view, std::uint64_t)>& take) {
  if (path == "-") return ReadStandardInput(take);
  Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return OsError(path + ": cannot open");
  const int raw = fd.get();
  // zlib reads what is no gzip as it is.
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzdopen(raw, "rb"), gzclose);
  if (!file) return Error{path + ": cannot read"};
  fd.Release();
  std::vector<char> piece(kPiece);
  while (true) {
    const int n = gzread(file.get(), piece.data(), static_cast<unsigned>(piece.size()));
    int error = Z_OK;
    gzerror(file.get(), &error);
    if (n <= 0) {
      if (error == Z_OK || error == Z_STREAM_END) return {};
      return Error{path + (error == Z_ERRNO       ? ": cannot read"
                           : error == Z_BUF_ERROR ? ": ends in the middle of its compressed data"
                                                  : ": is damaged")};
    }
    take({piece.data(), static_cast<std::size_t>(n)},
         static_cast<std::uint64_t>(lseek(raw, 0, SEEK_CUR)));
  }
}

namespace {

/// It is read once, so that nobody can look into it before.
bool IsStream(const std::string& path) {
  struct stat st {};
  return path == "-" || (stat(path.c_str(), &st) == 0 && !S_ISREG(st.st_mode));
}

/// When the first record of a log was written, in milliseconds since 1970; the end of time for one
/// that begins with none, or cannot be read.
std::int64_t BeginMs(const std::string& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rbe"), gzclose);
  if (!file) return INT64_MAX;
  std::string piece(kPiece, '\0');
  piece.resize(static_cast<std::size_t>(
      std::max(gzread(file.get(), piece.data(), static_cast<unsigned>(piece.size())), 0)));
  for (const std::string_view line : SplitWords(piece, "\n")) {
    if (const auto header = ParseHeader(Trim(line)))
      return header->seconds * 1000 + std::int64_t{header->milliseconds};
  }
  return INT64_MAX;
}

/// As they are rotated, audit.log is the newest, and the shell's audit.log* names it first.
std::vector<std::string> ByTime(std::vector<std::string> paths) {
  if (paths.size() < 2 || std::any_of(paths.begin(), paths.end(), IsStream)) return paths;
  std::vector<std::pair<std::int64_t, std::string>> timed;
  for (const std::string& path : paths) timed.emplace_back(BeginMs(path), path);
  std::stable_sort(timed.begin(), timed.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::size_t i = 0; i < paths.size(); ++i) paths[i] = timed[i].second;
  return paths;
}

/// `msg=audit(01/31/2026 14:00:00.123:45) :`, the time by the locale.
bool IsInterpreted(std::string_view bytes) {
  const std::size_t stamp = bytes.find(" msg=audit(");
  return stamp != bytes.npos && bytes.substr(stamp, 64).find(") : ") != bytes.npos;
}

}  // namespace

bool FeedLogs(const std::vector<std::string>& paths, Pipeline& pipeline,
              const std::function<void(std::string_view, std::uint64_t)>& after) {
  bool good = true;
  bool interpreted = false;
  std::uint64_t before = 0;
  for (const std::string& path : ByTime(paths)) {
    pipeline.SetLocation(path == "-" ? "stdin" : path);
    std::uint64_t at = 0;
    const Status read = ReadLog(path, [&](std::string_view bytes, std::uint64_t place) {
      pipeline.Feed(bytes, 0);
      interpreted = interpreted || IsInterpreted(bytes);
      at = place;
      after(bytes, before + at);
    });
    before += at;
    // A log goes on in the next one, so events do too; but the last line of a file has ended.
    pipeline.EndLine();
    if (!read) Complain(read.message(), kFindings);
    good = good && read;
  }
  pipeline.Finish(0);
  if (pipeline.group_counters().events == 0 && pipeline.line_counters().lines > 0) {
    Complain(interpreted ? "there is no audit record in the input, but text of 'ausearch -i': what "
                           "'ausearch --raw' writes is needed"
                         : "there is no audit record in the input",
             kFindings);
    return false;
  }
  return good;
}

std::uint64_t TotalSize(const std::vector<std::string>& paths) {
  std::uint64_t total = 0;
  for (const std::string& path : paths) {
    struct stat st {};
    if (stat(path.c_str(), &st) != 0 || !S_ISREG(st.st_mode)) return 0;
    total += static_cast<std::uint64_t>(st.st_size);
  }
  return total;
}

}  // namespace tld
