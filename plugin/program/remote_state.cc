// SPDX-License-Identifier: Apache-2.0
#include "program/remote_state.h"

#include <rapidjson/document.h>
#include <unistd.h>

#include <type_traits>

#include "base/os.h"
#include "base/text.h"

namespace tld {
namespace {

using Json = rapidjson::Value;

constexpr std::size_t kFileBytes = 1u << 20;
constexpr int kByProtocol = -1;  // no format of its own

/// All members, by their names in the file. `R` is Remote or const Remote.
template <class R, class Visit>
void Members(R& remote, Visit&& visit) {
  visit("name", remote.name);
  visit("host", remote.host);
  visit("port", remote.port);
  visit("socket", remote.socket);
  visit("group", remote.group);
  visit("facility", remote.facility);
  visit("level", remote.level);
  visit("size", remote.size_bytes);
  visit("ca", remote.ca);
  visit("certificate", remote.certificate);
  visit("key", remote.key);
  visit("peer", remote.peer);
  visit("verify", remote.verify);
  visit("protocol", remote.protocol);
  visit("shape", remote.shape);
  visit("groups", remote.groups);
}

struct Write {
  std::string& out;

  template <class Value>
  void operator()(const char* name, const Value& value) const {
    if (out.back() != '{') out += ',';
    AppendJsonString(out, name);
    out += ':';
    if constexpr (std::is_same_v<Value, std::string>) {
      AppendJsonString(out, value);
    } else if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
      AppendJsonStrings(out, value);
    } else {
      out += std::to_string(static_cast<std::int64_t>(value));
    }
  }
};

struct Read {
  const Json& from;
  bool good = true;

  template <class Value>
  void operator()(const char* name, Value& into) {
    const auto member = from.FindMember(name);
    if (member == from.MemberEnd()) {
      good = false;
      return;
    }
    const Json& value = member->value;
    if constexpr (std::is_same_v<Value, std::string>) {
      good &= value.IsString();
      if (value.IsString()) into.assign(value.GetString(), value.GetStringLength());
    } else if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
      good &= value.IsArray();
      if (!value.IsArray()) return;
      for (const Json& item : value.GetArray()) {
        good &= item.IsString();
        if (item.IsString()) into.emplace_back(item.GetString(), item.GetStringLength());
      }
    } else {
      good &= value.IsInt64();
      if (value.IsInt64()) into = static_cast<Value>(value.GetInt64());
    }
  }
};

}  // namespace

Status SaveRemoteState(const std::string& path, const RemoteState& state) {
  std::string out = "{\"store\":";
  AppendJsonString(out, state.store_path);
  out += ",\"remotes\":[";
  for (const RemoteState::One& one : state.remotes) {
    if (out.back() != '[') out += ',';
    out += '{';
    const Write write{out};
    Members(one.remote, write);
    write("format", one.remote.format ? static_cast<int>(*one.remote.format) : kByProtocol);
    write("since_us", one.since_us);
    out += '}';
  }
  out += "]}\n";
  return WriteFileAtomically(path, out, 0640, false);
}

Result<RemoteState> LoadRemoteState(const std::string& path) {
  const Result<std::string> text = ReadFile(path, kFileBytes, {true, geteuid()});
  if (!text) return Error{path + ": " + text.message()};
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(text->c_str());
  const Error bad{path + ": is not as it was saved"};
  if (document.HasParseError() || !document.IsObject() || !document.HasMember("remotes") ||
      !document["remotes"].IsArray()) {
    return bad;
  }
  RemoteState state;
  Read whole{document};
  whole("store", state.store_path);
  for (const Json& item : document["remotes"].GetArray()) {
    if (!item.IsObject() || state.remotes.size() == kMostRemotes) return bad;
    RemoteState::One one;
    Read read{item};
    Members(one.remote, read);
    int format = kByProtocol;
    read("format", format);
    read("since_us", one.since_us);
    if (!read.good) return bad;
    if (format != kByProtocol) one.remote.format = static_cast<Payload>(format);
    state.remotes.push_back(std::move(one));
  }
  if (!whole.good) return bad;
  return state;
}

}  // namespace tld
