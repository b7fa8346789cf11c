// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "deliver/channel.h"

/// tls.so, a module with OpenTlsChannel in it. OpenSSL's tables take half a megabyte in each
/// process that is linked with it, and only the courier speaks TLS: it loads the module when it
/// needs it. The interface is C++, so module and program are of one build.
namespace tld {

struct TlsModule {
  const char* version;  ///< TLD_VERSION of the module
  void (*open)(const Remote& remote, ChannelResult& result);
};

/// The module's only symbol, a TlsModule.
inline constexpr const char* kTlsModuleSymbol = "tld_tls_module";

}  // namespace tld
