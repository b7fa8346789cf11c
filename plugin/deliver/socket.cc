// SPDX-License-Identifier: Apache-2.0
#include "deliver/socket.h"

#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace tld {
namespace {

constexpr std::int64_t kLookMs = 5;  // between two looks at the send queue

int PendingError(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

Result<Fd> ConnectOne(const addrinfo& address, const std::string& name) {
  Fd fd(socket(address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
               address.ai_protocol));
  if (!fd) return OsError("cannot make a socket");
  if (address.ai_socktype == SOCK_STREAM) {
    const int on = 1;
    const unsigned patience = Link::kPatienceMs;
    setsockopt(fd.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
  }
  if (connect(fd.get(), address.ai_addr, address.ai_addrlen) == 0) return fd;
  if (errno != EINPROGRESS) return OsError("cannot connect to " + name);
  if (!WaitFor(fd.get(), POLLOUT, Link::kConnectMs)) {
    return Error{"cannot connect to " + name + ": no answer within " +
                 std::to_string(Link::kConnectMs / 1000) + " s"};
  }
  if (const int error = PendingError(fd.get()); error != 0) {
    return OsError("cannot connect to " + name, error);
  }
  return fd;
}

}  // namespace

bool WaitFor(int fd, short events, std::int64_t ms) {
  const std::int64_t until = MonotonicMs() + ms;
  while (true) {
    pollfd one{fd, events, 0};
    const std::int64_t left = std::max<std::int64_t>(until - MonotonicMs(), 0);
    const int n = poll(&one, 1, static_cast<int>(left));
    if (n > 0) return true;
    if (n == 0 || errno != EINTR) return false;
  }
}

Result<Fd> ConnectTo(const std::string& host, const std::string& port, int type) {
  addrinfo hints{};
  hints.ai_socktype = type;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int rc = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (rc != 0) {
    return Error{"cannot resolve '" + host + "': " +
                 (rc == EAI_SYSTEM ? OsError("resolver").message : std::string(gai_strerror(rc)))};
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, freeaddrinfo);
  Result<Fd> fd = Error{"cannot resolve '" + host + "'"};
  for (const addrinfo* a = found; a != nullptr && !fd; a = a->ai_next) {
    fd = ConnectOne(*a, host + ':' + port);
  }
  return fd;
}

Status StreamLink::Check() {
  if (Status heard = Hear(); !heard) return heard;
  if (const int error = PendingError(fd_.get()); error != 0) {
    return OsError("connection lost", error);
  }
  pollfd state{fd_.get(), POLLRDHUP, 0};
  if (poll(&state, 1, 0) > 0) return Error{"the receiver has closed the connection"};
  int queued = 0;
  if (ioctl(fd_.get(), SIOCOUTQ, &queued) != 0) return OsError("connection lost");
  // A failure between the two looks would make the queue look empty.
  if (const int error = PendingError(fd_.get()); error != 0) {
    return OsError("connection lost", error);
  }
  const std::uint64_t arrived = Written() - static_cast<std::uint64_t>(queued);
  for (; !ends_.empty() && ends_.front() <= arrived; ends_.pop_front()) ++acknowledged_;
  return {};
}

Status StreamLink::Settle() {
  while (true) {
    if (Status standing = Check(); !standing) return standing;
    if (ends_.empty()) return {};
    WaitFor(fd_.get(), POLLRDHUP, kLookMs);
  }
}

}  // namespace tld
