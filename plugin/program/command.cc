// SPDX-License-Identifier: Apache-2.0
#include "program/command.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string>

#include "base/os.h"
#include "base/text.h"
#include "program/sandbox.h"

namespace tld {

PolicySource CommonOptions::Source() const {
  PolicySource source;
  source.config_file = config_file;
  source.rule_paths = rules;
  source.list_directories = lists;
  return source;
}

Config CommonOptions::Settings() const {
  // Of what is wrong in them `check` tells; here it matters that they are not those of this host.
  if (access(config_file.c_str(), R_OK) != 0 && errno != ENOENT) {
    Complain(OsError("cannot read " + config_file).message + "; the defaults count", kGood);
  }
  Diagnostics ignored;
  return LoadConfig(config_file, FindInstallation(), {}, ignored);
}

bool CommonOptions::ColorFor(int fd) const {
  return color == "always" || (color == "auto" && isatty(fd) != 0);
}

void Print(const Diagnostics& diagnostics, const CommonOptions& common, bool json) {
  for (const Diagnostic& d : diagnostics.all()) {
    if (json) {
      std::puts(RenderJson(d).c_str());
    } else {
      std::fputs(Render(d, common.ColorFor(STDERR_FILENO)).c_str(), stderr);
    }
  }
}

void TellLimitHits(std::uint64_t hits) {
  if (hits == 0) return;
  std::fprintf(
      stderr,
      "tldctl: pattern matches were given up %llu times, since they cost too much; they count "
      "as no match\n",
      static_cast<unsigned long long>(hits));
}

Status BecomeOwnerOf(const std::string& path) {
  const Fd fd(open(DirectoryOf(path).c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat st {};
  if (geteuid() != 0 || !fd || fstat(fd.get(), &st) != 0 || st.st_uid == 0) return {};
  return DropPrivileges({st.st_uid, st.st_gid}, {}, {});
}

int Complain(const std::string& text, int status) {
  std::fprintf(stderr, "tldctl: %s\n", Shown(text).c_str());
  return status;
}

}  // namespace tld
