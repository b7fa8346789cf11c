// SPDX-License-Identifier: Apache-2.0
#include "detect/network.h"

#include <arpa/inet.h>

#include <bit>
#include <cstdint>
#include <optional>
#include <string>

#include "base/text.h"

namespace tld {
namespace {

/// `8` or `255.0.0.0` (IPv4 only); nothing when it is neither.
std::optional<unsigned> PrefixBits(std::string_view text, int family) {
  const unsigned most = family == AF_INET ? 32 : 128;
  if (const auto bits = ParseNumber(text)) {
    if (*bits > most) return {};
    return static_cast<unsigned>(*bits);
  }
  in_addr mask{};
  if (family != AF_INET || inet_pton(AF_INET, std::string(text).c_str(), &mask) != 1) return {};
  const std::uint32_t value = ntohl(mask.s_addr);
  const auto ones = static_cast<unsigned>(std::countl_one(value));
  if (ones < 32 && (value << ones) != 0) return {};  // ones behind a zero
  return ones;
}

}  // namespace

bool Network::ReadAddress(std::string_view text, Address& into) {
  const std::string name(text);
  for (const int family : {AF_INET, AF_INET6}) {
    if (inet_pton(family, name.c_str(), into.bytes.data()) == 1) {
      into.family = family;
      return true;
    }
  }
  return false;
}

Result<Network> Network::Parse(std::string_view text) {
  Network network;
  text = Trim(text);
  if (text.starts_with('!')) {
    network.negated_ = true;
    text = Trim(text.substr(1));
  }
  if (text == "any") {
    network.any_ = true;
    return network;
  }
  const std::size_t slash = text.find('/');
  if (!ReadAddress(text.substr(0, slash), network.base_)) {
    return Error{"'" + std::string(text) + "' is no address, block of addresses or 'any'"};
  }
  network.bits_ = network.base_.family == AF_INET ? 32 : 128;
  if (slash != text.npos) {
    const auto bits = PrefixBits(text.substr(slash + 1), network.base_.family);
    if (!bits) return Error{"'" + std::string(text.substr(slash)) + "' is no length of a prefix"};
    network.bits_ = *bits;
  }
  return network;
}

bool Network::Contains(std::string_view text) const {
  Address address;
  if (!ReadAddress(text, address)) return false;
  if (any_) return !negated_;
  bool inside = address.family == base_.family;
  for (unsigned bit = 0; inside && bit < bits_; ++bit) {
    const unsigned mask = 0x80u >> (bit % 8);
    inside = (address.bytes[bit / 8] & mask) == (base_.bytes[bit / 8] & mask);
  }
  return inside != negated_;
}

}  // namespace tld
