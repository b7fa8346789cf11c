// SPDX-License-Identifier: Apache-2.0
#include "audit/sockaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "base/text.h"

namespace tld {
namespace {

/// Bytes in front of the address of an IPv4 host that stands in one of IPv6 (RFC 4291, 2.5.5.2):
/// what is said to it goes by IPv4, and it is written so.
constexpr std::size_t kMapped = 12;

void AddInternet(Event& event, int family, const void* address, in_port_t port) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (inet_ntop(family, address, text.data(), text.size()) == nullptr) return;
  event.Add("audit.sockaddr.addr", text.data());
  event.Add("audit.sockaddr.port", std::to_string(ntohs(port)));
  event.Add("srcip", text.data());
}

/// A path ends at its first NUL; an abstract name begins with one and is written with `@`
/// (unix(7)).
void AddUnix(Event& event, std::string_view path) {
  if (path.empty()) return;
  std::string shown(path);
  if (shown[0] == '\0') {
    shown[0] = '@';
  }
  shown.resize(std::min(shown.find('\0'), shown.size()));
  event.Add("audit.sockaddr.path", shown);
}

}  // namespace

void AddSockaddr(Event& event, std::string_view hex) {
  const auto bytes = HexDecode(hex);
  sa_family_t family = 0;
  if (!bytes || bytes->size() < sizeof family) return;
  std::memcpy(&family, bytes->data(), sizeof family);
  if (family == AF_INET && bytes->size() >= offsetof(sockaddr_in, sin_zero)) {
    sockaddr_in in{};
    std::memcpy(&in, bytes->data(), std::min(bytes->size(), sizeof in));
    event.Add("audit.sockaddr.family", "inet");
    AddInternet(event, AF_INET, &in.sin_addr, in.sin_port);
  } else if (family == AF_INET6 && bytes->size() >= offsetof(sockaddr_in6, sin6_scope_id)) {
    sockaddr_in6 in{};
    std::memcpy(&in, bytes->data(), std::min(bytes->size(), sizeof in));
    event.Add("audit.sockaddr.family", "inet6");
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&in.sin6_addr);
    AddInternet(event, mapped ? AF_INET : AF_INET6, in.sin6_addr.s6_addr + (mapped ? kMapped : 0),
                in.sin6_port);
  } else if (family == AF_UNIX) {
    event.Add("audit.sockaddr.family", "unix");
    AddUnix(event, std::string_view(*bytes).substr(offsetof(sockaddr_un, sun_path)));
  } else {
    event.Add("audit.sockaddr.family", family == AF_NETLINK ? "netlink" : std::to_string(family));
  }
}

void AddSourceAddress(Event& event, std::string_view text) {
  const std::string address(text);
  in_addr four{};
  in6_addr six{};
  if (inet_pton(AF_INET, address.c_str(), &four) == 1) {
    event.Add("srcip", address);
  } else if (inet_pton(AF_INET6, address.c_str(), &six) == 1) {
    std::array<char, INET_ADDRSTRLEN> mapped{};
    const bool is_mapped = IN6_IS_ADDR_V4MAPPED(&six);
    if (is_mapped) inet_ntop(AF_INET, six.s6_addr + kMapped, mapped.data(), mapped.size());
    event.Add("srcip", is_mapped ? std::string(mapped.data()) : address);
  }
}

}  // namespace tld
