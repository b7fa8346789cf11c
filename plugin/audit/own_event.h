// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "audit/raw_event.h"

/// Events that this plugin makes itself, as records in the form of the kernel's, so that rules,
/// documents and `tldctl test` treat them as any other event. They have a branch of the rules of
/// their own: 200100 for TLD_IDENTITY and 200800 for TLD_HEALTH are the only roots that are tried,
/// and no other event is tried there. Nobody else may write them: the live input refuses lines of
/// these types.
namespace tld {

inline constexpr std::string_view kIdentityRoot = "200100";
inline constexpr std::string_view kHealthRoot = "200800";

/// A listed program that the content of what was run is equal to.
struct SameProgram {
  std::string name;    ///< as it is listed
  std::string path;    ///< where it is installed
  std::string via;     ///< `inode` or `sha256`
  std::string sha256;  ///< lower-case hexadecimal; empty where it was not needed
};

/// The exec event again, with what was found out about its program in a record before the others.
RawEvent MakeIdentityEvent(const RawEvent& exec, const SameProgram& same);

/// The event again, with a record before the others that says what could not be looked at: its
/// program's file is `gone`, or an `other_file` stands there, and it runs on; or its `texts`, since
/// a pattern gave up on them and not all rules were judged.
RawEvent MakeUnseenEvent(const RawEvent& seen, std::string_view what);

/// `what` is one word; the text may hold anything.
RawEvent MakeHealthEvent(std::string_view what, std::string_view text, std::int64_t time_us,
                         std::uint64_t serial);

}  // namespace tld
