// SPDX-License-Identifier: Apache-2.0
// OpenRelp of link.h: a client of RELP, version 0, which rsyslog speaks
// (https://github.com/rsyslog/librelp/blob/master/doc/relp.html). A frame is
// `TXNR COMMAND DATALEN[ DATA]\n`; the receiver answers each with the same TXNR and the command
// `rsp`.
#include <poll.h>

#include <deque>
#include <memory>
#include <utility>

#include "base/text.h"
#include "deliver/link.h"

namespace tld {
namespace {

constexpr std::size_t kWindow = 128;  // records under way before an answer is waited for
constexpr std::uint64_t kMostTransaction = 999'999'999;
constexpr std::size_t kMostAnswer = 64 * 1024;
constexpr std::string_view kOffers =
    "relp_version=0\nrelp_software=tld-audisp," TLD_VERSION "\ncommands=syslog";

struct Answer {
  std::uint64_t transaction = 0;
  std::string command;
  std::string data;
};

class RelpLink : public Link {
 public:
  RelpLink(const Remote& remote, std::unique_ptr<Channel> channel)
      : host_(remote.host), channel_(std::move(channel)) {}

  /// Says what we are done with; an answer is not waited for.
  ~RelpLink() override {
    if (open_.empty() && !broken_) static_cast<void>(channel_->Write(Frame("close", "")));
  }

  Status Open() {
    const std::uint64_t transaction = transaction_;
    if (Status sent = channel_->Write(Frame("open", kOffers)); !sent) return Broken(sent.error());
    const Result<Answer> answer = Next(Channel::kConnectMs);
    if (!answer) return Broken(answer.error());
    if (answer->transaction != transaction || answer->command != "rsp") {
      return Broken({"it does not speak RELP"});
    }
    if (!answer->data.starts_with("200")) {
      return Broken({"it refuses the session: " + answer->data.substr(0, 100)});
    }
    return {};
  }

  Status Send(std::string_view record) override {
    for (const std::int64_t until = MonotonicMs() + Channel::kPatienceMs;
         open_.size() >= kWindow;) {
      if (MonotonicMs() >= until) return Silent();
      if (Status waited = Await(1000); !waited) return waited;
    }
    open_.push_back(transaction_);
    if (open_.size() == 1) progress_ms_ = MonotonicMs();
    if (Status sent = channel_->Write(Frame("syslog", record)); !sent) return Broken(sent.error());
    return {};
  }

  Status Await(std::int64_t ms) override {
    const std::uint64_t before = acknowledged_;
    for (const std::int64_t until = MonotonicMs() + ms;;) {
      if (Status taken = TakeAnswers(); !taken) return taken;
      if (open_.empty() || acknowledged_ != before) return {};
      if (MonotonicMs() - progress_ms_ > Channel::kPatienceMs) return Silent();
      const std::int64_t left = until - MonotonicMs();
      if (left <= 0) return {};
      WaitFor(channel_->fd(), POLLIN, left);
    }
  }

 private:
  std::string Frame(std::string_view command, std::string_view data) {
    std::string frame = std::to_string(transaction_) + ' ' + std::string(command) + ' ' +
                        std::to_string(data.size());
    transaction_ = transaction_ == kMostTransaction ? 1 : transaction_ + 1;
    if (!data.empty()) (frame += ' ').append(data);
    return frame += '\n';
  }

  /// Every answer that is there. Records are answered in their order; anything else ends the link.
  Status TakeAnswers() {
    const Result<std::string> heard = channel_->Read();
    if (heard) buffer_ += *heard;
    while (true) {
      const Result<std::optional<Answer>> answer = Parse();
      if (!answer) return Broken(answer.error());
      if (!answer->has_value()) break;
      if (Status taken = Take(**answer); !taken) return taken;
    }
    // What came before the end counts.
    if (!heard) return Broken(heard.error());
    return {};
  }

  Status Take(const Answer& answer) {
    if (answer.command == "serverclose") return Broken({"it has closed the session"});
    if (answer.command != "rsp" || open_.empty() || answer.transaction != open_.front()) {
      return Broken({"it answers what was not asked"});
    }
    if (!answer.data.starts_with("200")) {
      return Broken({"it refuses an alert: " + answer.data.substr(0, 100)});
    }
    open_.pop_front();
    ++acknowledged_;
    progress_ms_ = MonotonicMs();
    return {};
  }

  Result<Answer> Next(std::int64_t ms) {
    for (const std::int64_t until = MonotonicMs() + ms;;) {
      Result<std::optional<Answer>> answer = Parse();
      if (!answer) return answer.error();
      if (answer->has_value()) return **std::move(answer);
      const std::int64_t left = until - MonotonicMs();
      if (left <= 0) return Error{"no answer within " + std::to_string(ms / 1000) + " s"};
      WaitFor(channel_->fd(), POLLIN, left);
      const Result<std::string> heard = channel_->Read();
      if (!heard) return heard.error();
      buffer_ += *heard;
    }
  }

  /// Takes one whole frame off the buffer; nothing while there is none.
  Result<std::optional<Answer>> Parse() {
    const Error nonsense{"it does not speak RELP"};
    std::string_view rest = buffer_;
    Answer answer;
    std::uint64_t length = 0;
    const auto number = [&](std::uint64_t& into) {
      const std::size_t end = rest.find_first_of(" \n");
      const auto value = ParseNumber(rest.substr(0, end));
      if (!value || end > 9) return false;
      into = *value;
      rest.remove_prefix(end);
      return true;
    };
    const std::size_t header_end = buffer_.find_first_of(" \n");
    if (header_end == buffer_.npos) {
      if (buffer_.size() > 10) return nonsense;
      return std::optional<Answer>();
    }
    if (!number(answer.transaction) || !rest.starts_with(' ')) return nonsense;
    rest.remove_prefix(1);
    const std::size_t command_end = rest.find(' ');
    if (command_end == rest.npos) {
      if (rest.size() > 32) return nonsense;
      return std::optional<Answer>();
    }
    answer.command = rest.substr(0, command_end);
    rest.remove_prefix(command_end + 1);
    if (rest.find_first_of(" \n") == rest.npos) {
      if (rest.size() > 9) return nonsense;
      return std::optional<Answer>();
    }
    if (!number(length) || length > kMostAnswer) return nonsense;
    if (length > 0) {
      if (!rest.starts_with(' ')) return nonsense;
      rest.remove_prefix(1);
    }
    if (rest.size() < length + 1) return std::optional<Answer>();
    answer.data = rest.substr(0, length);
    if (rest[length] != '\n') return nonsense;
    buffer_.erase(0, buffer_.size() - rest.size() + length + 1);
    return std::optional<Answer>(std::move(answer));
  }

  Status Silent() {
    return Broken({"no answer within " + std::to_string(Channel::kPatienceMs / 1000) + " s"});
  }

  Status Broken(const Error& error) {
    broken_ = true;
    return Error{"RELP with " + host_ + ": " + error.message};
  }

  std::string host_;
  std::unique_ptr<Channel> channel_;
  std::uint64_t transaction_ = 1;
  std::deque<std::uint64_t> open_;  // transactions of records that are under way
  std::int64_t progress_ms_ = 0;
  std::string buffer_;
  bool broken_ = false;
};

}  // namespace

LinkResult OpenRelp(const Remote& remote) {
  ChannelResult opened = OpenChannel(remote);
  if (auto* error = std::get_if<LinkError>(&opened)) return std::move(*error);
  auto link =
      std::make_unique<RelpLink>(remote, std::move(std::get<std::unique_ptr<Channel>>(opened)));
  // In TLS 1.3 the receiver may refuse our certificate as late as here.
  if (Status session = link->Open(); !session)
    return LinkError{session.message(), remote.uses_tls()};
  return link;
}

}  // namespace tld
