// SPDX-License-Identifier: Apache-2.0
// Two readers to compare with: libauparse's own feed with a callback that does nothing, and a bare
// tokenizer that finds the key of each SYSCALL record. `feed auparse|tokens < LOG`
#include <auparse.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

void Nothing(auparse_state_t*, auparse_cb_event_t, void*) {}

std::size_t CountKeyed(std::string_view line) {
  if (line.find("type=SYSCALL ") == line.npos) return 0;
  std::size_t keyed = 0;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    if (word.substr(0, 4) == "key=" && word != "key=(null)") ++keyed;
  }
  return keyed;
}

}  // namespace

int main(int argc, char** argv) {
  const bool tokens = argc == 2 && std::strcmp(argv[1], "tokens") == 0;
  auparse_state_t* au = tokens ? nullptr : auparse_init(AUSOURCE_FEED, nullptr);
  if (au != nullptr) auparse_add_callback(au, Nothing, nullptr, nullptr);
  std::vector<char> buffer(1 << 16);
  std::string rest;
  std::size_t keyed = 0;
  for (ssize_t n; (n = read(STDIN_FILENO, buffer.data(), buffer.size())) > 0;) {
    if (au != nullptr) {
      auparse_feed(au, buffer.data(), static_cast<std::size_t>(n));
      continue;
    }
    rest.append(buffer.data(), static_cast<std::size_t>(n));
    std::size_t begin = 0;
    for (std::size_t end; (end = rest.find('\n', begin)) != rest.npos; begin = end + 1) {
      keyed += CountKeyed(std::string_view(rest).substr(begin, end - begin));
    }
    rest.erase(0, begin);
  }
  if (au != nullptr) auparse_flush_feed(au);
  std::printf("%zu\n", keyed);
  return 0;
}
