// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rapidjson/document.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

/// The language in which alerts are searched, as people type it into a dashboard's search bar:
///
///     data.audit.command:nc and rule.level >= 12 and not data.audit.auid:(1000 or 1001)
///
/// `and`, `or`, `not`, brackets; terms side by side all count. A term is FIELD:VALUE, a comparison
/// `> >= < <=` of numbers or of `timestamp`, or words for the whole text. Values may be quoted; `*`
/// stands for any text, and FIELD:* for any value. A value is the whole of the field's, byte for
/// byte, but in fields of running text, where it is a part in either case. `data.` may be left out.
namespace tld {

/// One condition on a document.
struct QueryTerm {
  enum class Kind { kIs, kExists, kLess, kAtMost, kGreater, kAtLeast };

  std::string field;  ///< empty = any
  Kind kind = Kind::kIs;
  std::string value;                ///< without its quotes and escapes
  std::vector<std::string> pieces;  ///< of the value between its `*`; one = no `*`
  std::string needed;        ///< what the text of a document must hold, as JSON writes it; for kIs
  double number = 0;         ///< for comparisons
  std::int64_t time_us = 0;  ///< for comparisons of `timestamp`

  /// A part in either case is meant.
  bool folds() const;
  bool has_wildcard() const { return pieces.size() > 1; }
  bool about_time() const { return field == "timestamp"; }
};

struct QueryNode {
  enum class Kind { kAll, kAnd, kOr, kNot, kTerm };

  Kind kind = Kind::kAll;
  std::vector<QueryNode> children;
  QueryTerm term;
};

class Query {
 public:
  /// `now_us` is what `now` stands for. Error::at is the place of what is wrong.
  static Result<Query> Parse(std::string_view text, std::int64_t now_us);

  const QueryNode& root() const { return root_; }

  /// Whether a document meets it. `time_us` is the alert's time.
  bool Matches(const rapidjson::Value& document, std::int64_t time_us) const;
  /// False when no document of this text can meet it: told without reading it as JSON.
  bool MayMatch(const std::string& document) const;

 private:
  QueryNode root_;
};

/// All values of a field, as text, in their order: `data.` may be left out.
std::vector<std::string> ValuesOf(const rapidjson::Value& document, std::string_view field);

/// True for fields that hold running text.
bool IsTextField(std::string_view field);

}  // namespace tld
