// SPDX-License-Identifier: Apache-2.0
#include "base/os.h"

#include <dirent.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <memory>

#include "base/text.h"

namespace tld {
namespace {

std::int64_t Microseconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

}  // namespace

void Fd::Reset(int fd) {
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
}

Error OsError(std::string_view what, int error_number) {
  std::array<char, 128> buffer{};
  const char* text = strerror_r(error_number, buffer.data(), buffer.size());
  return Error{std::string(what) + ": " + text};
}

Error OsError(std::string_view what) { return OsError(what, errno); }

Result<std::string> ReadAll(int fd, std::size_t limit) {
  std::string bytes;
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t n = read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return OsError("cannot read");
    if (n == 0) return bytes;
    if (bytes.size() + static_cast<std::size_t>(n) > limit) {
      return Error{"is larger than " + std::to_string(limit) + " bytes"};
    }
    bytes.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

Status CheckTrust(const struct stat& st, const FileTrust& trust) {
  if (!S_ISREG(st.st_mode)) return Error{"is not a regular file"};
  if (!trust.required) return {};
  if (st.st_uid != 0 && st.st_uid != trust.owner) {
    return Error{"is owned by uid " + std::to_string(st.st_uid) + ", must be root's"};
  }
  if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return Error{"is writable by group or others; 'chmod go-w' it"};
  return {};
}

Result<std::string> ReadFile(const std::string& path, std::size_t limit, const FileTrust& trust) {
  // O_NONBLOCK: a FIFO under a configured name must not hang the reader.
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return OsError("cannot open");
  struct stat st {};
  if (fstat(fd.get(), &st) != 0) return OsError("cannot stat");
  if (Status trusted = CheckTrust(st, trust); !trusted) return trusted.error();
  return ReadAll(fd.get(), limit);
}

Status WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return OsError("cannot write");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<AtomicFile> AtomicFile::Create(const std::string& path, mode_t mode) {
  // The leading dot keeps auditd and others that read whole directories from taking it.
  std::string temporary = DirectoryOf(path) + "/.tld-XXXXXX";
  Fd fd(mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return OsError("cannot create a file in " + DirectoryOf(path));
  AtomicFile file(path, std::move(temporary), std::move(fd));
  struct stat like {};
  const bool replaces = stat(path.c_str(), &like) == 0;
  if (replaces && fchown(file.fd(), like.st_uid, like.st_gid) != 0 && errno != EPERM) {
    return OsError("cannot set the owner of " + path);
  }
  if (fchmod(file.fd(), replaces ? like.st_mode & 07777 : mode) != 0) {
    return OsError("cannot set the mode of " + path);
  }
  return file;
}

AtomicFile::~AtomicFile() {
  if (fd_) unlink(temporary_.c_str());
}

Status AtomicFile::Commit(bool sync) {
  if (sync && fsync(fd_.get()) != 0) return OsError("cannot sync " + path_);
  if (rename(temporary_.c_str(), path_.c_str()) != 0) return OsError("cannot rename to " + path_);
  fd_.Reset();
  return {};
}

Status WriteFileAtomically(const std::string& path, std::string_view bytes, mode_t mode,
                           bool sync) {
  Result<AtomicFile> file = AtomicFile::Create(path, mode);
  if (!file) return file.error();
  if (Status written = WriteAll(file->fd(), bytes); !written) return written;
  return file->Commit(sync);
}

Status MakeDirectories(const std::string& path, mode_t mode) {
  struct stat st {};
  if (stat(path.c_str(), &st) == 0) {
    return S_ISDIR(st.st_mode) ? Status() : Status(Error{path + ": is not a directory"});
  }
  if (path.size() > 1) {
    if (Status parent = MakeDirectories(DirectoryOf(path), 0755); !parent) return parent;
  }
  if (mkdir(path.c_str(), mode) != 0) {
    return errno == EEXIST ? Status() : Status(OsError("cannot make " + path));
  }
  // Not as the umask has it: whoever owns what is below must come through.
  const Fd made(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!made || fchmod(made.get(), mode) != 0) return OsError("cannot make " + path);
  return {};
}

Result<Fd> OpenUnlinked(const std::string& directory) {
  Fd fd(open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd) return fd;
  std::string path = directory + "/.tld-XXXXXX";  // a file system without O_TMPFILE
  fd.Reset(mkostemp(path.data(), O_CLOEXEC));
  if (!fd) return OsError("cannot create a file in " + directory);
  unlink(path.c_str());
  return fd;
}

Result<std::vector<std::string>> ListDirectory(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path.c_str()), closedir);
  if (!directory) return OsError("cannot open");
  std::vector<std::string> names;
  while (const dirent* entry = readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool IsBelow(const std::string& path, const std::string& directory) {
  std::error_code none;
  const std::string file = std::filesystem::weakly_canonical(path, none).string();
  const std::string top = std::filesystem::weakly_canonical(directory, none).string();
  return !top.empty() && file.starts_with(top + '/');
}

bool FileExists(const std::string& path) {
  struct stat st {};
  return stat(path.c_str(), &st) == 0;
}

Status SetNonBlocking(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return OsError("fcntl");
  return {};
}

std::int64_t MonotonicMs() { return MonotonicUs() / 1000; }

std::int64_t MonotonicUs() { return Microseconds(CLOCK_MONOTONIC); }

std::int64_t RealtimeUs() { return Microseconds(CLOCK_REALTIME); }

std::uint64_t Random64() {
  std::uint64_t bits = 0;
  // Up to 256 bytes come whole and without error once the kernel's pool is ready (getrandom(2)).
  while (getrandom(&bits, sizeof bits, 0) != static_cast<ssize_t>(sizeof bits)) {
  }
  return bits;
}

std::string HostName() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

Sha256::Sha256() : context_(new sha256_ctx, [](sha256_ctx* context) { delete context; }) {
  sha256_init(context_.get());
}

void Sha256::Add(std::string_view bytes) {
  sha256_update(context_.get(), bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
}

Sha256::Digest Sha256::Finish() {
  Digest digest{};
  sha256_digest(context_.get(), digest.size(), digest.data());
  return digest;
}

std::string HexEncode(const Sha256::Digest& digest) {
  return HexEncode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string Sha256Hex(std::string_view bytes) {
  Sha256 sha256;
  sha256.Add(bytes);
  return HexEncode(sha256.Finish());
}

Result<std::string> Sha256Hex(int fd) {
  Sha256 sha256;
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t n = read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return OsError("cannot read");
    if (n == 0) break;
    sha256.Add({buffer.data(), static_cast<std::size_t>(n)});
  }
  return HexEncode(sha256.Finish());
}

}  // namespace tld
