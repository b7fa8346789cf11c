// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "base/os.h"
#include "base/result.h"

/// What the senders over the network share.
namespace tld {

/// A connected socket, non-blocking; `type` is SOCK_STREAM or SOCK_DGRAM. Tries the addresses of
/// the name one after the other, each for Link::kConnectMs. A stream gives up when the peer's
/// kernel has acknowledged nothing for Link::kPatienceMs.
Result<Fd> ConnectTo(const std::string& host, const std::string& port, int type);

/// poll(2) for one descriptor and these events; false when the time is up.
bool WaitFor(int fd, short events, std::int64_t ms);

/// Which records of a byte stream the peer's kernel has acknowledged: those that end before what
/// still is in the send queue (SIOCOUTQ, tcp(7)).
class StreamProgress {
 public:
  /// A record has been written, up to that many bytes since the socket was opened.
  void Note(std::uint64_t written) { ends_.push_back(written); }
  /// Counts those that are acknowledged and forgets them. An error when the connection has failed
  /// or the peer has closed it: what is in the queue then is not known to have arrived.
  Result<std::uint64_t> Acknowledged(int fd, std::uint64_t written);
  bool empty() const { return ends_.empty(); }

 private:
  std::deque<std::uint64_t> ends_;
};

}  // namespace tld
