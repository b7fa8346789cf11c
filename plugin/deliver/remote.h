// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "alert/stored.h"

namespace tld {

/// A receiver of alerts: one `[remote NAME]` of the settings. A plain value.
struct Remote {
  enum class Protocol {
    kRelp,     ///< acknowledged by the receiving program
    kRelpTls,  ///< the same in TLS
    kTls,      ///< RFC 5425
    kTcp,      ///< RFC 6587
    kUdp,      ///< RFC 5426; lossy
    kAgent,    ///< datagram socket of an agent on this host
  };
  enum class Shape { kRfc5424, kRfc3164 };

  std::string name;
  Protocol protocol = Protocol::kRelpTls;
  std::string host;
  std::string port;
  std::string socket = "/var/ossec/queue/sockets/queue";  ///< of the agent
  std::string group = "wazuh";                            ///< whose socket that is
  std::optional<Payload> format;                          ///< none = by the protocol
  Shape shape = Shape::kRfc5424;
  int facility = 3;                 ///< RFC 5424 table 1
  int level = 5;                    ///< the lowest that is sent
  std::vector<std::string> groups;  ///< of rules; empty = all
  std::size_t size_bytes = 0;       ///< of a payload, the most; 0 = by the protocol

  std::string ca = "/etc/ssl/certs/ca-certificates.crt";
  std::string certificate;  ///< with `key`: ours, for the receiver to know us by
  std::string key;
  std::string peer;  ///< name in the receiver's certificate; empty = `host`
  bool verify = true;

  bool operator==(const Remote&) const = default;

  bool uses_tls() const { return protocol == Protocol::kRelpTls || protocol == Protocol::kTls; }
  const std::string& peer_name() const { return peer.empty() ? host : peer; }
  /// A manager decodes what its agent sends as fields of its own.
  Payload payload() const {
    if (format) return *format;
    return protocol == Protocol::kAgent ? Payload::kEvent : Payload::kJson;
  }
  /// Syslog receivers take 8 KiB by default, an agent 64.
  std::size_t payload_limit() const {
    if (size_bytes != 0) return size_bytes;
    return protocol == Protocol::kAgent ? kAgentLimit : kSyslogLimit;
  }

  static constexpr std::size_t kAgentLimit = std::size_t{60} * 1024;
};

inline constexpr std::size_t kMostRemotes = 32;

/// Of the names in their order: equal when the remotes are the same ones; 0 for none.
std::uint64_t RemotesKey(const std::vector<Remote>& remotes);

/// The record as it goes on the wire, without the framing of a byte stream. Nothing when the stored
/// document cannot be read.
std::optional<std::string> WireRecord(const Remote& remote, const StoredAlert& alert);

}  // namespace tld
