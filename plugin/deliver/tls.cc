// SPDX-License-Identifier: Apache-2.0
// OpenTls of link.h: RFC 5425, with the receiver's certificate and name verified.
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "deliver/link.h"
#include "deliver/socket.h"
#include "deliver/tls_files.h"

namespace tld {
namespace {

constexpr std::int64_t kVerdictMs = 1000;  // for the receiver to refuse our certificate

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

/// What the settings ask for; the error names the file that is wrong.
std::optional<LinkError> Configure(SSL_CTX* context, const Remote& remote) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  if (Status files = CheckTlsFiles(remote); !files) return CertificateError(files.message());
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

class TlsLink : public StreamLink {
 public:
  TlsLink(Fd fd, Context context, Session session)
      : StreamLink(std::move(fd)), context_(std::move(context)), session_(std::move(session)) {}

  ~TlsLink() override { SSL_shutdown(session_.get()); }

  std::optional<LinkError> Handshake(const Remote& remote) {
    const std::int64_t until = MonotonicMs() + kConnectMs;
    while (true) {
      ERR_clear_error();
      const int rc = SSL_connect(session_.get());
      if (rc == 1) return Verdict(remote);
      const int why = SSL_get_error(session_.get(), rc);
      if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
        const std::int64_t left = until - MonotonicMs();
        if (left <= 0 || !WaitFor(fd_.get(), Events(why), left)) {
          return LinkError{"TLS with " + remote.host + ": no handshake within " +
                           std::to_string(kConnectMs / 1000) + " s"};
        }
        continue;
      }
      if (const long verdict = SSL_get_verify_result(session_.get()); verdict != X509_V_OK) {
        return CertificateError("the certificate of " + remote.host +
                                " is not accepted: " + X509_verify_cert_error_string(verdict));
      }
      if (why == SSL_ERROR_SYSCALL) return LinkError{"TLS with " + remote.host + ": cut off"};
      return CertificateError("TLS with " + remote.host + ": " + Reason());
    }
  }

  Status Send(std::string_view record) override {
    const std::string framed = std::to_string(record.size()) + ' ' + std::string(record);
    std::string_view rest = framed;
    while (!rest.empty()) {
      ERR_clear_error();
      const int n = SSL_write(session_.get(), rest.data(), static_cast<int>(rest.size()));
      if (n > 0) {
        rest.remove_prefix(static_cast<std::size_t>(n));
        continue;
      }
      const int why = SSL_get_error(session_.get(), n);
      if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) return Broken(why);
      if (!WaitFor(fd_.get(), Events(why), kPatienceMs)) return Error{"the receiver takes nothing"};
    }
    NoteRecord();
    return {};
  }

 private:
  static short Events(int why) {
    return static_cast<short>(why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT);
  }

  /// In TLS 1.3 our side is done before the receiver has judged our certificate: an alert may
  /// still come. Its first message after the handshake, or silence, is consent.
  std::optional<LinkError> Verdict(const Remote& remote) {
    if (SSL_version(session_.get()) < TLS1_3_VERSION) return {};
    if (!WaitFor(fd_.get(), POLLIN, kVerdictMs)) return {};
    if (Status heard = Hear(); !heard) {
      return CertificateError("TLS with " + remote.host + ": " + heard.message());
    }
    return {};
  }

  /// Receivers of syslog say nothing; what comes is TLS's own, such as the end or an alert.
  Status Hear() override {
    char bytes[256];
    while (true) {
      ERR_clear_error();
      const int n = SSL_read(session_.get(), bytes, sizeof bytes);
      if (n > 0) continue;
      const int why = SSL_get_error(session_.get(), n);
      if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return {};
      return Broken(why);
    }
  }

  static Status Broken(int why) {
    if (why == SSL_ERROR_ZERO_RETURN) return Error{"the receiver has closed the connection"};
    if (why == SSL_ERROR_SYSCALL) return errno != 0 ? OsError("connection lost") : Error{"cut off"};
    return Error{Reason()};
  }

  /// Bytes of TLS, handshake included, that went into the socket.
  std::uint64_t Written() const override {
    return BIO_number_written(SSL_get_wbio(session_.get()));
  }

  Context context_;
  Session session_;
};

}  // namespace

LinkResult OpenTls(const Remote& remote) {
  Context context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (!context) return LinkError{"TLS: " + Reason()};
  if (auto wrong = Configure(context.get(), remote)) return *std::move(wrong);
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
  auto link = std::make_unique<TlsLink>(*std::move(fd), std::move(context), std::move(session));
  if (auto wrong = link->Handshake(remote)) return *std::move(wrong);
  return link;
}

}  // namespace tld
