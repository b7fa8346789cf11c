// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "deliver/channel.h"
#include "deliver/remote.h"

namespace tld {

/// An open way to a receiver. Records go in by order and are taken over by order; how far is what
/// acknowledged() tells. Any error ends the link: what was not acknowledged is sent again on a new
/// one. Calls block, each for a bounded time. One thread.
class Link {
 public:
  virtual ~Link() = default;

  virtual Status Send(std::string_view record) = 0;
  /// Waits at most so many milliseconds, which may be 0, for more to be acknowledged, and looks
  /// whether the link still stands.
  virtual Status Await(std::int64_t ms) = 0;

  /// Records taken over since the link was opened.
  std::uint64_t acknowledged() const { return acknowledged_; }

 protected:
  std::uint64_t acknowledged_ = 0;
};

using LinkResult = std::variant<std::unique_ptr<Link>, LinkError>;

/// Resolves, connects, shakes hands.
LinkResult OpenLink(const Remote& remote);

/// Those that OpenLink chooses from. Syslog over a byte stream has no acknowledgement of its own: a
/// record counts as taken over when the peer's kernel has acknowledged its last byte.
LinkResult OpenRelp(const Remote& remote);
LinkResult OpenStream(const Remote& remote);
LinkResult OpenDatagram(const Remote& remote);
LinkResult OpenAgent(const Remote& remote);

}  // namespace tld
