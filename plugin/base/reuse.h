// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace tld {

/// Empties a vector or a string whose memory serves what comes next. That of a huge one, which
/// somebody may send once, is given back.
template <class Container>
void ClearForReuse(Container& container) {
  constexpr std::size_t kMostBytes = 64 * 1024;
  container.clear();
  if (container.capacity() * sizeof(typename Container::value_type) > kMostBytes) {
    Container().swap(container);
  }
}

}  // namespace tld
