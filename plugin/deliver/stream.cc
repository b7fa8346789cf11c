// SPDX-License-Identifier: Apache-2.0
// OpenStream, OpenDatagram and OpenAgent of link.h.
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <deque>

#include "deliver/link.h"

namespace tld {
namespace {

constexpr int kMostReads = 16;            // of what a receiver says, at one look
constexpr std::int64_t kLookMs = 5;       // between two looks at the send queue
constexpr std::int64_t kRefusalMs = 200;  // how long an ICMP error may take to come back

/// Octet counting (RFC 6587 section 3.4.1, RFC 5425 section 4.3), or a newline where the receiver
/// wants the older shape.
std::string Framed(const Remote& remote, std::string_view record) {
  const bool lines =
      remote.protocol == Remote::Protocol::kTcp && remote.shape == Remote::Shape::kRfc3164;
  if (lines) return std::string(record) + '\n';
  return std::to_string(record.size()) + ' ' + std::string(record);
}

/// A record is taken over when it ends before what still is in the send queue (SIOCOUTQ, tcp(7)).
class StreamLink : public Link {
 public:
  StreamLink(const Remote& remote, std::unique_ptr<Channel> channel)
      : remote_(remote), channel_(std::move(channel)) {}

  Status Send(std::string_view record) override {
    if (Status sent = channel_->Write(Framed(remote_, record)); !sent) return sent;
    ends_.push_back(channel_->written());
    return {};
  }

  /// TCP_USER_TIMEOUT ends the connection when nothing is acknowledged.
  Status Await(std::int64_t ms) override {
    for (const std::int64_t until = MonotonicMs() + ms;;) {
      if (Status standing = Look(); !standing) return standing;
      if (ends_.empty() || MonotonicMs() >= until) return {};
      WaitFor(channel_->fd(), POLLRDHUP, kLookMs);
    }
  }

 private:
  /// An error when the connection has failed or the peer has closed it: what is in the queue then
  /// is not known to have arrived.
  Status Look() {
    // Receivers of syslog say nothing; what comes is TLS's own, or the end. One that talks without
    // end keeps nobody here.
    for (int reads = 0; reads < kMostReads; ++reads) {
      const Result<std::string> heard = channel_->Read();
      if (!heard) return heard.error();
      if (heard->empty()) break;
    }
    const int fd = channel_->fd();
    if (const int error = PendingError(fd); error != 0) return OsError("connection lost", error);
    int queued = 0;
    if (ioctl(fd, SIOCOUTQ, &queued) != 0) return OsError("connection lost");
    // A failure between the two looks would make the queue look empty.
    if (const int error = PendingError(fd); error != 0) return OsError("connection lost", error);
    const std::uint64_t arrived = channel_->written() - static_cast<std::uint64_t>(queued);
    for (; !ends_.empty() && ends_.front() <= arrived; ends_.pop_front()) ++acknowledged_;
    return {};
  }

  Remote remote_;
  std::unique_ptr<Channel> channel_;
  std::deque<std::uint64_t> ends_;  // of the records that are under way
};

/// What a datagram needs to count as taken over is that nobody said otherwise for a while.
class DatagramLink : public Link {
 public:
  explicit DatagramLink(Fd fd) : fd_(std::move(fd)) {}

  Status Send(std::string_view record) override {
    while (send(fd_.get(), record.data(), record.size(), MSG_NOSIGNAL) < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return OsError("the receiver refuses");
      if (!WaitFor(fd_.get(), POLLOUT, Channel::kPatienceMs))
        return Error{"the receiver takes nothing"};
    }
    ++sent_;
    return {};
  }

  Status Await(std::int64_t ms) override {
    if (WaitFor(fd_.get(), 0, std::min(ms, kRefusalMs))) {  // POLLERR needs no asking
      char byte = 0;
      if (recv(fd_.get(), &byte, 1, MSG_DONTWAIT) < 0 && errno != EAGAIN) {
        return OsError("the receiver refuses");
      }
    }
    if (ms >= kRefusalMs) acknowledged_ = sent_;
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
      if (!WaitFor(fd_.get(), POLLOUT, Channel::kPatienceMs)) {
        return Error{"the agent at " + path_ + " takes nothing"};
      }
    }
    ++acknowledged_;
    return {};
  }
  Status Await(std::int64_t) override { return {}; }

 private:
  std::string path_;
  Fd fd_;
};

}  // namespace

LinkResult OpenStream(const Remote& remote) {
  ChannelResult opened = OpenChannel(remote);
  if (auto* error = std::get_if<LinkError>(&opened)) return std::move(*error);
  return std::make_unique<StreamLink>(remote,
                                      std::move(std::get<std::unique_ptr<Channel>>(opened)));
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
