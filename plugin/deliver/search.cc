// SPDX-License-Identifier: Apache-2.0
#include "deliver/search.h"

#include <sqlite3.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "alert/moment.h"
#include "base/os.h"
#include "base/text.h"

namespace tld {
namespace {

using Kind = QueryTerm::Kind;

constexpr std::size_t kMostParts = 200;  // SQLite limits the depth of an expression to 1,000

constexpr std::pair<std::string_view, std::string_view> kColumns[] = {
    {"rule.id", "rule"},
    {"rule.level", "level"},
    {"data.audit.auid", "auid"},
    {"audit.auid", "auid"},
    {"data.audit.command", "command"},
    {"audit.command", "command"},
    {"data.audit.exe", "exe"},
    {"audit.exe", "exe"},
};

std::string_view Operator(Kind kind) {
  switch (kind) {
    case Kind::kLess:
      return " < ";
    case Kind::kAtMost:
      return " <= ";
    case Kind::kGreater:
      return " > ";
    case Kind::kAtLeast:
      return " >= ";
    default:
      return " = ";
  }
}

/// The condition of a term. A field with several values is in no column: where more may be let
/// through its rows are, and are looked at; below a `not`, where less may be, they are not.
std::optional<SqlCondition> TranslateTerm(const QueryTerm& term, bool negated) {
  if (term.has_wildcard() || term.kind == Kind::kExists) return {};
  if (term.about_time()) {
    if (term.kind == Kind::kIs) return {};
    return SqlCondition{
        "time_us" + std::string(Operator(term.kind)) + std::to_string(term.time_us), {}, true, {}};
  }
  const std::string_view column = ColumnOf(term.field);
  if (column == "level") {
    double number = term.number;
    if (term.kind == Kind::kIs) {
      const auto level = ParseNumber(term.value);
      if (!level || std::to_string(*level) != term.value) return {};
      number = static_cast<double>(*level);
    }
    if (!(std::abs(number) < 1e9)) return {};
    return SqlCondition{
        "level" + std::string(Operator(term.kind)) + std::to_string(number), {}, true, {}};
  }
  if (column.empty() || term.kind != Kind::kIs) return {};
  const std::string name(column);
  if (column == "rule") return SqlCondition{name + " = ?", {term.value}, true, {}};
  if (negated) return SqlCondition{name + " = ?", {term.value}, true, {name}};
  return SqlCondition{name + " IN (?, char(1))", {term.value}, true, {name}};
}

/// The parts joined by a word of SQL.
SqlCondition JoinConditions(std::vector<SqlCondition> parts, std::string_view word) {
  SqlCondition all;
  for (SqlCondition& part : parts) {
    if (!all.text.empty()) all.text += word;
    all.text += '(' + part.text + ')';
    all.exact &= part.exact;
    for (std::string& text : part.texts) all.texts.push_back(std::move(text));
    for (std::string& column : part.columns) all.columns.push_back(std::move(column));
  }
  return all;
}

void Fill(StoredAlert& alert, const Statement& row) {
  alert.id = row.Number(0);
  alert.instance = row.Text(1);
  alert.seq = static_cast<std::uint64_t>(row.Number(2));
  alert.time_us = row.Number(3);
  alert.rule = row.Text(4);
  alert.level = static_cast<int>(row.Number(5));
  alert.host = row.Text(6);
  alert.document = row.Text(7);
}

bool InRange(const SearchOptions& options, std::int64_t time_us) {
  return (!options.since_us || time_us >= *options.since_us) &&
         (!options.until_us || time_us < *options.until_us);
}

std::string TextAt(const rapidjson::Value& document, std::string_view field) {
  std::vector<std::string> values = ValuesOf(document, field);
  return values.empty() ? std::string() : std::move(values.front());
}

}  // namespace

std::string_view ColumnOf(std::string_view field) {
  for (const auto& [name, column] : kColumns) {
    if (name == field) return column;
  }
  return {};
}

namespace {

std::optional<SqlCondition> Translate(const QueryNode& node, bool negated) {
  std::vector<SqlCondition> parts;
  switch (node.kind) {
    case QueryNode::Kind::kAll:
      return SqlCondition{};
    case QueryNode::Kind::kTerm:
      return TranslateTerm(node.term, negated);
    case QueryNode::Kind::kNot: {
      auto inner = Translate(node.children.front(), !negated);
      if (!inner || !inner->exact || inner->text.empty()) return {};
      inner->text = "NOT (" + inner->text + ")";
      return inner;
    }
    case QueryNode::Kind::kOr:
      if (node.children.size() > kMostParts) return {};
      for (const QueryNode& child : node.children) {
        auto part = Translate(child, negated);
        if (!part) return {};
        parts.push_back(*std::move(part));
      }
      return JoinConditions(std::move(parts), " OR ");
    case QueryNode::Kind::kAnd:
      break;
  }
  if (node.children.size() > kMostParts) return {};
  for (const QueryNode& child : node.children) {
    if (auto part = Translate(child, negated)) parts.push_back(*std::move(part));
  }
  if (parts.empty()) return {};
  const bool all = parts.size() == node.children.size();
  SqlCondition condition = JoinConditions(std::move(parts), " AND ");
  condition.exact &= all;
  return condition;
}

/// The condition on the time. A `+` keeps SQLite from the index of `time`.
std::string InTime(const SearchOptions& options, std::string_view time) {
  std::string sql;
  const auto add = [&](const std::optional<std::int64_t>& moment, std::string_view compare) {
    if (moment) ((sql += " AND ") += time) += std::string(compare) + std::to_string(*moment);
  };
  add(options.since_us, " >= ");
  add(options.until_us, " < ");
  return sql;
}

/// One page of what SQLite finds. No statement is open while it is looked at: a reader that pauses
/// would keep the store's log from ever becoming shorter.
class Pages {
 public:
  Pages(StoreReader& reader, const SqlCondition& condition, const SearchOptions& options,
        bool documents)
      : reader_(reader),
        condition_(condition),
        options_(options),
        select_("SELECT id, instance, seq, time_us, rule, level, host, " +
                std::string(documents ? "document"
                                      : "CASE WHEN char(1) IN (auid, command, exe) THEN document "
                                        "ELSE '' END") +
                ", " + (options.column.empty() ? "''" : options.column) + " FROM alert WHERE 1"),
        rows_at_once_(documents ? 200 : 4000) {
    if (!condition.text.empty()) select_ += " AND (" + condition.text + ")";
    select_ += InTime(options, options.several_of.empty() ? "time_us" : "+time_us");
    if (!options.several_of.empty()) select_ += " AND (" + options.several_of + ")";
  }

  struct Row {
    StoredAlert alert;
    std::string column;
  };

  /// The next rows; none at the end.
  Result<std::vector<Row>> Next() {
    std::string sql = select_;
    if (last_) {
      const std::string id = std::to_string(last_->first);
      const std::string time = std::to_string(last_->second);
      // Not a comparison of pairs: SQLite uses the index for the time alone.
      sql += options_.newest_first
                 ? " AND time_us <= " + time + " AND (time_us < " + time + " OR id < " + id + ")"
                 : " AND id > " + id;
    }
    const bool few = !options_.several_of.empty();  // their own index finds them
    sql += options_.newest_first ? " ORDER BY time_us DESC, id DESC"
           : few                 ? " ORDER BY +id"
                                 : " ORDER BY id";
    sql += " LIMIT " + std::to_string(rows_at_once_);
    Result<Statement> statement = reader_.database().Prepare(sql);
    if (!statement) return statement.error();
    for (std::size_t i = 0; i < condition_.texts.size(); ++i) {
      statement->Bind(static_cast<int>(i) + 1, condition_.texts[i]);
    }
    std::vector<Row> rows;
    int rc = SQLITE_DONE;
    while ((rc = statement->Step()) == SQLITE_ROW) {
      Row row;
      Fill(row.alert, *statement);
      row.column = statement->Text(8);
      rows.push_back(std::move(row));
    }
    if (rc != SQLITE_DONE) return Error{reader_.database().LastError().message};
    if (!rows.empty()) last_ = {rows.back().alert.id, rows.back().alert.time_us};
    return rows;
  }

 private:
  StoreReader& reader_;
  const SqlCondition& condition_;
  const SearchOptions& options_;
  std::string select_;
  std::size_t rows_at_once_;
  std::optional<std::pair<std::int64_t, std::int64_t>> last_;  // id and time
};

}  // namespace

std::optional<SqlCondition> TranslateQuery(const QueryNode& node) { return Translate(node, false); }

namespace {

/// Counts in SQL, grouped by an expression. Alerts of which a column that matters has several
/// values are left to `one`, which gets them with their documents.
Result<bool> Count(StoreReader& reader, const Query& query, const SearchOptions& options,
                   const std::string& group, std::vector<std::string> columns,
                   const std::function<void(const Statement&)>& row,
                   const std::function<bool(const Found&)>& one) {
  const auto condition = TranslateQuery(query.root());
  if (!condition || !condition->exact) return false;
  columns.insert(columns.end(), condition->columns.begin(), condition->columns.end());
  std::string sql = "SELECT " + group + ", count(*) FROM alert WHERE 1";
  if (!condition->text.empty()) sql += " AND (" + condition->text + ")";
  // The index of a column has the time as well, and a scan of it reads no row of the table. That of
  // the time alone would.
  sql += InTime(options, "+time_us");
  SearchOptions several = options;
  for (const std::string& column : columns) {
    sql += " AND " + column + " <> char(1)";
    several.several_of += (several.several_of.empty() ? "" : " OR ") + column + " = char(1)";
  }
  sql += " GROUP BY " + group;
  Result<Statement> statement = reader.database().Prepare(sql);
  if (!statement) return statement.error();
  for (std::size_t i = 0; i < condition->texts.size(); ++i) {
    statement->Bind(static_cast<int>(i) + 1, condition->texts[i]);
  }
  int rc = SQLITE_DONE;
  while ((rc = statement->Step()) == SQLITE_ROW) row(*statement);
  if (rc != SQLITE_DONE) return Error{reader.database().LastError().message};
  if (columns.empty()) return true;
  several.documents = true;
  if (Status rest = SearchStore(reader, query, several, one, [](std::uint64_t) {}); !rest) {
    return rest.error();
  }
  return true;
}

}  // namespace

Result<bool> CountValues(StoreReader& reader, const Query& query, const SearchOptions& options,
                         const std::string& column,
                         const std::function<void(std::string_view, std::uint64_t)>& take) {
  const bool may_be_several = column != "rule" && column != "level";
  std::vector<std::string> columns;
  if (may_be_several) columns.push_back(column);
  return Count(
      reader, query, options, column, columns,
      [&](const Statement& row) {
        const std::string_view value = row.Text(0);
        if (!value.empty()) take(value, static_cast<std::uint64_t>(row.Number(1)));
      },
      [&](const Found& found) {
        if (column == "rule") take(found.alert.rule, 1);
        if (column == "level") take(std::to_string(found.alert.level), 1);
        if (!may_be_several) return true;
        std::vector<std::string> values = ValuesOf(*found.document, "audit." + column);
        std::sort(values.begin(), values.end());
        values.erase(std::unique(values.begin(), values.end()), values.end());
        for (const std::string& value : values) take(value, 1);
        return true;
      });
}

Result<bool> CountTimes(StoreReader& reader, const Query& query, const SearchOptions& options,
                        std::int64_t span_us,
                        const std::function<void(std::int64_t, int, std::uint64_t)>& take) {
  const std::string span = std::to_string(span_us);
  const std::string start = "time_us - (time_us % " + span + " + " + span + ") % " + span;
  return Count(
      reader, query, options, start + ", level", {},
      [&](const Statement& row) {
        take(row.Number(0), static_cast<int>(row.Number(1)),
             static_cast<std::uint64_t>(row.Number(2)));
      },
      [&](const Found& found) {
        const std::int64_t time = found.alert.time_us;
        take(time - (time % span_us + span_us) % span_us, found.alert.level, 1);
        return true;
      });
}

Result<std::string> NewestOf(StoreReader& reader, const std::string& rule) {
  Result<Statement> statement = reader.database().Prepare(
      "SELECT document FROM alert WHERE rule = ? ORDER BY time_us DESC LIMIT 1");
  if (!statement) return statement.error();
  statement->Bind(1, rule);
  return statement->Step() == SQLITE_ROW ? std::string(statement->Text(0)) : std::string();
}

Status SearchStore(StoreReader& reader, const Query& query, const SearchOptions& options,
                   const std::function<bool(const Found&)>& take,
                   const std::function<void(std::uint64_t)>& progress) {
  const SqlCondition condition =
      TranslateQuery(query.root())
          .value_or(SqlCondition{.text = "", .texts = {}, .exact = false, .columns = {}});
  Pages pages(reader, condition, options, options.documents || !condition.exact);
  std::uint64_t looked_at = 0;
  while (true) {
    const Result<std::vector<Pages::Row>> rows = pages.Next();
    if (!rows) return rows.error();
    if (rows->empty()) return {};
    looked_at += rows->size();
    progress(looked_at);
    for (const Pages::Row& row : *rows) {
      const StoredAlert& alert = row.alert;
      if (alert.document.empty()) {  // the columns have told everything
        if (!take({alert, nullptr, row.column})) return {};
        continue;
      }
      // Where SQLite may have let through more, or a field has several values, the document
      // decides.
      if (!query.MayMatch(alert.document)) continue;
      rapidjson::Document document;
      if (!ParseDocument(document, alert.document)) continue;
      if (!query.Matches(document, alert.time_us)) continue;
      if (!take({alert, &document, row.column})) return {};
    }
  }
}

bool SearchDocument(const std::string& text, const Query& query, const SearchOptions& options,
                    const std::function<void(const Found&)>& take) {
  rapidjson::Document document;
  if (!ParseDocument(document, text)) return false;
  StoredAlert alert;
  alert.document = text;
  alert.rule = TextAt(document, "rule.id");
  if (alert.rule.empty()) return false;
  alert.level = static_cast<int>(ParseNumber(TextAt(document, "rule.level")).value_or(0));
  alert.host = TextAt(document, "data.audit.node");
  if (alert.host.empty()) alert.host = TextAt(document, "agent.name");
  alert.instance = TextAt(document, "tld.instance");
  alert.seq = ParseNumber(TextAt(document, "tld.seq")).value_or(0);
  alert.time_us = ParseMoment(TextAt(document, "timestamp"), 0).value_or(0);
  if (InRange(options, alert.time_us) && query.Matches(document, alert.time_us)) {
    take({alert, &document, {}});
  }
  return true;
}

}  // namespace tld
