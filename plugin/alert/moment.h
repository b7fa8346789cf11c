// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tld {

/// A moment as people write it, in microseconds since 1970: `now`, `now-2h`, `2h ago`, `today`,
/// `yesterday`, `YYYY-MM-DD`, with ` hh:mm`, `Thh:mm:ss`, a fraction, and a zone `Z` or `+hh:mm`.
/// Local time without a zone. Units are s, m, h, d and w. Nothing for anything else.
std::optional<std::int64_t> ParseMoment(std::string_view text, std::int64_t now_us);

/// A span such as `90s`, `15m`, `1h`, `7d`, in microseconds; nothing for anything else, for 0, or
/// for more than a hundred years.
std::optional<std::int64_t> ParseSpan(std::string_view text);

}  // namespace tld
