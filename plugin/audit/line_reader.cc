// SPDX-License-Identifier: Apache-2.0
#include "audit/line_reader.h"

#include <algorithm>

namespace tld {

std::string_view LineReader::WithoutNul(std::string_view text) {
  ++counters_.with_nul;
  mended_ = text;
  mended_.erase(mended_.find_last_not_of('\0') + 1);
  std::replace(mended_.begin(), mended_.end(), '\0', '?');
  return mended_;
}

}  // namespace tld
