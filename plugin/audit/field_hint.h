// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace tld {

/// The field of an event that is probably meant by a name that no event has: the kernel's own name,
/// one without `audit.`, or one with a letter wrong. Empty for a name that events have, and where
/// nothing is near. `name` as people write it, in either case.
std::string FieldMeantBy(std::string_view name);

}  // namespace tld
