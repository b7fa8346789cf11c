// SPDX-License-Identifier: Apache-2.0
#include "deliver/tls_module.h"

extern "C" {
[[gnu::visibility("default")]] extern const tld::TlsModule tld_tls_module;
const tld::TlsModule tld_tls_module = {TLD_VERSION,
                                       [](const tld::Remote& remote, tld::ChannelResult& result) {
                                         result = tld::OpenTlsChannel(remote);
                                       }};
}
