// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

#include "base/result.h"

namespace tld {

/// An address or a block of addresses, IPv4 or IPv6: `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `::1`,
/// `any`. A leading `!` means all addresses outside of it.
class Network {
 public:
  static Result<Network> Parse(std::string_view text);

  /// False for what is no address.
  bool Contains(std::string_view address) const;
  bool operator==(const Network&) const = default;

 private:
  struct Address {
    int family = 0;
    std::array<unsigned char, 16> bytes{};
    bool operator==(const Address&) const = default;
  };
  static bool ReadAddress(std::string_view text, Address& into);

  Address base_;
  unsigned bits_ = 0;  ///< of the prefix
  bool any_ = false;
  bool negated_ = false;
};

}  // namespace tld
