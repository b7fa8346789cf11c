// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tld {

/// One argument of an exec, decoded. Arguments that the caps took away leave a gap in the indexes.
struct Argument {
  std::uint32_t index = 0;
  std::string_view value;
};

/// What the EXECVE records of an event say. Views are into the records, or into `decoded` where a
/// value was encoded or in pieces; so the list may be moved, but not copied. Views of
/// `command_line` stay good when it is moved, too.
struct ArgumentList {
  ArgumentList() = default;
  ArgumentList(ArgumentList&&) = default;
  ArgumentList& operator=(ArgumentList&&) = default;

  /// Keeps its memory, unless that is huge.
  void Clear();

  std::string_view argc;            ///< as the kernel wrote it; empty where no record has it
  std::vector<Argument> arguments;  ///< by index, each once
  bool truncated = false;           ///< an argument, a piece or the end of one is missing
  std::string decoded;
  std::string command_line;  ///< the arguments as a shell would read them back
};

/// Joins and decodes the arguments of the EXECVE records of one event, whose texts after the header
/// are given in order. Pieces `aN[i]` of a long argument may stand in several records; each piece
/// is decoded by its own form, quoted or hexadecimal (audit_log_single_execve_arg in
/// kernel/auditsc.c). libauparse is not asked: 3.0.7 sees 36 fields of a record only.
/// REQUIRES: `list` is as new, or cleared.
void DecodeArguments(std::span<const std::string_view> bodies, ArgumentList& list);

}  // namespace tld
