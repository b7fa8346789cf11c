// SPDX-License-Identifier: Apache-2.0
#include "deliver/channel.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace tld {

int PendingError(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

namespace {

Result<Fd> ConnectOne(const addrinfo& address, const std::string& name) {
  Fd fd(socket(address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
               address.ai_protocol));
  if (!fd) return OsError("cannot make a socket");
  if (address.ai_socktype == SOCK_STREAM) {
    const int on = 1;
    const unsigned patience = Channel::kPatienceMs;
    setsockopt(fd.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
  }
  if (connect(fd.get(), address.ai_addr, address.ai_addrlen) == 0) return fd;
  if (errno != EINPROGRESS) return OsError("cannot connect to " + name);
  if (!WaitFor(fd.get(), POLLOUT, Channel::kConnectMs)) {
    return Error{"cannot connect to " + name + ": no answer within " +
                 std::to_string(Channel::kConnectMs / 1000) + " s"};
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

namespace {

class PlainChannel : public Channel {
 public:
  explicit PlainChannel(Fd fd) : Channel(std::move(fd)) {}

  Status Write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n > 0) {
        written_ += static_cast<std::uint64_t>(n);
        bytes.remove_prefix(static_cast<std::size_t>(n));
      } else if (errno == EAGAIN) {
        if (!WaitFor(fd(), POLLOUT, kPatienceMs)) return Error{"the receiver takes nothing"};
      } else if (errno != EINTR) {
        return OsError("connection lost");
      }
    }
    return {};
  }

  Result<std::string> Read() override {
    std::string bytes(4096, '\0');
    while (true) {
      const ssize_t n = recv(fd(), bytes.data(), bytes.size(), MSG_DONTWAIT);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return std::string();
      if (n < 0) return OsError("connection lost");
      if (n == 0) return Error{"the receiver has closed the connection"};
      bytes.resize(static_cast<std::size_t>(n));
      return bytes;
    }
  }

  std::uint64_t written() const override { return written_; }

 private:
  std::uint64_t written_ = 0;
};

}  // namespace

ChannelResult OpenChannel(const Remote& remote) {
  if (remote.uses_tls()) return OpenTlsChannel(remote);
  Result<Fd> fd = ConnectTo(remote.host, remote.port, SOCK_STREAM);
  if (!fd) return LinkError{fd.message()};
  return std::make_unique<PlainChannel>(*std::move(fd));
}

}  // namespace tld
