// SPDX-License-Identifier: Apache-2.0
#include "deliver/remote.h"

#include <functional>

namespace tld {

std::uint64_t RemotesKey(const std::vector<Remote>& remotes) {
  std::string names;
  for (const Remote& remote : remotes) (names += remote.name) += '\n';
  return names.empty() ? 0 : std::hash<std::string>{}(names) | 1;
}

std::optional<std::string> WireRecord(const Remote& remote, const StoredAlert& alert) {
  const std::optional<std::string> payload =
      FormatStored(remote.payload(), alert, remote.payload_limit());
  if (!payload) return {};
  // The agent's own form: queue 1 is for log messages; a colon would end the location.
  if (remote.protocol == Remote::Protocol::kAgent) return "1:tld-audisp:" + *payload;
  return remote.shape == Remote::Shape::kRfc5424 ? FrameRfc5424(alert, remote.facility, *payload)
                                                 : FrameRfc3164(alert, remote.facility, *payload);
}

}  // namespace tld
