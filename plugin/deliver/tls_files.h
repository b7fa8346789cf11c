// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "deliver/remote.h"

namespace tld {

/// That the files which a remote with TLS names can be read, and that others cannot read the key:
/// the libraries' own messages name neither.
Status CheckTlsFiles(const Remote& remote);

}  // namespace tld
