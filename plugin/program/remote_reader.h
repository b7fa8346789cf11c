// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "deliver/remote.h"
#include "program/setting.h"

namespace tld {

/// Gathers the `[remote NAME]` sections of all settings files.
class RemoteReader {
 public:
  /// NAME, when the section is one of these.
  static std::optional<std::string> NameOf(std::string_view section);

  /// Takes one setting; false when there is none of that name. Keeps a reference to the source.
  bool Set(const std::string& remote, std::string_view name, Setting& setting,
           const SourceText& source, Offset at);

  /// The remotes. One that lacks what it needs, such as the store, is told and left out; the place
  /// is that of the bad address, or of its first setting.
  std::vector<Remote> Finish(bool store_enabled, Diagnostics& diagnostics);

 private:
  struct Place {
    const SourceText* source = nullptr;
    Offset at;
  };
  struct Gathered {
    Remote remote;
    bool has_protocol = false;
    std::string address;
    Place at;  // of its first setting
    Place address_at;
  };

  static std::string Problem(Gathered& gathered);

  std::vector<Gathered> gathered_;
};

}  // namespace tld
