// SPDX-License-Identifier: Apache-2.0
#include "deliver/json_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace tld {

void JsonFile::Configure(std::string path) {
  if (path != path_) fd_.Reset();
  path_ = std::move(path);
}

bool JsonFile::Ready() {
  struct stat named {};
  struct stat open_file {};
  const bool same = fd_ && stat(path_.c_str(), &named) == 0 && fstat(fd_.get(), &open_file) == 0 &&
                    named.st_ino == open_file.st_ino && named.st_dev == open_file.st_dev;
  if (same) return true;
  // O_NONBLOCK: a FIFO without a reader fails instead of stopping detection.
  fd_.Reset(open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
                 0640));
  return static_cast<bool>(fd_);
}

void JsonFile::Write(std::string_view document) {
  if (!enabled()) return;
  std::string line(document);
  line += '\n';
  struct stat before {};
  const bool written = Ready() && fstat(fd_.get(), &before) == 0 && WriteAll(fd_.get(), line);
  if (written) {
    ++counters_.written;
    return;
  }
  ++counters_.failed;
  // Half a line would spoil the next one as well.
  if (fd_ && S_ISREG(before.st_mode) && ftruncate(fd_.get(), before.st_size) != 0) fd_.Reset();
}

}  // namespace tld
