// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rapidjson/document.h>

#include <cstddef>
#include <string>
#include <string_view>

/// Alert documents that come back from where they were written. Names of fields nest them, so they
/// may be deep, and bytes may be anybody's.
namespace tld {

/// Reads a document; false when it is none, or nested deeper than any event's names can make it.
bool ParseDocument(rapidjson::Document& document, std::string_view text);

/// The document again, as AppendJsonString writes texts: one line that is safe to show.
std::string RewriteDocument(const rapidjson::Value& document);

/// The same, cut until it has at most `limit` bytes, in the order of tld-audisp.conf(5);
/// `tld.truncated` names what was cut. Rule, agent, who and what are never.
std::string ShortenDocument(rapidjson::Document& document, std::size_t limit);

/// A member by its name, or null.
rapidjson::Value* FindMember(rapidjson::Value& object, std::string_view name);
/// A member by its path, such as `data.audit.exe`, or null.
rapidjson::Value* MemberAt(rapidjson::Value& document, std::string_view path);
std::string_view ViewOf(const rapidjson::Value& text);

}  // namespace tld
