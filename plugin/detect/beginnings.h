// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tld {

/// How whatever a PCRE2 pattern matches must begin, where the pattern says so: `^(w|who|ps)$`,
/// `^ld-linux`. Most subjects of such a pattern then need no regular expression. Immutable.
class Beginnings {
 public:
  /// Of a pattern that has compiled without options. None where all alternatives do not begin with
  /// `^` and a text, where there would be too many texts, or where the pattern has what is not
  /// understood here; see pcre2pattern(3).
  static std::optional<Beginnings> Of(std::string_view pattern);

  enum class Verdict {
    kNo,     ///< the pattern does not match
    kYes,    ///< it matches
    kMaybe,  ///< it is to be asked
  };
  Verdict Judge(std::string_view subject) const;

 private:
  struct Beginning {
    std::string text;
    bool ended = false;  // `$` follows: it is the whole subject, but for a newline
  };
  explicit Beginnings(std::vector<Beginning> texts);

  std::vector<Beginning> texts_;  // by their first byte; none is empty
};

}  // namespace tld
