// SPDX-License-Identifier: Apache-2.0
// The entry of libFuzzer; TLD_FUZZ_TARGET is one of targets.h.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/targets.h"

/// libauparse forgets a copy of `cwd=` when a CWD record has two of them, which the kernel never
/// writes: it encodes a blank in a name.
extern "C" const char* __lsan_default_suppressions() { return "leak:libauparse"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tld::TLD_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  return 0;
}
