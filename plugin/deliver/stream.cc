// SPDX-License-Identifier: Apache-2.0
// OpenStream, OpenDatagram and OpenAgent of link.h.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>

#include "deliver/link.h"
#include "deliver/socket.h"

namespace tld {
namespace {

constexpr std::int64_t kRefusalMs = 200;  // how long an ICMP error may take to come back

/// Octet counting (RFC 6587 section 3.4.1), or a newline where the receiver wants the older shape.
std::string Framed(const Remote& remote, std::string_view record) {
  if (remote.shape == Remote::Shape::kRfc3164) return std::string(record) + '\n';
  return std::to_string(record.size()) + ' ' + std::string(record);
}

class TcpLink : public StreamLink {
 public:
  TcpLink(const Remote& remote, Fd fd) : StreamLink(std::move(fd)), remote_(remote) {}

  Status Send(std::string_view record) override {
    const std::string framed = Framed(remote_, record);
    std::string_view rest = framed;
    while (!rest.empty()) {
      const ssize_t n = send(fd_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
      if (n > 0) {
        written_ += static_cast<std::uint64_t>(n);
        rest.remove_prefix(static_cast<std::size_t>(n));
      } else if (errno == EAGAIN) {
        if (!WaitFor(fd_.get(), POLLOUT, kPatienceMs)) return Error{"the receiver takes nothing"};
      } else if (errno != EINTR) {
        return OsError("connection lost");
      }
    }
    NoteRecord();
    return {};
  }

 private:
  // Receivers of syslog say nothing.
  Status Hear() override { return {}; }
  std::uint64_t Written() const override { return written_; }

  Remote remote_;
  std::uint64_t written_ = 0;
};

/// What a datagram needs to count as taken over is that nobody said otherwise for a while.
class DatagramLink : public Link {
 public:
  explicit DatagramLink(Fd fd) : fd_(std::move(fd)) {}

  Status Send(std::string_view record) override {
    while (send(fd_.get(), record.data(), record.size(), MSG_NOSIGNAL) < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return OsError("the receiver refuses");
      if (!WaitFor(fd_.get(), POLLOUT, kPatienceMs)) return Error{"the receiver takes nothing"};
    }
    ++sent_;
    return {};
  }

  Status Check() override { return {}; }

  Status Settle() override {
    if (WaitFor(fd_.get(), 0, kRefusalMs)) {  // POLLERR needs no asking
      char byte = 0;
      if (recv(fd_.get(), &byte, 1, MSG_DONTWAIT) < 0 && errno != EAGAIN) {
        return OsError("the receiver refuses");
      }
    }
    acknowledged_ = sent_;
    return {};
  }

 private:
  Fd fd_;
  std::uint64_t sent_ = 0;
};

/// An agent's socket: a datagram that was taken is the agent's.
class AgentLink : public Link {
 public:
  AgentLink(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  Status Send(std::string_view record) override {
    while (send(fd_.get(), record.data(), record.size(), MSG_NOSIGNAL) < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return OsError("the agent at " + path_);
      if (!WaitFor(fd_.get(), POLLOUT, kPatienceMs)) {
        return Error{"the agent at " + path_ + " takes nothing"};
      }
    }
    ++acknowledged_;
    return {};
  }
  Status Check() override { return {}; }
  Status Settle() override { return {}; }

 private:
  std::string path_;
  Fd fd_;
};

}  // namespace

LinkResult OpenStream(const Remote& remote) {
  Result<Fd> fd = ConnectTo(remote.host, remote.port, SOCK_STREAM);
  if (!fd) return LinkError{fd.message()};
  return std::make_unique<TcpLink>(remote, *std::move(fd));
}

LinkResult OpenDatagram(const Remote& remote) {
  Result<Fd> fd = ConnectTo(remote.host, remote.port, SOCK_DGRAM);
  if (!fd) return LinkError{fd.message()};
  return std::make_unique<DatagramLink>(*std::move(fd));
}

LinkResult OpenAgent(const Remote& remote) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (remote.socket.size() >= sizeof address.sun_path) {
    return LinkError{remote.socket + ": the path is too long for a socket"};
  }
  std::copy(remote.socket.begin(), remote.socket.end(), address.sun_path);
  Fd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return LinkError{OsError("cannot make a socket").message};
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return LinkError{OsError("cannot connect to the agent at " + remote.socket).message};
  }
  return std::make_unique<AgentLink>(remote.socket, std::move(fd));
}

LinkResult OpenLink(const Remote& remote) {
  switch (remote.protocol) {
    case Remote::Protocol::kRelp:
    case Remote::Protocol::kRelpTls:
      return OpenRelp(remote);
    case Remote::Protocol::kTls:
      return OpenTls(remote);
    case Remote::Protocol::kTcp:
      return OpenStream(remote);
    case Remote::Protocol::kUdp:
      return OpenDatagram(remote);
    case Remote::Protocol::kAgent:
      return OpenAgent(remote);
  }
  return LinkError{"unknown protocol"};
}

}  // namespace tld
