// SPDX-License-Identifier: Apache-2.0
// In the steady state an event is read and judged in memory that the ones before it used.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <new>
#include <string>
#include <string_view>

#include "base/text.h"
#include "program/pipeline.h"
#include "tests/support.h"

namespace {

std::size_t allocations = 0;

}  // namespace

#ifdef __SANITIZE_ADDRESS__
// AddressSanitizer has operators of its own, and tells of each allocation by what is declared in
// sanitizer/allocator_interface.h, which comes with clang alone.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*allocated)(const volatile void*,
                                                                           std::size_t),
                                                         void (*freed)(const volatile void*));
const int hooked = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t) { ++allocations; }, [](const volatile void*) {});
#else
void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
// Not inlined: the compiler would see one of ours meet one of its own.
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

namespace tld {
namespace {

using testing_support::DataPath;
using testing_support::Slurp;
using testing_support::TestPolicy;

constexpr int kWarm = 50;
constexpr int kMeasured = 200;

/// The event of the log again and again, each with a serial of its own.
std::string Repeated(std::string_view event, int times) {
  const auto stamp = ParseHeader(event.substr(0, event.find('\n')))->stamp;
  std::string all;
  for (int i = 0; i < times; ++i) {
    const std::string own = "1700000000.000:" + std::to_string(100'000 + i);
    std::string_view rest = event;
    for (std::size_t at; (at = rest.find(stamp)) != rest.npos;
         rest.remove_prefix(at + stamp.size())) {
      (all += rest.substr(0, at)) += own;
    }
    all += rest;
  }
  return all;
}

/// How often memory was allocated for kMeasured events, each of which is judged; nobody wants a
/// document of it.
std::size_t Allocations(std::string_view event) {
  const std::string warm = Repeated(event, kWarm);
  const std::string measured = Repeated(event, kWarm + kMeasured).substr(warm.size());
  Pipeline::Options options;
  options.mode = Grouper::Mode::kLive;
  options.location = "auditd";
  Pipeline pipeline(options, TestPolicy::Shipped(), [](const Pipeline::Outcome&) {});
  pipeline.Feed(warm, 0);
  const std::uint64_t judged = pipeline.counters().judged;
  const std::size_t before = allocations;
  pipeline.Feed(measured, 0);
  const std::size_t made = allocations - before;
  EXPECT_EQ(pipeline.counters().judged, judged + kMeasured);
  EXPECT_GT(before, 0U);  // they are counted at all
  return made;
}

/// The first event of the log that has all these texts, with its end.
std::string EventWith(std::string_view log, std::initializer_list<std::string_view> texts) {
  while (!log.empty()) {
    const std::size_t eoe = log.find("type=EOE ");
    if (eoe == log.npos) break;
    const std::size_t end = std::min(log.find('\n', eoe), log.size() - 1) + 1;
    const std::string_view event = log.substr(0, end);
    const bool all = std::all_of(texts.begin(), texts.end(), [&](std::string_view text) {
      return event.find(text) != event.npos;
    });
    if (all) return std::string(event);
    log.remove_prefix(end);
  }
  ADD_FAILURE() << "the log has no such event";
  return {};
}

TEST(Allocation, NoneForAnEventThatIsJudged) {
  const std::string log = Slurp(DataPath("ordinary.log.gz"));
  EXPECT_EQ(Allocations(EventWith(log, {"type=EXECVE", "a1=\""})), 0U);
  EXPECT_EQ(Allocations(EventWith(log, {"type=EXECVE", "a1=", "type=PROCTITLE", "proctitle=2F"})),
            0U);
}

}  // namespace
}  // namespace tld
