// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

namespace tld {

/// Puts $PAGER, or less(1), behind standard output while that is a terminal: what fits on the
/// screen is just printed. Waits for it at its end. Start it before a change of user. As root it is
/// less(1) alone, and in its secure mode: whoever may run tldctl by sudo(8) may not run a shell
/// from it.
class Pager {
 public:
  Pager();
  ~Pager();
  Pager(const Pager&) = delete;
  Pager& operator=(const Pager&) = delete;

 private:
  pid_t pid_ = 0;  // 0 without a terminal
};

}  // namespace tld
