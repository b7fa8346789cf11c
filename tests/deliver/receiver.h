// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/os.h"

/// Receivers of syslog that tests steer.
namespace tld::testing_support {

/// A certificate authority and what it issues, as PEM files in a directory.
class TestCa {
 public:
  TestCa(std::string directory, const std::string& name);
  ~TestCa();
  TestCa(const TestCa&) = delete;
  TestCa& operator=(const TestCa&) = delete;

  struct Issued {
    std::string certificate;
    std::string key;
  };
  /// A certificate for a host name; valid from yesterday on for so many days.
  Issued Issue(const std::string& name, int days = 30) const;
  const std::string& certificate() const { return certificate_; }

 private:
  struct Keys;
  std::string directory_;
  std::string certificate_;
  std::unique_ptr<Keys> keys_;
};

/// Takes connections, one after the other, and their octet-counted records. All calls from the
/// test's thread.
class Receiver {
 public:
  enum class Behaviour {
    kRead,
    kSilent,       ///< accepts and reads nothing
    kSlow,         ///< reads 4 KiB each 10 ms, with a small window
    kRelp,         ///< speaks RELP and answers each record
    kRelpDies,     ///< speaks RELP; ends after ten records that it has not answered
    kRelpRefuses,  ///< speaks RELP and takes no record
    kCutAfter      ///< resets each connection in the middle of its third record
  };
  struct Tls {
    std::string certificate;
    std::string key;
    std::string client_ca;  ///< not empty: clients need a certificate of it
    int oldest = 0;         ///< version of TLS; 0 = any
    int newest = 0;         ///< the same
  };

  /// On loopback, or `everywhere` in the network namespace of the thread.
  explicit Receiver(Behaviour behaviour, const Tls* tls = nullptr, int port = 0,
                    bool everywhere = false);
  ~Receiver();
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  int port() const { return port_; }
  std::vector<std::string> Records() const;
  /// Closes what is open, with a reset, and goes on listening.
  void Reset();
  int connections() const { return connections_; }
  bool connected() const { return connected_; }

 private:
  void Run();
  void Serve(Fd fd);
  /// False at the end of the stream.
  bool Take(std::string& buffer, const char* bytes, std::size_t size, int& in_connection);
  bool TakeRelp(std::string& buffer, int& in_connection, std::string& answers);

  Behaviour behaviour_;
  std::unique_ptr<Tls> tls_;
  Fd listener_;
  Fd wake_;
  int port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<bool> connected_{false};
  std::atomic<bool> stop_{false};
  std::atomic<int> reset_{0};
  mutable std::mutex mutex_;
  std::vector<std::string> records_;
  std::thread thread_;
};

}  // namespace tld::testing_support
