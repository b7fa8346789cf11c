// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct sha256_ctx;  // of Nettle

/// The operating system: descriptors, whole files, clocks. Every errno becomes words here.
namespace tld {

/// Owns a file descriptor; -1 is none.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.Release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) Reset(other.Release());
    return *this;
  }
  ~Fd() { Reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int Release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void Reset(int fd = -1);

 private:
  int fd_ = -1;
};

/// `WHAT: TEXT OF errno`, for the errno of the call that has just failed.
Error OsError(std::string_view what);
Error OsError(std::string_view what, int error_number);

/// Whose files a privileged program may believe: with `required`, those owned by root or `owner`
/// that neither group nor world can write.
struct FileTrust {
  bool required = false;
  uid_t owner = 0;
};
Status CheckTrust(const struct stat& st, const FileTrust& trust);

/// The whole file; an error above `limit` bytes or when it is no regular file.
Result<std::string> ReadFile(const std::string& path, std::size_t limit,
                             const FileTrust& trust = {});
/// The rest of an open descriptor, up to `limit` bytes.
Result<std::string> ReadAll(int fd, std::size_t limit);

/// A file under a temporary name that takes the place of `path` when it is committed, so that a
/// reader sees the old or the new bytes, never a part. Gone when it is not committed.
class AtomicFile {
 public:
  /// Mode and owner of an existing file are kept; a new one gets `mode`.
  static Result<AtomicFile> Create(const std::string& path, mode_t mode);
  AtomicFile(AtomicFile&&) noexcept = default;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  int fd() const { return fd_.get(); }
  /// `sync` waits for the disk before the rename.
  Status Commit(bool sync);

 private:
  AtomicFile(std::string path, std::string temporary, Fd fd)
      : path_(std::move(path)), temporary_(std::move(temporary)), fd_(std::move(fd)) {}

  std::string path_;
  std::string temporary_;
  Fd fd_;
};

/// AtomicFile for bytes at hand.
Status WriteFileAtomically(const std::string& path, std::string_view bytes, mode_t mode, bool sync);

/// Writes all of it to a blocking descriptor.
Status WriteAll(int fd, std::string_view bytes);

/// Makes the directory and its missing parents (mode 0755, the last one `mode`), whatever the
/// umask.
Status MakeDirectories(const std::string& path, mode_t mode);

/// A file without a name in `directory`, gone when closed.
Result<Fd> OpenUnlinked(const std::string& directory);

/// Names of the entries of a directory, without `.` and `..`, sorted bytewise.
Result<std::vector<std::string>> ListDirectory(const std::string& path);

bool FileExists(const std::string& path);

/// Whether the file is in the directory or below it, however both are written and wherever links
/// lead.
bool IsBelow(const std::string& path, const std::string& directory);

/// Sets O_NONBLOCK.
Status SetNonBlocking(int fd);

/// CLOCK_MONOTONIC in milliseconds: for time-outs.
std::int64_t MonotonicMs();
std::int64_t MonotonicUs();
/// CLOCK_REALTIME in microseconds since 1970: for what people read.
std::int64_t RealtimeUs();

/// Random bits from the kernel (getrandom(2)).
std::uint64_t Random64();

/// gethostname(2), or "localhost".
std::string HostName();

/// SHA-256 of what comes piece by piece.
class Sha256 {
 public:
  using Digest = std::array<std::uint8_t, 32>;
  Sha256();
  void Add(std::string_view bytes);
  /// Of all that was added. Once.
  Digest Finish();

 private:
  std::unique_ptr<sha256_ctx, void (*)(sha256_ctx*)> context_;
};
/// Lower-case digits, as the next two.
std::string HexEncode(const Sha256::Digest& digest);
std::string Sha256Hex(std::string_view bytes);
/// Of the rest of an open file, in little memory.
Result<std::string> Sha256Hex(int fd);

}  // namespace tld
