// SPDX-License-Identifier: Apache-2.0
#include "program/witness_client.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/os.h"

namespace tld {

WitnessClient::WitnessClient(int fd)
    : fd_(fd), next_id_(Random64() | 1), buffer_(kMostAnswerBytes) {}

bool WitnessClient::Ask(WitnessQuestion question, std::string_view rest) {
  if (fd_ < 0) return false;
  if (questions_.size() + sizeof question + rest.size() > kMostQuestionBytes) return false;
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
  ssize_t n;
  do {
    n = recv(fd_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n < static_cast<ssize_t>(sizeof answer)) return false;
  std::memcpy(&answer, buffer_.data(), sizeof answer);
  if (answer.unseen >= Unseen::kCount) answer.unseen = Unseen::kFailed;
  rest = std::string_view(buffer_.data(), static_cast<std::size_t>(n)).substr(sizeof answer);
  return true;
}

}  // namespace tld
