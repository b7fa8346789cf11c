// SPDX-License-Identifier: Apache-2.0
#include "deliver/syslog.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <utility>

#include "alert/journal.h"

namespace tld {
namespace {

constexpr std::int64_t kReconnectMs = 500;

std::string Header(int facility, int severity) {
  std::array<char, 32> date{};
  const std::time_t now = RealtimeUs() / 1'000'000;
  std::tm local{};
  localtime_r(&now, &local);
  // LC_TIME is never set, so %b is the English name that RFC 3164 wants.
  std::strftime(date.data(), date.size(), "%b %e %H:%M:%S", &local);
  return '<' + std::to_string(facility * 8 + severity) + '>' + date.data() + " tld-audisp[" +
         std::to_string(getpid()) + "]: ";
}

}  // namespace

Syslog::Syslog(Options options) : options_(std::move(options)), to_journal_(JournalIsBehind()) {}

void Syslog::Configure(Options options) {
  if (options.socket != options_.socket) {
    socket_.Reset();
    next_connect_ms_ = 0;
  }
  options_ = std::move(options);
  if (!socket_) to_journal_ = JournalIsBehind();
}

void Syslog::Send(int severity, std::string_view text, std::int64_t now_ms, Rate rate,
                  std::string_view fields) {
  const bool exempt = severity <= LOG_ERR || rate == Rate::kUrgent;
  if (!exempt && !WithinRate(now_ms)) {
    ++counters_.suppressed;
    ++suppressed_in_interval_;
    return;
  }
  Queue(severity, text, fields);
  if (exempt || ++untried_ >= kAtOnce) Flush(now_ms);
}

void Syslog::Queue(int severity, std::string_view text, std::string_view fields) {
  Line line{severity, Header(options_.facility, severity), std::string(text), std::string(fields)};
  if (!MakeRoom(severity, line.bytes())) {
    ++counters_.dropped;
    return;
  }
  queued_bytes_ += line.bytes();
  queue_.push_back(std::move(line));
}

std::string Syslog::JournalEntry(const Line& line) const {
  std::string out;
  AppendJournalField(out, "MESSAGE", line.text);
  AppendJournalField(out, "PRIORITY", std::to_string(line.severity));
  AppendJournalField(out, "SYSLOG_FACILITY", std::to_string(options_.facility));
  AppendJournalField(out, "SYSLOG_IDENTIFIER", "tld-audisp");
  AppendJournalField(out, "SYSLOG_PID", std::to_string(getpid()));
  return out + line.fields;
}

/// The socket's name leads to the one that journald serves.
bool Syslog::JournalIsBehind() const {
  std::error_code none;
  const auto socket = std::filesystem::canonical(options_.socket, none);
  if (none) return false;
  const auto journals = std::filesystem::canonical(options_.journal + "/dev-log", none);
  return !none && socket == journals && std::filesystem::exists(options_.journal + "/socket", none);
}

/// In a full queue the least severe line gives way, the last of them; false when all are at least
/// as severe as the new one.
bool Syslog::MakeRoom(int severity, std::size_t bytes) {
  while (queue_.size() >= kQueueLines || queued_bytes_ + bytes > kQueueBytes) {
    auto least = queue_.begin();
    for (auto line = queue_.begin(); line != queue_.end(); ++line) {
      if (line->severity >= least->severity) least = line;
    }
    if (least == queue_.end() || least->severity <= severity) return false;
    queued_bytes_ -= least->bytes();
    queue_.erase(least);
    ++counters_.dropped;
  }
  return true;
}

void Syslog::Flush(std::int64_t now_ms) {
  EndInterval(now_ms);
  untried_ = 0;
  const std::uint64_t sent = counters_.sent;
  while (!queue_.empty() && Connect(now_ms)) {
    error_ = SendSome();
    if (error_ != 0 && !GoesOn(error_, now_ms)) break;
  }
  JudgeProgress(counters_.sent != sent, now_ms);
}

/// A receiver that takes a few of many lines is not well again.
void Syslog::JudgeProgress(bool took_some, std::int64_t now_ms) {
  if (queue_.empty()) problem_.clear();
  if (queue_.empty() || took_some) {
    stuck_since_ms_.reset();
    return;
  }
  if (!stuck_since_ms_) stuck_since_ms_ = now_ms;
  if (now_ms - *stuck_since_ms_ < kProblemMs) return;
  problem_ = "syslog takes no lines: " + options_.socket + ": ";
  problem_ += error_ == EAGAIN ? "it does not read" : std::strerror(error_);
}

void Syslog::DropWaiting() {
  counters_.dropped += queue_.size();
  queue_.clear();
  queued_bytes_ = 0;
}

/// The next lines by one call: a receiver that sleeps is woken once. 0, or the error by which not
/// even one was taken.
int Syslog::SendSome() {
  std::array<std::string, kAtOnce> entries;  // for journald; another gets the lines as they are
  std::array<std::array<iovec, 2>, kAtOnce> parts{};
  std::array<mmsghdr, kAtOnce> messages{};
  const std::size_t count = std::min(queue_.size(), kAtOnce);
  const auto part = [](const std::string& text) {
    return iovec{const_cast<char*>(text.data()), text.size()};
  };
  for (std::size_t i = 0; i < count; ++i) {
    if (to_journal_) entries[i] = JournalEntry(queue_[i]);
    parts[i] = to_journal_ ? std::array{part(entries[i]), iovec{}}
                           : std::array{part(queue_[i].header), part(queue_[i].text)};
    messages[i].msg_hdr.msg_iov = parts[i].data();
    messages[i].msg_hdr.msg_iovlen = parts[i].size();
  }
  const int sent =
      sendmmsg(socket_.get(), messages.data(), static_cast<unsigned>(count), MSG_NOSIGNAL);
  if (sent <= 0) return sent < 0 ? errno : EAGAIN;
  for (int i = 0; i < sent; ++i) TakeFirst();
  counters_.sent += static_cast<std::uint64_t>(sent);
  return 0;
}

/// What to do about an error on the next line; false when it has to wait.
bool Syslog::GoesOn(int error, std::int64_t now_ms) {
  if (error == EINTR) return true;
  if (error == EAGAIN || error == ENOBUFS || error == ENOMEM) return false;
  if (error == EMSGSIZE) {  // never by our limits; it must not hold up what follows
    ++counters_.dropped;
    TakeFirst();
    return true;
  }
  socket_.Reset();  // the receiver is gone; a new one may be there already
  if (!Connect(now_ms)) return false;
  next_connect_ms_ = now_ms + kReconnectMs;
  return true;
}

void Syslog::TakeFirst() {
  queued_bytes_ -= queue_.front().bytes();
  queue_.pop_front();
}

bool Syslog::Connect(std::int64_t now_ms) {
  if (socket_) return true;
  if (now_ms < next_connect_ms_) return false;
  next_connect_ms_ = now_ms + kReconnectMs;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  to_journal_ = JournalIsBehind();
  const std::string path = to_journal_ ? options_.journal + "/socket" : options_.socket;
  if (path.size() >= sizeof address.sun_path) {
    error_ = ENAMETOOLONG;
    return false;
  }
  std::copy(path.begin(), path.end(), address.sun_path);
  Fd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const auto connects = [&] {
    if (fd && connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
      return true;
    error_ = errno;
    return false;
  };
  if (!connects()) {
    // A profile of AppArmor that an administrator keeps may know the old socket alone.
    if (!std::exchange(to_journal_, false)) return false;
    address.sun_path[options_.socket.copy(address.sun_path, sizeof address.sun_path - 1)] = '\0';
    if (!connects()) return false;
  }
  socket_ = std::move(fd);
  return true;
}

bool Syslog::WithinRate(std::int64_t now_ms) {
  EndInterval(now_ms);
  return options_.rate_burst == 0 || ++in_interval_ <= options_.rate_burst;
}

void Syslog::EndInterval(std::int64_t now_ms) {
  const std::int64_t length_ms = options_.rate_interval_s * 1000;
  if (now_ms - interval_began_ms_ < length_ms) return;
  TellSuppressed(now_ms);
  interval_began_ms_ = now_ms;
  in_interval_ = 0;
}

void Syslog::TellSuppressed(std::int64_t now_ms) {
  if (suppressed_in_interval_ > 0) {
    Queue(LOG_WARNING,
          std::to_string(std::exchange(suppressed_in_interval_, 0)) + " more alerts in " +
              std::to_string((now_ms - interval_began_ms_) / 1000) +
              " s were not written to syslog (rate_burst)",
          {});
  }
}

int FacilityNumber(std::string_view name) {
  constexpr std::pair<std::string_view, int> kFacilities[] = {
      {"user", 1},      {"mail", 2},    {"daemon", 3},  {"auth", 4},    {"syslog", 5},
      {"authpriv", 10}, {"local0", 16}, {"local1", 17}, {"local2", 18}, {"local3", 19},
      {"local4", 20},   {"local5", 21}, {"local6", 22}, {"local7", 23},
  };
  for (const auto& [known, number] : kFacilities) {
    if (known == name) return number;
  }
  return -1;
}

}  // namespace tld
