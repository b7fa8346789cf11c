// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "alert/alert.h"

namespace tld {

/// What the one-line formats show of an alert, from the alert itself or from its stored document.
/// Refers to texts of theirs: valid while they are. Values are as they are, not escaped.
struct Summary {
  struct User {
    std::string_view id;
    std::string_view name;
  };

  std::string_view rule;  ///< its id
  int level = 0;
  std::string_view description;
  std::string_view host;  ///< of the sender
  std::string_view node;  ///< where the event is from
  std::uint64_t seq = 0;
  std::int64_t time_us = 0;
  bool about_event = false;  ///< the rest is empty without
  std::string stamp;         ///< `SECONDS.MMM:SERIAL`, for ausearch -a
  User login;                ///< auid
  User user;                 ///< uid
  std::string_view command;
  std::string_view exe;
  std::string_view command_line;
  std::string_view directory;
  std::string_view terminal;
  std::string_view key;
  std::string_view pid;
  std::string_view success;
};

Summary Summarize(const Alert& alert, const Sender& sender);

}  // namespace tld
