// SPDX-License-Identifier: Apache-2.0
#include "program/witness.h"

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
#include <string>
#include <unordered_map>
#include <vector>

#include "program/kernel_audit.h"
#include "program/sandbox.h"
#include "program/witness_talk.h"

namespace tld {
namespace {

constexpr int kNice = 10;
constexpr int kIdleIo = 3 << 13;  // IOPRIO_CLASS_IDLE, ioprio_set(2)
constexpr std::int64_t kStatusMs = 5000;
constexpr std::size_t kMostRemembered = 4096;
constexpr std::size_t kReadBytes = 64 * 1024;

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
        message_(sizeof(WitnessQuestion) + std::max(kMostPathBytes, kMostSizes * 8)),
        buffer_(kReadBytes) {}

  int Run() {
    Say({});
    while (true) {
      AskKernel();
      pollfd fd{talk_.get(), POLLIN, 0};
      const int ready = poll(&fd, 1, asks_kernel_ ? static_cast<int>(kStatusMs) : -1);
      if (ready < 0 && errno != EINTR) return 1;
      if (ready <= 0) continue;
      const ssize_t n = recv(talk_.get(), message_.data(), message_.size(), 0);
      if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (n <= 0) return 0;
      Take({message_.data(), static_cast<std::size_t>(n)});
    }
  }

 private:
  void Take(std::string_view message) {
    WitnessQuestion question;
    if (message.size() < sizeof question) return;
    std::memcpy(&question, message.data(), sizeof question);
    message.remove_prefix(sizeof question);
    if (question.kind == WitnessQuestion::Kind::kSizes) {
      sizes_.resize(message.size() / sizeof(std::uint64_t));
      std::memcpy(sizes_.data(), message.data(), sizes_.size() * sizeof(std::uint64_t));
      std::sort(sizes_.begin(), sizes_.end());
      return;
    }
    // Nothing below may hang for good, whatever is mounted where the path leads: SIGALRM ends us.
    alarm(kMostQuestionSeconds);
    WitnessAnswer answer;
    answer.id = question.id;
    answer.unseen = Look(question, std::string(message), answer.sha256);
    alarm(0);
    Say(answer);
  }

  void Say(const WitnessAnswer& answer) {
    // A sensor that does not listen loses answers, and counts those.
    static_cast<void>(send(talk_.get(), &answer, sizeof answer, MSG_DONTWAIT | MSG_NOSIGNAL));
  }

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

  Unseen Look(const WitnessQuestion& question, const std::string& path, Sha256::Digest& sha256) {
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
    if (std::find(std::begin(kFileSystems), std::end(kFileSystems), kind) ==
        std::end(kFileSystems)) {
      return Unseen::kFileSystem;
    }
    // Records of btrfs and overlayfs name other devices than st_dev.
    const bool same_devices = kind != BTRFS_SUPER_MAGIC && kind != OVERLAYFS_SUPER_MAGIC;
    if (question.inode != 0 && question.inode != st.st_ino) return Unseen::kOtherFile;
    if (question.inode != 0 && same_devices && question.device != 0 &&
        question.device != st.st_dev) {
      return Unseen::kOtherFile;
    }
    const auto size = static_cast<std::uint64_t>(st.st_size);
    const bool learns = question.kind == WitnessQuestion::Kind::kLearn;
    if (!learns && !std::binary_search(sizes_.begin(), sizes_.end(), size)) {
      return Unseen::kOtherSize;
    }
    if (size > kMostFileBytes) return Unseen::kTooLarge;
    const FileState state = FileState::Of(st);
    if (const auto known = remembered_.find(st.st_ino);
        known != remembered_.end() && known->second.state == state) {
      sha256 = known->second.sha256;
      return Unseen::kSeen;
    }
    const std::string again = "/proc/self/fd/" + std::to_string(place.get());
    const Fd file(open(again.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!file) return Why(errno);
    if (const Unseen failed = Hash(file.get(), sha256); failed != Unseen::kSeen) return failed;
    // What changed under the hand is not what was run, and is not to be known by this hash.
    struct stat after {};
    if (fstat(file.get(), &after) != 0 || FileState::Of(after) != state) return Unseen::kOtherFile;
    if (remembered_.size() >= kMostRemembered) remembered_.clear();
    remembered_[st.st_ino] = {state, sha256};
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
  std::vector<std::uint64_t> sizes_;  // sorted
  std::unordered_map<ino_t, Remembered> remembered_;
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
