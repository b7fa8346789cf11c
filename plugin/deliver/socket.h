// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "base/os.h"
#include "base/result.h"
#include "deliver/link.h"

/// What the senders over the network share.
namespace tld {

/// A connected socket, non-blocking; `type` is SOCK_STREAM or SOCK_DGRAM. Tries the addresses of
/// the name one after the other, each for Link::kConnectMs. A stream gives up when the peer's
/// kernel has acknowledged nothing for Link::kPatienceMs.
Result<Fd> ConnectTo(const std::string& host, const std::string& port, int type);

/// poll(2) for one descriptor and these events; false when the time is up.
bool WaitFor(int fd, short events, std::int64_t ms);

/// A link over a byte stream, where a record is taken over when the peer's kernel has acknowledged
/// its last byte: when it ends before what still is in the send queue (SIOCOUTQ, tcp(7)).
class StreamLink : public Link {
 public:
  explicit StreamLink(Fd fd) : fd_(std::move(fd)) {}

  /// An error when the connection has failed or the peer has closed it: what is in the queue then
  /// is not known to have arrived.
  Status Check() override;
  /// TCP_USER_TIMEOUT ends the connection when nothing is acknowledged.
  Status Settle() override;

 protected:
  /// Reads what the peer says, without waiting; an error when that is the end.
  virtual Status Hear() = 0;
  /// Bytes that went into the socket since it was opened.
  virtual std::uint64_t Written() const = 0;
  /// The record that was written last is complete.
  void NoteRecord() { ends_.push_back(Written()); }

  const Fd fd_;

 private:
  std::deque<std::uint64_t> ends_;
};

}  // namespace tld
