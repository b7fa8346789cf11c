// SPDX-License-Identifier: Apache-2.0
// The entry of libFuzzer; TLD_FUZZ_TARGET is one of targets.h.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tld::TLD_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  return 0;
}
