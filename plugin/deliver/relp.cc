// SPDX-License-Identifier: Apache-2.0
// OpenRelp of link.h, by librelp.
#include "deliver/link.h"

#ifdef TLD_WITHOUT_RELP

namespace tld {

LinkResult OpenRelp(const Remote&) { return LinkError{"this tld-audisp was built without RELP"}; }

}  // namespace tld

#else

#include <stddef.h>

// A C header that declares no size_t of its own and no C linkage.
extern "C" {
#include <librelp.h>
}

#include <deque>
#include <memory>
#include <utility>

#include "deliver/tls_files.h"

namespace tld {
namespace {

/// Records that librelp may have under way. It has no call that tells what was acknowledged; but it
/// accepts one more only when fewer than these are open, so record N is acknowledged when record
/// N + kWindow was accepted, and all are when the session was closed without a complaint: the call
/// that closes it says yes even when the connection was lost with records open (1.11).
constexpr int kWindow = 64;
constexpr unsigned kAnswerSeconds = 30;
constexpr int kIdleMs = 1000;

extern "C" void NoDebug(char*, ...) {}

struct EngineDeleter {
  void operator()(relpEngine_t* engine) const { relpEngineDestruct(&engine); }
};

/// What librelp says of a failure, by its callbacks.
struct Complaint {
  std::string text;
  bool certificate = false;

  static void OnError(void* self, char*, char* message, relpRetVal) {
    static_cast<Complaint*>(self)->text = message;
  }
  static void OnAuthError(void* self, char* who, char* message, relpRetVal) {
    auto* complaint = static_cast<Complaint*>(self);
    complaint->text = std::string(message) + " (" + who + ')';
    complaint->certificate = true;
  }
};

std::string Meaning(relpRetVal rc) {
  switch (rc) {
    case RELP_RET_TIMED_OUT:
      return "no answer within " + std::to_string(kAnswerSeconds) + " s";
    case RELP_RET_SESSION_BROKEN:
    case RELP_RET_SESSION_CLOSED:
    case RELP_RET_IO_ERR:
      return "connection lost";
    case RELP_RET_AUTH_ERR_NAME:
      return "its certificate has another name";
    case RELP_RET_AUTH_NO_CERT:
      return "it has no certificate";
    case RELP_RET_AUTH_CERT_INVL:
      return "its certificate is not valid";
    case RELP_RET_ERR_TLS_SETUP:
    case RELP_RET_ERR_TLS_HANDS:
    case RELP_RET_ERR_TLS:
      return "TLS fails";
    default:
      return "RELP error " + std::to_string(rc);
  }
}

bool IsCertificate(relpRetVal rc) {
  return (rc >= RELP_RET_ERR_TLS_SETUP && rc <= RELP_RET_AUTH_CERT_INVL) ||
         rc == RELP_RET_ERR_TLS_HANDS || rc == RELP_RET_ERR_TLS;
}

class RelpLink : public Link {
 public:
  explicit RelpLink(const Remote& remote) : remote_(remote) {}
  ~RelpLink() override { Close(); }

  std::optional<LinkError> Open() {
    relpEngine_t* engine = nullptr;
    if (relpEngineConstruct(&engine) != RELP_RET_OK) return LinkError{"RELP: out of memory"};
    engine_.reset(engine);
    relpEngineSetDbgprint(engine, NoDebug);
    relpEngineSetOnErr(engine, Complaint::OnError);
    relpEngineSetOnAuthErr(engine, Complaint::OnAuthError);
    unsigned char command[] = "syslog";
    relpEngineSetEnableCmd(engine, command, eRelpCmdState_Required);
    relpEngineSetTLSLibByName(engine, "openssl");
    if (remote_.uses_tls()) {
      if (Status files = CheckTlsFiles(remote_); !files) return LinkError{files.message(), true};
    }
    const relpRetVal rc = Connect();
    if (rc == RELP_RET_OK) return {};
    return LinkError{"RELP with " + remote_.host + ": " + Why(rc),
                     complaint_.certificate || IsCertificate(rc)};
  }

  Status Send(std::string_view record) override {
    if (client_ == nullptr) {  // closed when it was idle
      if (const relpRetVal rc = Connect(); rc != RELP_RET_OK) {
        return Error{"RELP with " + remote_.host + ": " + Why(rc)};
      }
    }
    // The library does not change what it is given.
    auto* bytes = reinterpret_cast<unsigned char*>(const_cast<char*>(record.data()));
    const relpRetVal rc = relpCltSendSyslog(client_, bytes, record.size());
    // A record that the receiver refuses is told by the callback alone.
    if (rc != RELP_RET_OK || !complaint_.text.empty()) {
      return Error{"RELP with " + remote_.host + ": " + Why(rc)};
    }
    if (++open_ > kWindow) {
      --open_;
      ++acknowledged_;
    }
    return {};
  }

  Status Check() override { return {}; }

  Status Settle() override {
    if (open_ == 0) return {};
    const relpRetVal rc = Close();
    if (rc != RELP_RET_OK) {
      return Error{"RELP with " + remote_.host + ": " + Why(rc)};
    }
    acknowledged_ += static_cast<std::uint64_t>(std::exchange(open_, 0));
    return {};
  }

  int settle_after_ms() const override { return kIdleMs; }

 private:
  relpRetVal Connect() {
    complaint_ = {};
    relpRetVal rc = relpEngineCltConstruct(engine_.get(), &client_);
    if (rc != RELP_RET_OK) return rc;
    rc = Configure();
    if (rc == RELP_RET_OK) {
      rc = relpCltConnect(client_, 0, Bytes(remote_.port), Bytes(remote_.host));
    }
    if (rc != RELP_RET_OK) Close();
    return rc;
  }

  relpRetVal Configure() {
    relpCltSetUsrPtr(client_, &complaint_);
    relpCltSetTimeout(client_, kAnswerSeconds);
    relpCltSetConnTimeout(client_, kConnectMs / 1000);
    relpCltSetWindowSize(client_, kWindow);
    if (!remote_.uses_tls()) return RELP_RET_OK;
    relpRetVal rc = relpCltEnableTLS(client_);
    if (rc != RELP_RET_OK) return rc;
    char minimum[] = "MinProtocol=TLSv1.2";
    relpCltSetTlsConfigCmd(client_, minimum);
    if (!remote_.certificate.empty()) {
      relpCltSetOwnCert(client_, Text(remote_.certificate));
      relpCltSetPrivKey(client_, Text(remote_.key));
    }
    if (!remote_.verify) return RELP_RET_OK;
    relpCltSetCACert(client_, Text(remote_.ca));
    char mode[] = "name";
    rc = relpCltSetAuthMode(client_, mode);
    if (rc != RELP_RET_OK) return rc;
    return relpCltAddPermittedPeer(client_, Text(remote_.peer_name()));
  }

  /// Waits for what is open.
  relpRetVal Close() {
    if (client_ == nullptr) return RELP_RET_OK;
    return relpEngineCltDestruct(engine_.get(), &client_);
  }

  std::string Why(relpRetVal rc) const {
    return complaint_.text.empty() ? Meaning(rc) : complaint_.text;
  }

  static char* Text(const std::string& text) { return const_cast<char*>(text.c_str()); }
  static unsigned char* Bytes(const std::string& text) {
    return reinterpret_cast<unsigned char*>(Text(text));
  }

  Remote remote_;
  std::unique_ptr<relpEngine_t, EngineDeleter> engine_;
  relpClt_t* client_ = nullptr;
  Complaint complaint_;
  int open_ = 0;
};

}  // namespace

LinkResult OpenRelp(const Remote& remote) {
  auto link = std::make_unique<RelpLink>(remote);
  if (auto wrong = link->Open()) return *std::move(wrong);
  return link;
}

}  // namespace tld

#endif  // TLD_WITHOUT_RELP
