// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/os.h"
#include "base/result.h"
#include "deliver/remote.h"

namespace tld {

/// Why a receiver could not be reached. A wrong certificate will not mend itself.
struct LinkError {
  std::string message;
  bool certificate = false;
};

/// A byte stream to a receiver, plain or in TLS. One thread.
class Channel {
 public:
  static constexpr int kPatienceMs = 30'000;
  static constexpr int kConnectMs = 10'000;

  virtual ~Channel() = default;

  /// All of it; an error when the receiver takes nothing for kPatienceMs.
  virtual Status Write(std::string_view bytes) = 0;
  /// What has come, without waiting; may be nothing. An error at the end of the stream.
  virtual Result<std::string> Read() = 0;
  /// Bytes that went into the socket since it was opened, TLS's own included.
  virtual std::uint64_t written() const = 0;

  int fd() const { return fd_.get(); }

 protected:
  explicit Channel(Fd fd) : fd_(std::move(fd)) {}
  const Fd fd_;
};

using ChannelResult = std::variant<std::unique_ptr<Channel>, LinkError>;

/// Resolves, connects, and shakes hands where the remote uses TLS.
ChannelResult OpenChannel(const Remote& remote);

/// The part of it that knows OpenSSL. The plugin has it in a module (tls_module.h).
ChannelResult OpenTlsChannel(const Remote& remote);

/// A connected socket, non-blocking; `type` is SOCK_STREAM or SOCK_DGRAM. Tries the addresses of
/// the name one after the other, each for kConnectMs. A stream gives up when the peer's kernel has
/// acknowledged nothing for kPatienceMs.
Result<Fd> ConnectTo(const std::string& host, const std::string& port, int type);

/// poll(2) for one descriptor and these events; false when the time is up.
bool WaitFor(int fd, short events, std::int64_t ms);

/// The error that a socket has noted (SO_ERROR); 0 = none.
int PendingError(int fd);

}  // namespace tld
