// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "audit/event.h"

namespace tld {

/// Adds `audit.sockaddr.family addr port path` and `srcip` from the hexadecimal `saddr=` of a
/// SOCKADDR record: the bytes of a struct sockaddr as the process gave it to the kernel.
void AddSockaddr(Event& event, std::string_view hex);

/// Adds `srcip` when the text is an IPv4 or IPv6 address.
void AddSourceAddress(Event& event, std::string_view text);

}  // namespace tld
