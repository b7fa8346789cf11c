// SPDX-License-Identifier: Apache-2.0
#include "program/remote_reader.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace tld {
namespace {

using Protocol = Remote::Protocol;

constexpr std::pair<std::string_view, Protocol> kProtocols[] = {
    {"relp+tls", Protocol::kRelpTls}, {"relp", Protocol::kRelp}, {"tls", Protocol::kTls},
    {"tcp", Protocol::kTcp},          {"udp", Protocol::kUdp},   {"agent", Protocol::kAgent}};
constexpr std::pair<std::string_view, Payload> kPayloads[] = {{"json", Payload::kJson},
                                                              {"event", Payload::kEvent},
                                                              {"text", Payload::kText},
                                                              {"cef", Payload::kCef}};
constexpr std::pair<std::string_view, Remote::Shape> kShapes[] = {
    {"rfc5424", Remote::Shape::kRfc5424}, {"rfc3164", Remote::Shape::kRfc3164}};

constexpr std::size_t kMostNameBytes = 64;

std::string_view DefaultPort(Protocol protocol) {
  switch (protocol) {
    case Protocol::kRelp:
    case Protocol::kRelpTls:
      return "2514";
    case Protocol::kTls:
      return "6514";  // RFC 5425 section 4.1
    default:
      return "514";
  }
}

/// `HOST`, `HOST:PORT`, `[V6]:PORT` or a bare IPv6 address; false for anything else.
bool SplitAddress(std::string_view address, std::string_view default_port, Remote& into) {
  std::string_view host = address;
  std::string_view port = default_port;
  if (address.starts_with('[')) {
    const std::size_t close = address.find(']');
    if (close == address.npos) return false;
    host = address.substr(1, close - 1);
    const std::string_view rest = address.substr(close + 1);
    if (!rest.empty() && rest[0] != ':') return false;
    if (!rest.empty()) port = rest.substr(1);
  } else if (std::count(address.begin(), address.end(), ':') == 1) {
    host = address.substr(0, address.find(':'));
    port = address.substr(address.find(':') + 1);
  }
  const auto number = ParseNumber(port);
  if (host.empty() || !number || *number < 1 || *number > 65535) return false;
  into.host = host;
  into.port = port;
  return true;
}

struct Key {
  std::string_view name;
  void (*set)(Setting&, Remote&);
};

constexpr Key kKeys[] = {
    {"format",
     [](Setting& s, Remote& r) {
       Payload payload = Payload::kJson;
       s.OneOf(payload, kPayloads);
       if (!s.problem()) r.format = payload;
     }},
    {"shape", [](Setting& s, Remote& r) { s.OneOf(r.shape, kShapes); }},
    {"facility", [](Setting& s, Remote& r) { s.Facility(r.facility); }},
    {"level", [](Setting& s, Remote& r) { s.Range(r.level, 1, kMostLevel); }},
    {"groups", [](Setting& s, Remote& r) { s.Words(r.groups); }},
    {"size",
     [](Setting& s, Remote& r) {
       std::size_t kib = 0;
       s.Range(kib, 1, Remote::kAgentLimit / 1024);
       if (!s.problem()) r.size_bytes = kib * 1024;
     }},
    {"socket", [](Setting& s, Remote& r) { s.Path(r.socket); }},
    {"group", [](Setting& s, Remote& r) { s.Text(r.group); }},
    {"ca", [](Setting& s, Remote& r) { s.Path(r.ca); }},
    {"certificate", [](Setting& s, Remote& r) { s.Path(r.certificate); }},
    {"key", [](Setting& s, Remote& r) { s.Path(r.key); }},
    {"peer", [](Setting& s, Remote& r) { s.Text(r.peer); }},
    {"verify", [](Setting& s, Remote& r) { s.YesNo(r.verify); }},
};

}  // namespace

std::optional<std::string> RemoteReader::NameOf(std::string_view section) {
  constexpr std::string_view kPrefix = "remote";
  if (!section.starts_with(kPrefix)) return {};
  section.remove_prefix(kPrefix.size());
  if (!section.empty() && section[0] != ' ' && section[0] != '\t') return {};
  return std::string(Trim(section));
}

bool RemoteReader::Set(const std::string& remote, std::string_view name, Setting& setting,
                       const SourceText& source, Offset at) {
  auto found = std::find_if(gathered_.begin(), gathered_.end(),
                            [&](const Gathered& g) { return g.remote.name == remote; });
  if (found == gathered_.end()) {
    Gathered fresh{{}, false, {}, {&source, at}, {}};
    fresh.remote.name = remote;
    found = gathered_.insert(found, std::move(fresh));
  }
  if (name == "protocol") {
    setting.OneOf(found->remote.protocol, kProtocols);
    found->has_protocol = true;
    return true;
  }
  if (name == "address") {
    setting.Text(found->address);
    found->address_at = {&source, at};
    return true;
  }
  for (const Key& key : kKeys) {
    if (key.name != name) continue;
    key.set(setting, found->remote);
    return true;
  }
  return false;
}

/// What a remote lacks; empty = nothing.
std::string RemoteReader::Problem(Gathered& gathered) {
  Remote& remote = gathered.remote;
  if (remote.name.empty() || remote.name.size() > kMostNameBytes) {
    return "a remote has a name of 1 to 64 bytes: [remote NAME]";
  }
  const std::string who = "[remote " + remote.name + "] ";
  if (!gathered.has_protocol) return who + "needs a protocol";
  if (remote.certificate.empty() != remote.key.empty()) {
    return who + "needs both certificate and key, or neither";
  }
  if (remote.protocol == Protocol::kAgent) return {};
  if (gathered.address.empty()) return who + "needs an address";
  if (!SplitAddress(gathered.address, DefaultPort(remote.protocol), remote)) {
    gathered.at = gathered.address_at;
    return who +
           "address must be HOST or HOST:PORT with a port from 1 to 65535, an IPv6 address in "
           "brackets before it";
  }
  return {};
}

std::vector<Remote> RemoteReader::Finish(bool store_enabled, Diagnostics& diagnostics) {
  std::vector<Remote> remotes;
  const Remote* agent = nullptr;
  for (Gathered& gathered : gathered_) {
    std::string problem = Problem(gathered);
    if (problem.empty() && remotes.size() == kMostRemotes) {
      problem = "there are more than " + std::to_string(kMostRemotes) + " remotes";
    }
    const std::string who = "[remote " + gathered.remote.name + "] ";
    if (problem.empty() && !store_enabled) {
      problem = who + "takes its alerts from the store, and that is switched off";
    }
    if (problem.empty() && gathered.remote.protocol == Protocol::kAgent) {
      if (agent == nullptr) agent = &gathered.remote;
      if (agent->group != gathered.remote.group) {
        problem = who + "has another group than [remote " + agent->name +
                  "]; all agents' sockets must have one";
      }
    }
    if (problem.empty()) {
      remotes.push_back(gathered.remote);
    } else {
      diagnostics.Add(*gathered.at.source, gathered.at.at,
                      {Severity::kError, "bad-remote", std::move(problem)});
    }
  }
  return remotes;
}

}  // namespace tld
