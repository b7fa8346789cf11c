// SPDX-License-Identifier: Apache-2.0
#include "program/control.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <utility>

#include "base/text.h"
#include "program/sandbox.h"

namespace tld {
namespace {

constexpr std::size_t kClients = 16;
constexpr std::size_t kRequestBytes = 256;
constexpr std::size_t kAnswerBytes = std::size_t{16} << 20;
constexpr std::int64_t kClientMs = 5000;

std::optional<sockaddr_un> Address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return {};
  std::copy(path.begin(), path.end(), address.sun_path);
  return address;
}

const sockaddr* Generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

/// Binds with the mode and group that the socket is to have from its first moment: the directory is
/// the unprivileged user's, who could put something else under the name before a chown by path.
bool BindAs(int fd, const sockaddr_un& address, std::optional<gid_t> group) {
  const mode_t mask = umask(0117);
  const gid_t own = getegid();
  const bool changed = group && setegid(*group) == 0;
  const bool bound = bind(fd, Generic(address), sizeof address) == 0;
  const int error = errno;
  if (changed && setegid(own) != 0) return false;
  umask(mask);
  errno = error;
  return bound;
}

}  // namespace

Result<Fd> BindControlSocket(const std::string& path) {
  const std::string temporary = path + '.' + std::to_string(getpid());
  const auto address = Address(temporary);
  if (!address) return Error{path + ": the path is too long for a socket"};
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return OsError("cannot make a socket");
  unlink(temporary.c_str());
  const Result<gid_t> adm = FindGroup("adm");
  if (!BindAs(fd.get(), *address, adm ? std::optional(*adm) : std::nullopt)) {
    return OsError("cannot bind " + path);
  }
  if (listen(fd.get(), static_cast<int>(kClients)) != 0 ||
      rename(temporary.c_str(), path.c_str()) != 0) {
    const Error error = OsError("cannot put " + path + " in place");
    unlink(temporary.c_str());
    return error;
  }
  return fd;
}

ControlServer::ControlServer(Fd listener,
                             std::function<std::string(std::string_view, uid_t)> answer)
    : listener_(std::move(listener)), answer_(std::move(answer)) {}

void ControlServer::AddTo(std::vector<pollfd>& fds) const {
  if (listener_ && clients_.size() < kClients) fds.push_back({listener_.get(), POLLIN, 0});
  for (const Client& client : clients_) {
    const short events = client.answered ? POLLOUT : POLLIN;
    fds.push_back({client.fd.get(), events, 0});
  }
}

void ControlServer::Serve(const std::vector<pollfd>& fds, std::int64_t now_ms) {
  const auto ready = [&](int fd) {
    return std::any_of(fds.begin(), fds.end(),
                       [&](const pollfd& p) { return p.fd == fd && p.revents != 0; });
  };
  for (Client& client : clients_) {
    if (ready(client.fd.get()) && !client.answered) Read(client);
    if (client.answered && !client.done) Write(client);
  }
  clients_.remove_if(
      [&](const Client& client) { return client.done || now_ms > client.deadline_ms; });
  if (listener_ && ready(listener_.get())) Accept(now_ms);
}

void ControlServer::Accept(std::int64_t now_ms) {
  Fd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd) return;
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
  Client client;
  client.fd = std::move(fd);
  client.uid = peer.uid;
  client.deadline_ms = now_ms + kClientMs;
  clients_.push_back(std::move(client));
}

void ControlServer::Read(Client& client) {
  std::array<char, kRequestBytes> buffer{};
  const ssize_t n = read(client.fd.get(), buffer.data(), buffer.size());
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n > 0) client.request.append(buffer.data(), static_cast<std::size_t>(n));
  const std::size_t newline = client.request.find('\n');
  if (newline != std::string::npos) {
    client.reply = answer_(std::string_view(client.request).substr(0, newline), client.uid);
    client.reply += '\n';
    client.answered = true;
    client.deadline_ms = MonotonicMs() + kClientMs;  // a reload may have taken longer than that
  } else if (n <= 0 || client.request.size() >= kRequestBytes) {
    client.done = true;
  }
}

void ControlServer::Write(Client& client) {
  const ssize_t n = send(client.fd.get(), client.reply.data(), client.reply.size(), MSG_NOSIGNAL);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n > 0) client.reply.erase(0, static_cast<std::size_t>(n));
  client.done = n <= 0 || client.reply.empty();
}

Result<std::string> AskPlugin(const std::string& path, std::string_view request) {
  const auto address = Address(path);
  const Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || !address) return Error{path + ": cannot make a socket"};
  // A reload of the largest policy takes a few seconds; a plugin that hangs must not hang its
  // client.
  const timeval patience{request == "reload" ? 120 : 10, 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  // Also for connect(), which waits while as many others as the socket takes wait (unix(7)).
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (connect(fd.get(), Generic(*address), sizeof *address) != 0) {
    const int why = errno;
    if (why == EACCES)
      return Error{OsError(path, why).message + "; root and the group adm may ask the plugin"};
    return OsError("no plugin answers at " + path, why);
  }
  if (Status sent = WriteAll(fd.get(), std::string(request) + '\n'); !sent) return sent.error();
  Result<std::string> answer = ReadAll(fd.get(), kAnswerBytes);
  if (!answer) return Error{"the plugin does not answer at " + path};
  if (answer && answer->empty()) return Error{path + ": the plugin gave no answer"};
  return answer;
}

}  // namespace tld
