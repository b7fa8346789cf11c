// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

/// Changes to the text of a list that leave all other lines, comments and blank lines as they are.
/// Pure functions on the whole text.
namespace tld {

/// The text with `key` set to `value`: in the line where the key stands first, else in a new line
/// at the end. An error for what the format cannot hold, such as a newline.
Result<std::string> SetListEntry(std::string_view text, std::string_view key,
                                 std::string_view value);

/// The text without the lines of `key`.
std::string RemoveListEntry(std::string_view text, std::string_view key);

bool HasListEntry(std::string_view text, std::string_view key);

}  // namespace tld
