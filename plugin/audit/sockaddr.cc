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
    AddInternet(event, AF_INET6, &in.sin6_addr, in.sin6_port);
  } else if (family == AF_UNIX) {
    event.Add("audit.sockaddr.family", "unix");
    AddUnix(event, std::string_view(*bytes).substr(offsetof(sockaddr_un, sun_path)));
  } else {
    event.Add("audit.sockaddr.family", family == AF_NETLINK ? "netlink" : std::to_string(family));
  }
}

void AddSourceAddress(Event& event, std::string_view text) {
  const std::string address(text);
  std::array<unsigned char, sizeof(in6_addr)> binary{};
  if (inet_pton(AF_INET, address.c_str(), binary.data()) == 1 ||
      inet_pton(AF_INET6, address.c_str(), binary.data()) == 1) {
    event.Add("srcip", address);
  }
}

}  // namespace tld
