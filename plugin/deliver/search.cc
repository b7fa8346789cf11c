// SPDX-License-Identifier: Apache-2.0
#include "deliver/search.h"

#include <sqlite3.h>

#include <cmath>
#include <utility>

#include "alert/moment.h"
#include "base/os.h"
#include "base/text.h"

namespace tld {
namespace {

using Kind = QueryTerm::Kind;

constexpr std::uint64_t kProgressEvery = 4096;

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

std::optional<SqlCondition> TranslateTerm(const QueryTerm& term) {
  if (term.has_wildcard() || term.kind == Kind::kExists) return {};
  if (term.about_time()) {
    if (term.kind == Kind::kIs) return {};
    return SqlCondition{"time_us" + std::string(Operator(term.kind)) + std::to_string(term.time_us),
                        {}};
  }
  const std::string_view column = ColumnOf(term.field);
  if (column == "level") {
    double number = term.number;
    if (term.kind == Kind::kIs) {
      const auto level = ParseNumber(term.value);
      if (!level) return {};
      number = static_cast<double>(*level);
    }
    if (!(std::abs(number) < 1e9)) return {};
    return SqlCondition{"level" + std::string(Operator(term.kind)) + std::to_string(number), {}};
  }
  if (column.empty() || term.kind != Kind::kIs) return {};
  return SqlCondition{std::string(column) + " = ?", {term.value}};
}

/// The parts joined by a word of SQL.
SqlCondition JoinConditions(std::vector<SqlCondition> parts, std::string_view word) {
  SqlCondition all;
  for (SqlCondition& part : parts) {
    if (!all.text.empty()) all.text += word;
    all.text += '(' + part.text + ')';
    all.exact &= part.exact;
    for (std::string& text : part.texts) all.texts.push_back(std::move(text));
  }
  return all;
}

/// The whole statement for a search.
std::string SelectText(const SqlCondition& condition, const SearchOptions& options,
                       bool documents) {
  std::string sql = "SELECT id, instance, seq, time_us, rule, level, host, ";
  sql += documents ? "document" : "''";
  sql += ", " + (options.column.empty() ? "''" : options.column) + " FROM alert WHERE 1";
  if (!condition.text.empty()) sql += " AND (" + condition.text + ")";
  if (options.since_us) sql += " AND time_us >= " + std::to_string(*options.since_us);
  if (options.until_us) sql += " AND time_us < " + std::to_string(*options.until_us);
  return sql + (options.newest_first ? " ORDER BY time_us DESC, id DESC" : "");
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

std::optional<SqlCondition> TranslateQuery(const QueryNode& node) {
  std::vector<SqlCondition> parts;
  switch (node.kind) {
    case QueryNode::Kind::kAll:
      return SqlCondition{};
    case QueryNode::Kind::kTerm:
      return TranslateTerm(node.term);
    case QueryNode::Kind::kNot: {
      auto inner = TranslateQuery(node.children.front());
      if (!inner || !inner->exact) return {};
      inner->text = "NOT (" + inner->text + ")";
      return inner;
    }
    case QueryNode::Kind::kOr:
      for (const QueryNode& child : node.children) {
        auto part = TranslateQuery(child);
        if (!part) return {};
        parts.push_back(*std::move(part));
      }
      return JoinConditions(std::move(parts), " OR ");
    case QueryNode::Kind::kAnd:
      break;
  }
  for (const QueryNode& child : node.children) {
    if (auto part = TranslateQuery(child)) parts.push_back(*std::move(part));
  }
  if (parts.empty()) return {};
  const bool all = parts.size() == node.children.size();
  SqlCondition condition = JoinConditions(std::move(parts), " AND ");
  condition.exact &= all;
  return condition;
}

Status SearchStore(StoreReader& reader, const Query& query, const SearchOptions& options,
                   const std::function<bool(const Found&)>& take,
                   const std::function<void(std::uint64_t)>& progress) {
  SqlCondition condition =
      TranslateQuery(query.root()).value_or(SqlCondition{.text = "", .texts = {}, .exact = false});
  const bool documents = options.documents || !condition.exact;
  Result<Statement> rows = reader.database().Prepare(SelectText(condition, options, documents));
  if (!rows) return rows.error();
  for (std::size_t i = 0; i < condition.texts.size(); ++i) {
    rows->Bind(static_cast<int>(i) + 1, condition.texts[i]);
  }
  StoredAlert alert;
  std::uint64_t looked_at = 0;
  int rc = SQLITE_DONE;
  while ((rc = rows->Step()) == SQLITE_ROW) {
    if (++looked_at % kProgressEvery == 0) progress(looked_at);
    Fill(alert, *rows);
    if (!documents) {
      if (!take({alert, nullptr, rows->Text(8)})) return {};
      continue;
    }
    if (!condition.exact && !query.MayMatch(alert.document)) continue;
    rapidjson::Document document;
    document.Parse<rapidjson::kParseIterativeFlag>(alert.document.data(), alert.document.size());
    if (document.HasParseError()) continue;
    if (!condition.exact && !query.Matches(document, alert.time_us)) continue;
    if (!take({alert, &document, rows->Text(8)})) return {};
  }
  if (rc != SQLITE_DONE) return Error{reader.database().LastError().message};
  return {};
}

bool SearchDocument(const std::string& text, const Query& query, const SearchOptions& options,
                    const std::function<bool(const Found&)>& take) {
  if (!query.MayMatch(text)) return true;
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
  if (document.HasParseError() || !document.IsObject()) return true;
  StoredAlert alert;
  alert.document = text;
  alert.rule = TextAt(document, "rule.id");
  alert.level = static_cast<int>(ParseNumber(TextAt(document, "rule.level")).value_or(0));
  alert.host = TextAt(document, "data.audit.node");
  if (alert.host.empty()) alert.host = TextAt(document, "agent.name");
  alert.instance = TextAt(document, "tld.instance");
  alert.seq = ParseNumber(TextAt(document, "tld.seq")).value_or(0);
  alert.time_us = ParseMoment(TextAt(document, "timestamp"), 0).value_or(0);
  if (!InRange(options, alert.time_us) || !query.Matches(document, alert.time_us)) return true;
  return take({alert, &document, {}});
}

}  // namespace tld
