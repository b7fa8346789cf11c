// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "base/os.h"
#include "base/result.h"

/// The control socket: one request line, one answer, end. `status` is for whoever may connect (the
/// group adm), `reload` for root and the user that the plugin was started by.
namespace tld {

/// Binds the socket under a temporary name and renames it into place, so that a client finds the
/// old one or a working new one. Mode 0660, group adm if there is one.
Result<Fd> BindControlSocket(const std::string& path);

/// Serves the socket from the sensor's loop. Bounded: 16 clients, 256 bytes of request, 5 s each.
class ControlServer {
 public:
  /// `answer(request, uid of the peer)`; without newline. An invalid `listener` serves nobody.
  ControlServer(Fd listener, std::function<std::string(std::string_view, uid_t)> answer);

  void AddTo(std::vector<pollfd>& fds) const;
  /// Looks at the results of a poll that AddTo's entries took part in.
  void Serve(const std::vector<pollfd>& fds, std::int64_t now_ms);

 private:
  struct Client {
    Fd fd;
    uid_t uid = 0;
    std::string request;
    std::string reply;
    std::int64_t deadline_ms = 0;
    bool answered = false;
    bool done = false;
  };
  void Accept(std::int64_t now_ms);
  void Read(Client& client);
  void Write(Client& client);

  Fd listener_;
  std::function<std::string(std::string_view, uid_t)> answer_;
  std::list<Client> clients_;
};

/// The client's side: sends a request and returns the whole answer.
Result<std::string> AskPlugin(const std::string& socket, std::string_view request);

}  // namespace tld
