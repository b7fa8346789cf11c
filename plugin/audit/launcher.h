// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "audit/argv.h"

/// Programs that run another one, and what their arguments say of it: the dynamic loader,
/// multi-call binaries, interpreters. Pure functions; results are views of what they are given.
/// `program` is a path, as in exe or PATH.
namespace tld {

/// What d_path() of the kernel puts behind a file without a name.
inline constexpr std::string_view kDeleted = " (deleted)";

/// The last part of a path, without kDeleted.
std::string_view ProgramName(std::string_view path);

/// ld-linux-x86-64.so.2, ld-2.31.so, ld-musl-x86_64.so.1, ld.so …
bool IsLoader(std::string_view program);

/// What the loader is asked to run: the arguments from there on, and the name it shall have. No
/// arguments where it runs nothing.
struct LoaderTarget {
  std::span<const Argument> arguments;
  std::string_view argv0;

  static LoaderTarget Of(std::span<const Argument> arguments);
};

/// busybox and its like.
bool IsMultiCall(std::string_view program);
/// argv[0] names the applet, unless the binary itself was called: then the next word does.
std::string_view Applet(std::span<const Argument> arguments);

/// The script that a shell or another interpreter is given; empty for code on the command line, for
/// none, and where the program is no interpreter.
std::string_view GivenScript(std::string_view program, std::span<const Argument> arguments);

}  // namespace tld
