// SPDX-License-Identifier: Apache-2.0
#include "program/witness.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "program/kernel_audit.h"
#include "program/process.h"
#include "program/sandbox.h"
#include "program/witness_talk.h"

namespace tld {
namespace {

constexpr int kNice = 10;
constexpr int kIdleIo = 3 << 13;  // IOPRIO_CLASS_IDLE, ioprio_set(2)
constexpr std::int64_t kStatusMs = 5000;
constexpr std::size_t kMostRemembered = 4096;
constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::int64_t kSecond = 1'000'000'000;  // in nanoseconds
constexpr std::int64_t kRenewMs = 1000;  // while there is work, the alarm is set anew after this
/// Files of a directory that are said at once; one more has room.
constexpr std::size_t kFilesBytes = kMostAnswerBytes / 2;
static_assert(kFilesBytes + sizeof(WitnessAnswer) + NAME_MAX + kMostPathBytes + 64 <
              kMostAnswerBytes);

/// Local file systems, on which a read ends. Those of the network, of user space (FUSE) and of the
/// kernel's own text files are not among them.
constexpr std::uint32_t kFileSystems[] = {
    EXT4_SUPER_MAGIC,     XFS_SUPER_MAGIC,       BTRFS_SUPER_MAGIC, TMPFS_MAGIC,
    RAMFS_MAGIC,          OVERLAYFS_SUPER_MAGIC, SQUASHFS_MAGIC,    F2FS_SUPER_MAGIC,
    EROFS_SUPER_MAGIC_V1, MSDOS_SUPER_MAGIC,     ISOFS_SUPER_MAGIC, REISERFS_SUPER_MAGIC,
    0x2fc12fc1 /* ZFS */, 0x3153464a /* JFS */,
};

/// A file as it was when it was hashed.
struct FileState {
  dev_t device;
  ino_t inode;
  off_t size;
  std::int64_t changed_s;
  std::int64_t changed_ns;

  static FileState Of(const struct stat& st) {
    return {st.st_dev, st.st_ino, st.st_size, st.st_ctim.tv_sec, st.st_ctim.tv_nsec};
  }
  bool operator==(const FileState&) const = default;
};

struct Remembered {
  FileState state;
  Sha256::Digest sha256;
};

class Witness {
 public:
  Witness(const WitnessStart& start, Fd talk, WitnessCounters& counters)
      : talk_(std::move(talk)),
        counters_(counters),
        asks_kernel_(start.kernel_status),
        message_(kMostQuestionBytes),
        buffer_(kReadBytes) {}

  int Run() {
    Say({});
    SendAnswers();
    while (true) {
      AskKernel();
      const ssize_t n = recv(talk_.get(), message_.data(), message_.size(), MSG_DONTWAIT);
      if (n > 0) {
        TakeAll({message_.data(), static_cast<std::size_t>(n)});
        continue;
      }
      if (n == 0 || (errno != EINTR && errno != EAGAIN)) return 0;
      Unguard();
      pollfd fd{talk_.get(), POLLIN, 0};
      const int ready = poll(&fd, 1, asks_kernel_ ? static_cast<int>(kStatusMs) : -1);
      if (ready < 0 && errno != EINTR) return 1;
    }
  }

 private:
  /// Before what may hang for good, whatever is mounted where a path leads: then SIGALRM ends us.
  /// Set anew once a second while there is work, so what is guarded has a second less.
  void Guard() {
    const std::int64_t now_ms = MonotonicMs();
    if (guarded_ && now_ms - guarded_ms_ < kRenewMs) return;
    alarm(kMostQuestionSeconds);
    guarded_ = true;
    guarded_ms_ = now_ms;
  }

  void Unguard() {
    if (std::exchange(guarded_, false)) alarm(0);
  }

  void TakeAll(std::string_view message) {
    for (WitnessQuestion question; message.size() >= sizeof question;) {
      std::memcpy(&question, message.data(), sizeof question);
      message.remove_prefix(sizeof question);
      const std::size_t bytes = std::min<std::size_t>(message.size(), question.bytes);
      Take(question, message.substr(0, bytes));
      message.remove_prefix(bytes);
      AskKernel();
    }
    SendAnswers();
  }

  void Take(const WitnessQuestion& question, std::string_view rest) {
    if (question.kind == WitnessQuestion::Kind::kSizes) {
      sizes_.resize(rest.size() / sizeof(std::uint64_t));
      if (sizes_.empty()) return;
      std::memcpy(sizes_.data(), rest.data(), sizes_.size() * sizeof(std::uint64_t));
      std::sort(sizes_.begin(), sizes_.end());
      return;
    }
    Guard();
    WitnessAnswer answer;
    answer.id = question.id;
    const std::string path(rest);
    // No sensor of ours asks so.
    if (question.kind != WitnessQuestion::Kind::kRuns && !path.starts_with('/')) return;
    if (question.kind == WitnessQuestion::Kind::kList) {
      List(question, path, answer);
      SayFiles(answer, {}, true);
      return;
    }
    if (question.kind == WitnessQuestion::Kind::kRuns) {
      answer.unseen = RunsSince(question.pid, question.time_ns) ? Unseen::kSeen : Unseen::kGone;
    } else {
      answer.unseen = Look(question, path, answer);
      if (question.pid != 0) answer.removed = WasThere(question, path, answer.unseen);
    }
    Say(answer);
  }

  /// With the others of a datagram of questions; what was seen does not wait for those.
  void Say(const WitnessAnswer& answer) {
    answers_.append(reinterpret_cast<const char*>(&answer), sizeof answer);
    const bool full = answers_.size() + sizeof answer > kMostAnswerBytes;
    if (full || answer.unseen == Unseen::kSeen) SendAnswers();
  }

  void SendAnswers() {
    if (answers_.empty()) return;
    // A sensor that does not listen loses answers, and counts those.
    static_cast<void>(
        send(talk_.get(), answers_.data(), answers_.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
    answers_.clear();
  }

  /// An answer of several: waits for a sensor that is busy, and that is not the file's fault.
  void SayFiles(WitnessAnswer answer, std::string_view files, bool last = false) {
    SendAnswers();
    answer.last = last;
    answer.bytes = static_cast<std::uint32_t>(files.size());
    iovec parts[2] = {{&answer, sizeof answer}, {const_cast<char*>(files.data()), files.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    while (sendmsg(talk_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EAGAIN) {
      pollfd room{talk_.get(), POLLOUT, 0};
      Unguard();
      poll(&room, 1, -1);
      Guard();
    }
  }

  /// Says what files a directory has; the last answer is left to the caller.
  void List(const WitnessQuestion& question, const std::string& path, WitnessAnswer& answer) {
    SayFiles(answer, {});
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path.c_str()), closedir);
    struct stat st {};
    if (!directory || fstat(dirfd(directory.get()), &st) != 0) {
      answer.unseen = Why(errno);
      return;
    }
    answer.unseen = Unseen::kSeen;
    answer.time_ns = st.st_mtim.tv_sec * kSecond + st.st_mtim.tv_nsec;
    if (answer.time_ns == question.time_ns) return;
    const std::string real_directory = RealPath(dirfd(directory.get()));
    std::string files;
    while (const dirent* entry = readdir(directory.get())) {
      Guard();  // a cold disk takes its time for all of them
      const std::string real = Stat(dirfd(directory.get()), real_directory, entry->d_name, st);
      if (!real.starts_with('/') || real.size() > kMostPathBytes) continue;
      AppendFile(files, {entry->d_name, real, st.st_dev, st.st_ino,
                         static_cast<std::uint64_t>(st.st_size)});
      if (files.size() < kFilesBytes) continue;
      SayFiles(answer, files);
      files.clear();
    }
    SayFiles(answer, files);
  }

  /// The path of a regular file in a directory, links followed, and its state; empty for all else.
  static std::string Stat(int directory, const std::string& real_directory, const char* name,
                          struct stat& st) {
    if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) != 0) return {};
    if (S_ISREG(st.st_mode)) return real_directory.empty() ? "" : real_directory + '/' + name;
    if (!S_ISLNK(st.st_mode)) return {};
    const Fd place(openat(directory, name, O_PATH | O_CLOEXEC));
    if (!place || fstat(place.get(), &st) != 0 || !S_ISREG(st.st_mode)) return {};
    return RealPath(place.get());
  }

  /// Where a descriptor leads, by proc(5); empty where that cannot be said.
  static std::string RealPath(int fd) {
    char real[kMostPathBytes];
    const ssize_t length = readlink(OfDescriptor(fd).c_str(), real, sizeof real);
    return {real, static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
  }

  static bool IsLocal(std::uint32_t kind) {
    return std::find(std::begin(kFileSystems), std::end(kFileSystems), kind) !=
           std::end(kFileSystems);
  }

  /// Records of btrfs and overlayfs name other devices than st_dev.
  static bool SameDevice(const WitnessQuestion& question, std::uint32_t kind, dev_t device) {
    return kind == BTRFS_SUPER_MAGIC || kind == OVERLAYFS_SUPER_MAGIC || question.device == 0 ||
           question.device == device;
  }

  static bool WasThere(const WitnessQuestion& question, const std::string& path, Unseen unseen) {
    if (unseen != Unseen::kGone && unseen != Unseen::kOtherFile) return false;
    // The directory, or the nearest above it that is still there: it may have been removed as well,
    // or a link stands there now. The kernel's path of a program has none, and behind one there is
    // whatever its owner likes. What a container has at its own top says nothing.
    Fd place;
    std::string directory = path;
    while (!place) {
      directory.resize(directory.rfind('/'));
      if (directory.empty()) return false;
      place = Fd(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
      if (!place && errno != ENOENT && errno != ENOTDIR && errno != ELOOP) return false;
      if (place && RealPath(place.get()) != directory) place.Reset();
    }
    struct stat st {};
    struct statfs fs {};
    if (fstat(place.get(), &st) != 0 || fstatfs(place.get(), &fs) != 0) return false;
    const auto kind = static_cast<std::uint32_t>(fs.f_type);
    // Containers have overlayfs, too, each with a device of its own.
    if (kind == OVERLAYFS_SUPER_MAGIC) return question.device == st.st_dev;
    return SameDevice(question, kind, st.st_dev);
  }

  static std::string OfDescriptor(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

  static Unseen Why(int error) {
    switch (error) {
      case ENOENT:
      case ENOTDIR:
        return Unseen::kGone;
      case EACCES:
      case EPERM:
        return Unseen::kRefused;
      case ELOOP:
        return Unseen::kOtherFile;  // a symbolic link stands there
      default:
        return Unseen::kFailed;
    }
  }

  Unseen Look(const WitnessQuestion& question, const std::string& path, WitnessAnswer& answer) {
    // The place first, without opening what is there: a device or a FIFO may act on open(2).
    // The kernel's own path of a program ends in no link; what scripts and loaders are given may.
    const int nofollow = question.follow == 1 ? 0 : O_NOFOLLOW;
    const Fd place(open(path.c_str(), O_PATH | nofollow | O_CLOEXEC));
    if (!place) return Why(errno);
    struct stat st {};
    if (fstat(place.get(), &st) != 0) return Why(errno);
    if (S_ISLNK(st.st_mode)) return Unseen::kOtherFile;
    if (!S_ISREG(st.st_mode)) return Unseen::kNotRegular;
    struct statfs fs {};
    if (fstatfs(place.get(), &fs) != 0) return Why(errno);
    const auto kind = static_cast<std::uint32_t>(fs.f_type);
    if (!IsLocal(kind)) return Unseen::kFileSystem;
    if (question.inode != 0 &&
        (question.inode != st.st_ino || !SameDevice(question, kind, st.st_dev))) {
      return Unseen::kOtherFile;
    }
    const auto size = static_cast<std::uint64_t>(st.st_size);
    answer.inode = st.st_ino;
    answer.size = size;
    const bool learns = question.kind == WitnessQuestion::Kind::kLearn;
    if (!learns && !std::binary_search(sizes_.begin(), sizes_.end(), size)) {
      return Unseen::kOtherSize;
    }
    if (size > kMostFileBytes) return Unseen::kTooLarge;
    const FileState state = FileState::Of(st);
    if (const auto known = remembered_.find(st.st_ino);
        known != remembered_.end() && known->second.state == state) {
      answer.sha256 = known->second.sha256;
      return Unseen::kSeen;
    }
    const Fd file(
        open(OfDescriptor(place.get()).c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!file) return Why(errno);
    const Unseen failed = Hash(file.get(), answer.sha256);
    if (failed != Unseen::kSeen) return failed;
    // What changed under the hand is not what was run, and is not to be known by this hash.
    struct stat after {};
    if (fstat(file.get(), &after) != 0 || FileState::Of(after) != state) return Unseen::kOtherFile;
    if (remembered_.size() >= kMostRemembered) remembered_.clear();
    remembered_[st.st_ino] = {state, answer.sha256};
    return Unseen::kSeen;
  }

  Unseen Hash(int file, Sha256::Digest& sha256) {
    Sha256 sum;
    const std::int64_t until = MonotonicMs() + kMostHashMs;
    for (std::uint64_t total = 0;;) {
      const ssize_t n = read(file, buffer_.data(), buffer_.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Unseen::kFailed;
      if (n == 0) break;
      total += static_cast<std::uint64_t>(n);
      if (total > kMostFileBytes) return Unseen::kTooLarge;
      if (MonotonicMs() > until) return Unseen::kTooSlow;
      sum.Add({buffer_.data(), static_cast<std::size_t>(n)});
    }
    sha256 = sum.Finish();
    return Unseen::kSeen;
  }

  void AskKernel() {
    const std::int64_t now = MonotonicMs();
    if (!asks_kernel_ || now < ask_ms_) return;
    ask_ms_ = now + kStatusMs;
    Unguard();  // a kernel whose backlog is full lets who asks wait, and that is nobody's trap
    const auto status = KernelAuditStatus();
    if (!status) {
      counters_.kernel = WitnessCounters::kNotToBeAsked;
      return;
    }
    counters_.kernel_lost = status->lost;
    counters_.kernel_backlog = status->backlog;
    counters_.kernel_backlog_limit = status->backlog_limit;
    counters_.kernel_enabled = status->enabled;
    counters_.kernel_auditd = status->pid;
    counters_.kernel = WitnessCounters::kKnown;
  }

  Fd talk_;
  WitnessCounters& counters_;
  bool asks_kernel_;
  std::int64_t ask_ms_ = 0;
  bool guarded_ = false;  // SIGALRM is on its way
  std::int64_t guarded_ms_ = 0;
  std::vector<std::uint64_t> sizes_;  // sorted
  std::unordered_map<ino_t, Remembered> remembered_;
  std::string answers_;
  std::vector<char> message_;
  std::vector<char> buffer_;
};

}  // namespace

int RunWitness(const WitnessStart& start, Fd talk, SharedPage<WitnessCounters>& counters) {
  counters->kernel = WitnessCounters::kNotAsked;
  if (!GiveUpSpareGroup()) return 1;
  TakeCapabilities();  // without them it sees less, and says so with each answer
  std::signal(SIGALRM, SIG_DFL);
  setpriority(PRIO_PROCESS, 0, kNice);
  syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, kIdleIo);
  if (start.confine && (!RestrictFiles({{}, false, true}) || !ConfineWitness())) return 1;
  return Witness(start, std::move(talk), *counters).Run();
}

}  // namespace tld
