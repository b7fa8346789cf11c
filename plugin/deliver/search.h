// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rapidjson/document.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "alert/query.h"
#include "alert/stored.h"
#include "base/result.h"
#include "deliver/store_reader.h"

namespace tld {

/// An alert that a search has found.
struct Found {
  const StoredAlert& alert;          ///< without its document when that was not asked for
  const rapidjson::Value* document;  ///< parsed; null when it was not asked for
  std::string_view column;           ///< SearchOptions::column
};

struct SearchOptions {
  std::optional<std::int64_t> since_us;  ///< of the alerts' own time
  std::optional<std::int64_t> until_us;  ///< up to, not at
  bool newest_first = false;
  bool documents = true;   ///< false: only what the columns have is asked for
  std::string column;      ///< of the store, to be handed on as it is; may be empty
  std::string several_of;  ///< a condition of SQL besides the query's; may be empty
};

/// Gives each alert of the store that meets the query to `take`, until that returns false. What the
/// columns can tell is asked of SQLite by its indexes; other documents are read one by one.
/// `progress` gets the number of alerts that were looked at, now and then.
Status SearchStore(StoreReader& reader, const Query& query, const SearchOptions& options,
                   const std::function<bool(const Found&)>& take,
                   const std::function<void(std::uint64_t)>& progress);

/// Counts the alerts that SearchStore would find, by the values of a column or by time and level.
/// SQLite does it by its indexes, without a look at documents; a million alerts take it a fraction
/// of a second. False, and nothing is given, when the query is about more than the columns have.
Result<bool> CountValues(StoreReader& reader, const Query& query, const SearchOptions& options,
                         const std::string& column,
                         const std::function<void(std::string_view, std::uint64_t)>& take);
/// `take` gets the start of each span that has alerts, the level and their number.
Result<bool> CountTimes(StoreReader& reader, const Query& query, const SearchOptions& options,
                        std::int64_t span_us,
                        const std::function<void(std::int64_t, int, std::uint64_t)>& take);

/// The document of a rule's newest alert; empty when it has none.
Result<std::string> NewestOf(StoreReader& reader, const std::string& rule);

/// The same for one document from elsewhere; false when it is none of an alert.
bool SearchDocument(const std::string& document, const Query& query, const SearchOptions& options,
                    const std::function<void(const Found&)>& take);

/// The column that holds a field's value; empty when there is none.
std::string_view ColumnOf(std::string_view field);

/// The part of a query that SQLite answers.
struct SqlCondition {
  std::string text;
  std::vector<std::string> texts;  ///< values of the `?` in it
  bool exact = true;               ///< false: it lets through more than the query does
  /// Of those that may hold the mark for several values: what decides there is the document.
  std::vector<std::string> columns;
};
/// Nothing when no column says anything about it.
std::optional<SqlCondition> TranslateQuery(const QueryNode& node);

}  // namespace tld
