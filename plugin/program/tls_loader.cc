// SPDX-License-Identifier: Apache-2.0
// OpenTlsChannel of deliver/channel.h, for the plugin: by the module, which is loaded when it is
// needed first, and stays whatever becomes of its file.
#include <dlfcn.h>

#include <atomic>
#include <string>
#include <string_view>

#include "base/result.h"
#include "deliver/channel.h"
#include "deliver/tls_module.h"
#include "program/config.h"

namespace tld {
namespace {

Result<const TlsModule*> Load(const std::string& path) {
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return Error{std::string("TLS: ") + dlerror()};
  const auto* module = static_cast<const TlsModule*>(dlsym(library, kTlsModuleSymbol));
  if (module == nullptr) return Error{"TLS: " + path + " is no module of tld-audisp"};
  if (std::string_view(module->version) != TLD_VERSION) {
    return Error{"TLS: " + path + " is of version " + module->version + ", and this plugin of " +
                 TLD_VERSION + ": restart auditd"};
  }
  return module;
}

}  // namespace

ChannelResult OpenTlsChannel(const Remote& remote) {
  static std::atomic<const TlsModule*> loaded = nullptr;
  if (loaded == nullptr) {
    const Result<const TlsModule*> module = Load(FindInstallation().tls_module);
    if (!module) return LinkError{module.message()};
    loaded = *module;
  }
  ChannelResult result = LinkError{};
  loaded.load()->open(remote, result);
  return result;
}

}  // namespace tld
