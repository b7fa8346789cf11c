// SPDX-License-Identifier: Apache-2.0
#include "deliver/tls_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/os.h"

namespace tld {
namespace {

Status CheckReadable(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return OsError(path + ": cannot open");
  return {};
}

}  // namespace

Status CheckTlsFiles(const Remote& remote) {
  if (remote.verify) {
    if (Status ca = CheckReadable(remote.ca); !ca) return ca;
  }
  if (remote.certificate.empty()) return {};
  for (const std::string* path : {&remote.certificate, &remote.key}) {
    if (Status readable = CheckReadable(*path); !readable) return readable;
  }
  struct stat st {};
  if (stat(remote.key.c_str(), &st) == 0 && (st.st_mode & S_IROTH) != 0) {
    return Error{remote.key + ": everybody can read this key; chmod 640 and group _tld-audisp"};
  }
  return {};
}

}  // namespace tld
