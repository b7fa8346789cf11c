// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "deliver/remote.h"

namespace tld {

/// An open way to a receiver. Records go in by order and are taken over by order; how far is what
/// acknowledged() tells. Any error ends the link: what was not acknowledged is sent again on a new
/// one. Calls block, each for a bounded time (kPatienceMs without progress). One thread.
class Link {
 public:
  static constexpr int kPatienceMs = 30'000;
  static constexpr int kConnectMs = 10'000;

  virtual ~Link() = default;

  virtual Status Send(std::string_view record) = 0;
  /// Looks, without waiting, at what has been acknowledged and whether the link still stands.
  virtual Status Check() = 0;
  /// Waits until all that was sent is acknowledged.
  virtual Status Settle() = 0;
  /// How long nothing should be sent before Settle is worth its cost.
  virtual int settle_after_ms() const { return 0; }

  /// Records taken over since the link was opened.
  std::uint64_t acknowledged() const { return acknowledged_; }

 protected:
  std::uint64_t acknowledged_ = 0;
};

/// Why a link could not be opened. A wrong certificate will not mend itself.
struct LinkError {
  std::string message;
  bool certificate = false;
};

using LinkResult = std::variant<std::unique_ptr<Link>, LinkError>;

/// Resolves, connects, shakes hands.
LinkResult OpenLink(const Remote& remote);

/// Those that OpenLink chooses from.
LinkResult OpenStream(const Remote& remote);
LinkResult OpenTls(const Remote& remote);
LinkResult OpenDatagram(const Remote& remote);
LinkResult OpenAgent(const Remote& remote);
LinkResult OpenRelp(const Remote& remote);

}  // namespace tld
