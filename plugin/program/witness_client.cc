// SPDX-License-Identifier: Apache-2.0
#include "program/witness_client.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/os.h"

namespace tld {
namespace {

constexpr int kKernelBytes = 32;  // unix_dgram_sendmsg of the kernel

}  // namespace

WitnessClient::WitnessClient(int fd)
    : fd_(fd), next_id_(Random64() | 1), buffer_(kMostAnswerBytes) {
  // What does not fit into its buffer, with a little of the kernel's, it never takes (EMSGSIZE).
  int room = 0;
  socklen_t size = sizeof room;
  if (getsockopt(fd_, SOL_SOCKET, SO_SNDBUF, &room, &size) == 0 && room > kKernelBytes) {
    most_bytes_ = std::min(most_bytes_, static_cast<std::size_t>(room - kKernelBytes));
  }
}

bool WitnessClient::Ask(WitnessQuestion question, std::string_view rest) {
  if (fd_ < 0) return false;
  if (questions_.size() + sizeof question + rest.size() > most_bytes_) return false;
  question.bytes = rest.size();
  questions_.append(reinterpret_cast<const char*>(&question), sizeof question).append(rest);
  return true;
}

void WitnessClient::Send() {
  if (questions_.empty()) return;
  const ssize_t n = send(fd_, questions_.data(), questions_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n >= 0) questions_.clear();
}

bool WitnessClient::Receive(WitnessAnswer& answer, std::string_view& rest) {
  if (fd_ < 0) return false;
  if (answers_.size() < sizeof answer) {
    ssize_t n;
    do {
      n = recv(fd_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    answers_ = {buffer_.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
    if (answers_.size() < sizeof answer) return false;
  }
  std::memcpy(&answer, answers_.data(), sizeof answer);
  if (answer.unseen >= Unseen::kCount) answer.unseen = Unseen::kFailed;
  answers_.remove_prefix(sizeof answer);
  rest = answers_.substr(0, answer.bytes);
  answers_.remove_prefix(rest.size());
  return true;
}

}  // namespace tld
