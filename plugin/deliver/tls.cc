// SPDX-License-Identifier: Apache-2.0
// OpenTlsChannel of channel.h: the receiver's certificate and name verified, TLS 1.2 at least.
#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "deliver/channel.h"

namespace tld {
namespace {

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using Session = std::unique_ptr<SSL, decltype(&SSL_free)>;

/// The reason that OpenSSL noted last.
std::string Reason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* text = ERR_reason_error_string(code);
  return text == nullptr ? "unknown error" : text;
}

LinkError CertificateError(std::string message) { return {std::move(message), true}; }

bool IsAddress(const std::string& name) {
  in6_addr any{};
  return inet_pton(AF_INET, name.c_str(), &any) == 1 ||
         inet_pton(AF_INET6, name.c_str(), &any) == 1;
}

Status CheckReadable(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return OsError(path + ": cannot open");
  return {};
}

/// That the files which a remote names can be read, and that others cannot read the key: the
/// library's own messages name neither.
Status CheckFiles(const Remote& remote) {
  if (remote.verify) {
    if (Status ca = CheckReadable(remote.ca); !ca) return ca;
  }
  if (remote.certificate.empty()) return {};
  for (const std::string* path : {&remote.certificate, &remote.key}) {
    if (Status readable = CheckReadable(*path); !readable) return readable;
  }
  struct stat st {};
  if (stat(remote.key.c_str(), &st) == 0 && (st.st_mode & S_IROTH) != 0) {
    return Error{remote.key + ": everybody can read this key; chmod 640 and group _tld-audisp"};
  }
  return {};
}

/// What the settings ask for; the error names the file that is wrong.
std::optional<LinkError> Configure(SSL_CTX* context, const Remote& remote) {
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  if (Status files = CheckFiles(remote); !files) return CertificateError(files.message());
  if (remote.verify) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    if (SSL_CTX_load_verify_locations(context, remote.ca.c_str(), nullptr) != 1) {
      return CertificateError(remote.ca + ": " + Reason());
    }
  }
  if (remote.certificate.empty()) return {};
  if (SSL_CTX_use_certificate_chain_file(context, remote.certificate.c_str()) != 1) {
    return CertificateError(remote.certificate + ": " + Reason());
  }
  if (SSL_CTX_use_PrivateKey_file(context, remote.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return CertificateError(remote.key + ": " + Reason());
  }
  return {};
}

class TlsChannel : public Channel {
 public:
  TlsChannel(Fd fd, Context context, Session session)
      : Channel(std::move(fd)), context_(std::move(context)), session_(std::move(session)) {}

  ~TlsChannel() override { SSL_shutdown(session_.get()); }

  std::optional<LinkError> Handshake(const Remote& remote) {
    const std::int64_t until = MonotonicMs() + kConnectMs;
    while (true) {
      ERR_clear_error();
      const int rc = SSL_connect(session_.get());
      if (rc == 1) return {};
      const int why = SSL_get_error(session_.get(), rc);
      if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
        const std::int64_t left = until - MonotonicMs();
        if (left <= 0 || !WaitFor(fd(), Events(why), left)) {
          return LinkError{"TLS with " + remote.host + ": no handshake within " +
                           std::to_string(kConnectMs / 1000) + " s"};
        }
        continue;
      }
      if (const long verdict = SSL_get_verify_result(session_.get());
          remote.verify && verdict != X509_V_OK) {
        return CertificateError("the certificate of " + remote.host +
                                " is not accepted: " + X509_verify_cert_error_string(verdict));
      }
      const int reason = ERR_GET_REASON(ERR_peek_last_error());
      if (why == SSL_ERROR_SYSCALL || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        return LinkError{"TLS with " + remote.host + ": cut off"};
      }
      needs_newer_ =
          reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION || reason == SSL_R_UNSUPPORTED_PROTOCOL;
      return CertificateError("TLS with " + remote.host + ": " + Reason());
    }
  }
  /// The handshake failed since the receiver wants a newer version of TLS.
  bool needs_newer() const { return needs_newer_; }

  /// Waits for a message of the receiver after a handshake of TLS 1.3, where our side is done
  /// before the receiver has judged our certificate. Silence for so long is consent.
  std::optional<LinkError> AwaitVerdict(const Remote& remote) {
    WaitFor(fd(), POLLIN, kConnectMs);
    if (const Result<std::string> heard = Read(); !heard) {
      return CertificateError("TLS with " + remote.host + ": " + heard.message());
    }
    return {};
  }

  Status Write(std::string_view bytes) override {
    while (!bytes.empty()) {
      ERR_clear_error();
      const int n = SSL_write(session_.get(), bytes.data(), static_cast<int>(bytes.size()));
      if (n > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(n));
        continue;
      }
      const int why = SSL_get_error(session_.get(), n);
      if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) return Broken(why);
      if (!WaitFor(fd(), Events(why), kPatienceMs)) return Error{"the receiver takes nothing"};
    }
    return {};
  }

  Result<std::string> Read() override {
    // A whole record at once: what stayed behind in the session would not wake a poll.
    std::string bytes(SSL3_RT_MAX_PLAIN_LENGTH, '\0');
    ERR_clear_error();
    const int n = SSL_read(session_.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (n > 0) {
      bytes.resize(static_cast<std::size_t>(n));
      return bytes;
    }
    const int why = SSL_get_error(session_.get(), n);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return std::string();
    return Broken(why);
  }

  std::uint64_t written() const override {
    return BIO_number_written(SSL_get_wbio(session_.get()));
  }

 private:
  static short Events(int why) {
    return static_cast<short>(why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT);
  }

  static Error Broken(int why) {
    if (why == SSL_ERROR_ZERO_RETURN) return Error{"the receiver has closed the connection"};
    if (why == SSL_ERROR_SYSCALL) return errno != 0 ? OsError("connection lost") : Error{"cut off"};
    return Error{Reason()};
  }

  Context context_;
  Session session_;
  bool needs_newer_ = false;
};

/// The versions that a try allows.
struct Versions {
  int least = TLS1_2_VERSION;
  int most = 0;  ///< 0 = the newest there is
};

/// One try. The channel is returned also when the handshake has failed, to be asked why.
std::optional<LinkError> Try(const Remote& remote, Versions versions,
                             std::unique_ptr<TlsChannel>& channel) {
  Context context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (!context) return LinkError{"TLS: " + Reason()};
  SSL_CTX_set_min_proto_version(context.get(), versions.least);
  SSL_CTX_set_max_proto_version(context.get(), versions.most);
  if (auto wrong = Configure(context.get(), remote)) return wrong;
  Result<Fd> fd = ConnectTo(remote.host, remote.port, SOCK_STREAM);
  if (!fd) return LinkError{fd.message()};
  Session session(SSL_new(context.get()), SSL_free);
  if (!session || SSL_set_fd(session.get(), fd->get()) != 1) return LinkError{"TLS: " + Reason()};
  const std::string& peer = remote.peer_name();
  if (IsAddress(peer)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session.get()), peer.c_str());
  } else {
    SSL_set_tlsext_host_name(session.get(), peer.c_str());
    SSL_set1_host(session.get(), peer.c_str());
  }
  channel = std::make_unique<TlsChannel>(*std::move(fd), std::move(context), std::move(session));
  return channel->Handshake(remote);
}

}  // namespace

ChannelResult OpenTlsChannel(const Remote& remote) {
  std::unique_ptr<TlsChannel> channel;
  // RELP acknowledges each record. Syslog does not, and what is sent in TLS 1.3 before the receiver
  // has refused our certificate would count as delivered: in 1.2 the handshake is the verdict.
  const bool acknowledged = remote.protocol == Remote::Protocol::kRelpTls;
  std::optional<LinkError> wrong =
      Try(remote, {TLS1_2_VERSION, acknowledged ? 0 : TLS1_2_VERSION}, channel);
  if (wrong && !acknowledged && channel && channel->needs_newer()) {
    wrong = Try(remote, {TLS1_3_VERSION, 0}, channel);
    if (!wrong) wrong = channel->AwaitVerdict(remote);
  }
  if (wrong) return *std::move(wrong);
  return channel;
}

}  // namespace tld
