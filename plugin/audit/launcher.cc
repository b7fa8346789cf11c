// SPDX-License-Identifier: Apache-2.0
#include "audit/launcher.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"

namespace tld {
namespace {

/// Options of ld.so(8) that take the next argument.
bool TakesArgument(std::string_view option) {
  constexpr std::string_view kOptions[] = {
      "--library-path",         "--inhibit-rpath",    "--audit", "--preload", "--argv0",
      "--glibc-hwcaps-prepend", "--glibc-hwcaps-mask"};
  return std::find(std::begin(kOptions), std::end(kOptions), option) != std::end(kOptions);
}

/// Options of ld.so(8) with which no program is run.
bool OnlyLooks(std::string_view option) {
  constexpr std::string_view kOptions[] = {"--list",          "--verify", "--list-diagnostics",
                                           "--list-tunables", "--help",   "--version"};
  return std::find(std::begin(kOptions), std::end(kOptions), option) != std::end(kOptions);
}

/// Whether a multi-call binary takes the word for itself: busybox does so with whatever begins with
/// its name, also behind a dash, and then looks at the next word in the same way.
bool IsMultiCallWord(std::string_view word) {
  std::string_view name = BaseName(word);
  if (name.starts_with('-')) name.remove_prefix(1);
  return name.starts_with("busybox") || IsMultiCall(name);
}

/// An interpreter, and what of its options a script may follow.
struct Interpreter {
  std::string_view code;            // letters of options for code, a module or the standard input
  std::string_view takes_argument;  // letters of options with one, of their own word or the next

  static const Interpreter* Of(std::string_view exe) {
    static constexpr Interpreter kShell{"cs", "oO"};
    static constexpr Interpreter kPython{"cm", "WX"};
    static constexpr Interpreter kOther{"cemrE", "WXIM"};
    std::string_view name = ProgramName(exe);
    name = name.substr(0, name.find_last_not_of("0123456789.") + 1);
    for (const std::string_view shell :
         {"bash", "rbash", "dash", "sh", "zsh", "ksh", "mksh", "ash"}) {
      if (name == shell) return &kShell;
    }
    if (name == "python" || name == "pypy") return &kPython;
    for (const std::string_view other : {"perl", "php", "ruby", "node", "nodejs", "lua"}) {
      if (name == other) return &kOther;
    }
    return nullptr;
  }

  /// The script that the arguments name; empty where they name none.
  std::string_view Script(std::span<const Argument> arguments) const {
    for (std::size_t i = 1; i < arguments.size(); ++i) {
      const std::string_view word = arguments[i].value;
      if (word == "--") return i + 1 < arguments.size() ? arguments[i + 1].value : "";
      if (word.empty() || (word[0] != '-' && word[0] != '+')) return word;
      if (word == "--rcfile" || word == "--init-file") ++i;
      if (word.starts_with("--")) continue;
      const auto letter = std::find_if(word.begin(), word.end(), [&](char c) {
        return code.find(c) != code.npos || takes_argument.find(c) != takes_argument.npos;
      });
      if (letter == word.end()) continue;
      if (code.find(*letter) != code.npos) return {};
      if (letter + 1 == word.end()) ++i;
    }
    return {};
  }
};

}  // namespace

std::string_view ProgramName(std::string_view path) {
  if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
  return BaseName(path);
}

bool IsLoader(std::string_view program) {
  const std::string_view name = ProgramName(program);
  return name == "ld.so" ||
         ((name.starts_with("ld-") || name.starts_with("ld64.")) && name.find(".so") != name.npos);
}

bool IsMultiCall(std::string_view program) {
  const std::string_view name = ProgramName(program);
  return name == "busybox" || name == "busybox.static" || name == "toybox" || name == "coreutils";
}

LoaderTarget LoaderTarget::Of(std::span<const Argument> arguments) {
  LoaderTarget target;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i].value;
    if (OnlyLooks(word)) return {};
    if (!word.starts_with("--")) {
      target.arguments = arguments.subspan(i);
      return target;
    }
    if (!TakesArgument(word)) continue;
    ++i;
    if (word == "--argv0" && i < arguments.size()) target.argv0 = arguments[i].value;
  }
  return {};
}

std::string_view Applet(std::span<const Argument> arguments) {
  constexpr std::string_view kCoreutils = "--coreutils-prog=";
  for (const Argument& argument : arguments) {
    std::string_view word = argument.value;
    if (word.starts_with(kCoreutils)) word.remove_prefix(kCoreutils.size());
    if (!IsMultiCallWord(word)) return word;
  }
  return {};
}

std::string_view GivenScript(std::string_view program, std::span<const Argument> arguments) {
  const Interpreter* const interpreter = Interpreter::Of(program);
  return interpreter == nullptr ? std::string_view() : interpreter->Script(arguments);
}

}  // namespace tld
