// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tld {

/// The manager's pattern language of classes, as tld-audisp-rules(5) describes it. Without nesting
/// or back references it needs no backtracking: all places that a match could be at are followed
/// together (Thompson, CACM 11(6), 1968), so that time grows with the subject's bytes alone,
/// whatever an attacker writes, and no limit ever has to decide. Immutable; one may serve all
/// threads.
class OsRegex {
 public:
  /// An error names its place in `pattern`.
  static Result<OsRegex> Compile(std::string_view pattern);

  bool Matches(std::string_view subject) const;

  /// The parsed form, as `^'nc'\d+\d*$ | any`: literals in quotes and lower case, `x+` as `xx*`.
  std::string Dump() const;

 private:
  friend class OsRegexReader;

  /// What takes one byte, or with `star` any number of them.
  struct Atom {
    char kind = 0;  ///< letter of its class, or 0: the literal
    char literal = 0;
    bool star = false;

    bool Takes(char c) const;
  };
  using Bits = std::vector<std::uint64_t>;

  struct Alternative {
    std::vector<Atom> atoms;
    bool at_start = false;
    bool at_end = false;
    /// Bytes that the same atoms take are one class; for each class, the atoms that take it.
    std::array<std::uint8_t, 256> class_of{};
    std::vector<Bits> takers;
    Bits stars;

    void Index();
    bool Matches(std::string_view subject) const;
  };

  std::vector<Alternative> alternatives_;
};

}  // namespace tld
