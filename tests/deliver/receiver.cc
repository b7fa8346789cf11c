// SPDX-License-Identifier: Apache-2.0
#include "tests/deliver/receiver.h"

#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>

namespace tld::testing_support {

struct TestCa::Keys {
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
};

namespace {

constexpr long kDay = 86'400;

void WriteKey(const std::string& path, EVP_PKEY* key) {
  FILE* file = fopen(path.c_str(), "w");
  PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  fclose(file);
}

void WriteCertificate(const std::string& path, X509* certificate) {
  FILE* file = fopen(path.c_str(), "w");
  PEM_write_X509(file, certificate);
  fclose(file);
}

void AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

X509* MakeCertificate(const std::string& name, EVP_PKEY* key, int days) {
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), Random64() >> 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), days < 0 ? 2 * days * kDay : -kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), days * kDay);
  X509_set_pubkey(certificate, key);
  X509_NAME* subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return certificate;
}

}  // namespace

TestCa::TestCa(std::string directory, const std::string& name)
    : directory_(std::move(directory)),
      certificate_(directory_ + '/' + name + ".crt"),
      keys_(std::make_unique<Keys>()) {
  keys_->key = EVP_EC_gen("P-256");
  keys_->certificate = MakeCertificate(name, keys_->key, 30);
  X509_set_issuer_name(keys_->certificate, X509_get_subject_name(keys_->certificate));
  AddExtension(keys_->certificate, keys_->certificate, NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(keys_->certificate, keys_->certificate, NID_key_usage,
               "critical,keyCertSign,cRLSign");
  X509_sign(keys_->certificate, keys_->key, EVP_sha256());
  WriteCertificate(certificate_, keys_->certificate);
}

TestCa::~TestCa() {
  X509_free(keys_->certificate);
  EVP_PKEY_free(keys_->key);
}

TestCa::Issued TestCa::Issue(const std::string& name, int days) const {
  const std::string base = directory_ + '/' + name + '.' + std::to_string(Random64());
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = MakeCertificate(name, key, days);
  X509_set_issuer_name(certificate, X509_get_subject_name(keys_->certificate));
  AddExtension(certificate, keys_->certificate, NID_subject_alt_name, "DNS:" + name);
  X509_sign(certificate, keys_->key, EVP_sha256());
  WriteKey(base + ".key", key);
  WriteCertificate(base + ".crt", certificate);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return {base + ".crt", base + ".key"};
}

Receiver::Receiver(Behaviour behaviour, const Tls* tls, int port, bool everywhere)
    : behaviour_(behaviour), tls_(tls == nullptr ? nullptr : std::make_unique<Tls>(*tls)) {
  listener_.Reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (behaviour == Behaviour::kSlow) {
    const int window = 4096;
    setsockopt(listener_.get(), SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(everywhere ? INADDR_ANY : INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  socklen_t size = sizeof address;
  if (bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) std::perror("bind");
  listen(listener_.get(), 8);
  getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Run(); });
}

Receiver::~Receiver() {
  stop_ = true;
  thread_.join();
}

std::vector<std::string> Receiver::Records() const {
  const std::lock_guard lock(mutex_);
  return records_;
}

void Receiver::Reset() { ++reset_; }

void Receiver::Run() {
  while (!stop_) {
    pollfd fd{listener_.get(), POLLIN, 0};
    if (poll(&fd, 1, 10) <= 0) continue;
    Fd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection) continue;
    ++connections_;
    connected_ = true;
    Serve(std::move(connection));
    connected_ = false;
  }
}

bool Receiver::Take(std::string& buffer, const char* bytes, std::size_t size, int& in_connection) {
  buffer.append(bytes, size);
  while (true) {
    const std::size_t space = buffer.find(' ');
    if (space == buffer.npos) return true;
    const std::size_t length = std::stoul(buffer.substr(0, space));
    if (behaviour_ == Behaviour::kCutAfter && in_connection == 2) return false;
    if (buffer.size() < space + 1 + length) return true;
    const std::lock_guard lock(mutex_);
    records_.push_back(buffer.substr(space + 1, length));
    buffer.erase(0, space + 1 + length);
    ++in_connection;
  }
}

/// The same for RELP; `answers` is what to send.
bool Receiver::TakeRelp(std::string& buffer, int& in_connection, std::string& answers) {
  while (true) {
    char command[16] = "";
    int transaction = 0;
    int length = 0;
    int header = 0;
    if (std::sscanf(buffer.c_str(), "%d %15s %d%n", &transaction, command, &length, &header) < 3) {
      return true;
    }
    const std::size_t data = static_cast<std::size_t>(header) + (length > 0 ? 1 : 0);
    const std::size_t end = data + static_cast<std::size_t>(length) + 1;
    if (buffer.size() < end) return true;
    const std::string text = buffer.substr(data, static_cast<std::size_t>(length));
    buffer.erase(0, end);
    std::string answer = "200 OK";
    // Wordy, as a receiver may be: one record of TLS that no single small read takes.
    if (std::string(command) == "open") answer += '\n' + text + "\nx=" + std::string(10'000, 'x');
    if (std::string(command) == "syslog") {
      if (behaviour_ == Behaviour::kRelpDies && ++in_connection <= 10) continue;
      if (behaviour_ == Behaviour::kRelpDies) return false;
      if (behaviour_ == Behaviour::kRelpRefuses) answer = "500 no";
      const std::lock_guard lock(mutex_);
      records_.push_back(text);
    }
    answers +=
        std::to_string(transaction) + " rsp " + std::to_string(answer.size()) + ' ' + answer + '\n';
  }
}

void Receiver::Serve(Fd fd) {
  const int resets = reset_;
  SSL_CTX* context = nullptr;
  SSL* session = nullptr;
  const timeval patience{0, 20'000};
  if (tls_) {
    context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate_chain_file(context, tls_->certificate.c_str());
    SSL_CTX_use_PrivateKey_file(context, tls_->key.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_set_min_proto_version(context, tls_->oldest);
    SSL_CTX_set_max_proto_version(context, tls_->newest);
    if (tls_->newest != 0) {  // as old as a test may want it
      SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
      SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0");
    }
    if (!tls_->client_ca.empty()) {
      SSL_CTX_load_verify_locations(context, tls_->client_ca.c_str(), nullptr);
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    session = SSL_new(context);
    SSL_set_fd(session, fd.get());
  }
  bool open = behaviour_ == Behaviour::kSilent || session == nullptr || SSL_accept(session) == 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::string buffer;
  int in_connection = 0;
  const bool relp = behaviour_ == Behaviour::kRelp || behaviour_ == Behaviour::kRelpDies ||
                    behaviour_ == Behaviour::kRelpRefuses;
  while (open && !stop_ && reset_ == resets) {
    if (behaviour_ == Behaviour::kSilent) {
      poll(nullptr, 0, 10);
      continue;
    }
    if (behaviour_ == Behaviour::kSlow) poll(nullptr, 0, 10);
    char bytes[4096];
    const ssize_t n = session != nullptr ? SSL_read(session, bytes, sizeof bytes)
                                         : recv(fd.get(), bytes, sizeof bytes, 0);
    if (n > 0 && relp) {
      buffer.append(bytes, static_cast<std::size_t>(n));
      std::string answers;
      open = TakeRelp(buffer, in_connection, answers);
      if (session != nullptr && !answers.empty()) {
        SSL_write(session, answers.data(), static_cast<int>(answers.size()));
      } else {
        static_cast<void>(!send(fd.get(), answers.data(), answers.size(), MSG_NOSIGNAL));
      }
    } else if (n > 0) {
      open = Take(buffer, bytes, static_cast<std::size_t>(n), in_connection);
    } else if (session != nullptr) {
      open = SSL_get_error(session, static_cast<int>(n)) == SSL_ERROR_WANT_READ;
    } else {
      open = n < 0 && (errno == EAGAIN || errno == EINTR);
    }
  }
  // With nothing lingering the close is a reset.
  const linger none{1, 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &none, sizeof none);
  SSL_free(session);
  SSL_CTX_free(context);
}

}  // namespace tld::testing_support
