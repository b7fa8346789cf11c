// SPDX-License-Identifier: Apache-2.0
// tldctl hunt: the search for alerts.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <set>
#include <utility>

#include "alert/moment.h"
#include "audit/field_hint.h"
#include "base/os.h"
#include "base/text.h"
#include "program/command.h"
#include "program/html_report.h"
#include "program/hunt_report.h"
#include "program/log_input.h"
#include "program/pager.h"

namespace tld {
namespace {

constexpr std::size_t kListed = 50;
constexpr std::size_t kTopListed = 10;
constexpr std::size_t kReported = 1000;
constexpr useconds_t kFollowUs = 200'000;
constexpr std::size_t kLineLimit = std::size_t{1} << 20;

class Hunt {
 public:
  Hunt(const CommonOptions& common, const HuntOptions& options)
      : common_(common), options_(options), progress_("hunt", 0) {
    shape_ = common.json ? HuntShape::kJson : options.csv ? HuntShape::kCsv : HuntShape::kText;
    color_ = common.ColorFor(STDOUT_FILENO);
  }

  int Run() {
    const std::int64_t now_us = RealtimeUs();
    for (const std::string& word : options_.words) text_ += (text_.empty() ? "" : " ") + word;
    Result<Query> query = Query::Parse(text_, now_us);
    if (!query) return ComplainOfQuery(query.error());
    query_ = *std::move(query);
    if (const int wrong = ReadOptions(now_us); wrong != kGood) return wrong;
    if (!options_.follow && !html_) pager_.emplace();
    if (shape_ == HuntShape::kCsv && ListsAlerts()) std::puts(HuntHeader().c_str());
    const int status = options_.files.empty() ? SearchTheStore() : SearchFiles();
    if (status != kGood) {
      if (report_is_new_) unlink(options_.html.c_str());  // it would be empty
      return status;
    }
    if (html_) return WriteHtml();
    if (ListsAlerts() && !options_.follow && taken_ == 0 && shape_ == HuntShape::kText) {
      Complain("no alert matches", kGood);
      HintAtFields(query_.root());
    }
    return PrintCounts();
  }

 private:
  int ComplainOfQuery(const Error& error) const {
    Diagnostics diagnostics;
    diagnostics.Add({"query", text_}, Offset{error.at},
                    {Severity::kError, "bad-query", error.message});
    Print(diagnostics, common_, common_.json);
    return kMisuse;
  }

  int ReadOptions(std::int64_t now_us) {
    const auto moment = [&](const std::string& text, std::optional<std::int64_t>& into) {
      if (text.empty()) return true;
      into = ParseMoment(text, now_us);
      return into.has_value();
    };
    if (!moment(options_.since, search_.since_us) || !moment(options_.until, search_.until_us)) {
      return Complain("a time is 'today', '2h ago', '2026-01-31' or '2026-01-31 14:00'", kMisuse);
    }
    if (!options_.histogram.empty()) {
      const auto span = ParseSpan(options_.histogram);
      if (!span) return Complain("a span is a number with s, m, h, d or w, as in 1h", kMisuse);
      histogram_.emplace(*span);
    }
    for (const std::string& field : options_.top) top_.emplace_back(field);
    if (options_.follow && (!ListsAlerts() || !options_.files.empty())) {
      return Complain("--follow goes with a list from the alert store alone", kMisuse);
    }
    const bool whole = shape_ != HuntShape::kText;
    limit_ = options_.limit.value_or(whole ? 0 : kListed);
    if (!options_.html.empty()) return ReadHtmlOptions();
    search_.newest_first = ListsAlerts() && limit_ != 0;
    search_.documents = ListsAlerts();
    if (top_.size() == 1) search_.column = ColumnOf(options_.top[0]);
    if (!top_.empty()) search_.documents |= search_.column.empty();
    return kGood;
  }

  /// Its alerts come in the order of the store, all with their documents.
  int ReadHtmlOptions() {
    if (options_.follow || !ListsAlerts() || shape_ != HuntShape::kText) {
      return Complain("--html goes with a search alone", kMisuse);
    }
    // Before the user changes: where the report goes, the store's owner may not write. An older
    // report stays until there is a new one.
    if (options_.html == "-") {
      report_ = Fd(dup(STDOUT_FILENO));
    } else {
      OpenReport();
    }
    if (!report_) return Complain(OsError("cannot write " + options_.html).message, kMisuse);
    std::string source;
    for (const std::string& file : options_.files) source += (source.empty() ? "" : ", ") + file;
    html_.emplace(HtmlReport::About{text_, options_.since, options_.until, source},
                  options_.limit.value_or(kReported));
    return kGood;
  }

  void OpenReport() {
    constexpr int kFlags = O_WRONLY | O_CREAT | O_CLOEXEC;
    report_ = Fd(open(options_.html.c_str(), kFlags | O_EXCL, 0600));
    report_is_new_ = static_cast<bool>(report_);
    if (!report_) report_ = Fd(open(options_.html.c_str(), kFlags, 0600));
  }

  static void HintAtFields(const QueryNode& node) {
    for (const QueryNode& child : node.children) HintAtFields(child);
    std::string_view field = node.term.field;
    Consume(field, "data.");
    const std::string meant = field == "id" ? "" : FieldMeantBy(field);
    if (meant.empty()) return;
    Complain(
        "'" + node.term.field + "' is no field that is known; did you mean 'data." + meant + "'?",
        kGood);
  }

  bool ListsAlerts() const { return options_.top.empty() && options_.histogram.empty(); }

  int SearchTheStore() {
    const std::string path = common_.Settings().store.path;
    if (Status changed = BecomeOwnerOf(path); !changed) {
      return Complain(changed.message(), kMisuse);
    }
    Result<StoreReader> reader = StoreReader::Open(path);
    if (!reader) return Complain(reader.message(), kMisuse);
    if (!reader->caveat().empty()) Complain(reader->caveat(), kGood);
    if (!ListsAlerts()) {
      const Result<bool> counted = CountInStore(*reader);
      if (!counted) return Complain(counted.message(), kFindings);
      if (*counted) return kGood;
    }
    const Result<std::int64_t> last = reader->Last();
    const Status searched = SearchStore(
        *reader, query_, search_, [&](const Found& found) { return Take(found); },
        [&](std::uint64_t done) { progress_.ShowCount(done); });
    if (!searched || !last) {
      return Complain((searched ? last.error() : searched.error()).message, kFindings);
    }
    PrintKept();
    if (html_) return kGood;
    // What was stored during the search may be found already.
    if (options_.follow) return Follow(*std::move(reader), path, std::max(*last, newest_));
    return kGood;
  }

  /// False when documents have to be read for it.
  Result<bool> CountInStore(StoreReader& reader) {
    for (const TopValues& top : top_) {
      if (CountedBy(top.field()).empty()) return false;
    }
    if (histogram_) {
      Result<bool> counted = CountTimes(reader, query_, search_, histogram_->span_us(),
                                        [&](std::int64_t start, int level, std::uint64_t alerts) {
                                          histogram_->Add(start, level, alerts);
                                        });
      if (!counted || !*counted) return counted;
    }
    for (TopValues& top : top_) {
      const std::string column(CountedBy(top.field()));
      const bool of_rules = ColumnOf(top.field()).empty();
      std::optional<Error> failed;
      Result<bool> counted = CountValues(
          reader, query_, search_, column, [&](std::string_view value, std::uint64_t alerts) {
            if (!of_rules) return top.Add(value, alerts);
            const Result<std::string> newest = NewestOf(reader, std::string(value));
            if (!newest) failed = newest.error();
            rapidjson::Document document;
            if (!newest || !ParseDocument(document, *newest)) return;
            const std::vector<std::string> all = ValuesOf(document, top.field());
            for (const std::string& one : std::set<std::string>(all.begin(), all.end())) {
              top.Add(one, alerts);
            }
          });
      if (!counted || !*counted) return counted;
      if (failed) return *failed;
    }
    return true;
  }

  /// The column that tells a field, or that of the rule, which tells what only its rule decides.
  static std::string_view CountedBy(std::string_view field) {
    const bool of_rule = field.starts_with("rule.mitre.") || field == "rule.groups";
    return of_rule ? "rule" : ColumnOf(field);
  }

  int WriteHtml() const {
    // Of a file that was named: what standard output is redirected to may have more than this.
    if (options_.html != "-") static_cast<void>(ftruncate(report_.get(), 0));
    const Status written = WriteAll(report_.get(), html_->Page(RealtimeUs()));
    return written ? kGood : Complain(options_.html + ": " + written.message(), kMisuse);
  }

  int SearchFiles() {
    bool good = true;
    for (const std::string& path : options_.files) {
      std::string line;
      documents_ = 0;
      other_lines_ = 0;
      const Status read = ReadLog(path, [&](std::string_view bytes, std::uint64_t) {
        while (!bytes.empty()) {
          const std::size_t end = std::min(bytes.find('\n'), bytes.size());
          if (line.size() + end <= kLineLimit) line += bytes.substr(0, end);
          if (end == bytes.size()) return;
          TakeLine(line);
          line.clear();
          bytes.remove_prefix(end + 1);
        }
      });
      if (!line.empty()) TakeLine(line);
      if (!read) Complain(read.message(), kFindings);
      // A line here and there may be half written; a file without any is another one than meant.
      const bool meant = documents_ > 0 || other_lines_ == 0;
      if (!meant) Complain(path + ": no line of it is an alert", kFindings);
      good = good && read && meant;
    }
    PrintKept();
    return good ? kGood : kFindings;
  }

  void TakeLine(const std::string& line) {
    const bool is_alert = SearchDocument(line, query_, search_, [&](const Found& found) {
      Take(found);
      if (limit_ != 0 && kept_.size() > limit_) kept_.pop_back();  // those of a file come in order
    });
    ++(is_alert ? documents_ : other_lines_);
  }

  bool Take(const Found& found) {
    ++taken_;
    newest_ = std::max(newest_, found.alert.id);
    for (TopValues& top : top_) top.Add(found);
    if (histogram_) histogram_->Add(found);
    if (html_) html_->Add(found);
    if (html_ || !ListsAlerts()) return true;
    std::string line = HuntLine(shape_, found.alert, *found.document, color_);
    if (limit_ == 0) {
      std::puts(line.c_str());
      return true;
    }
    // The newest ones, and the last of them at the bottom.
    const bool from_store = options_.files.empty();
    if (from_store) {
      kept_.push_back(std::move(line));
      return kept_.size() < limit_;
    }
    kept_.push_front(std::move(line));
    return true;
  }

  void PrintKept() {
    for (auto line = kept_.rbegin(); line != kept_.rend(); ++line) std::puts(line->c_str());
    kept_.clear();
    std::fflush(stdout);
  }

  int Follow(StoreReader reader, const std::string& path, std::int64_t last) {
    limit_ = 0;
    while (true) {
      if (reader.Outdated()) {
        Result<StoreReader> again = StoreReader::Open(path);
        if (!again) {  // for a moment, while a new file is begun
          usleep(kFollowUs);
          continue;
        }
        if (again->identity() != reader.identity()) last = 0;
        reader = *std::move(again);
      }
      const Result<std::vector<StoredAlert>> alerts = reader.After(last, 1000);
      if (!alerts) return Complain(alerts.message(), kFindings);
      for (const StoredAlert& alert : *alerts) {
        last = alert.id;
        rapidjson::Document document;
        if (!ParseDocument(document, alert.document) || !query_.Matches(document, alert.time_us))
          continue;
        std::puts(HuntLine(shape_, alert, document, color_).c_str());
      }
      if (std::fflush(stdout) != 0) return kGood;  // the end of all commands says why
      if (alerts->empty()) usleep(kFollowUs);
    }
  }

  int PrintCounts() const {
    const std::size_t most = options_.limit.value_or(kTopListed);
    for (const TopValues& top : top_) top.Print(shape_, most);
    if (histogram_ && !histogram_->Print(shape_, color_)) {
      return Complain("this would be more than 10,000 rows: take a longer span", kMisuse);
    }
    return kGood;
  }

  const CommonOptions& common_;
  const HuntOptions& options_;
  Progress progress_;
  HuntShape shape_ = HuntShape::kText;
  bool color_ = false;
  std::string text_;
  Query query_;
  SearchOptions search_;
  std::size_t limit_ = 0;
  std::uint64_t taken_ = 0;
  std::int64_t newest_ = 0;      // number of the newest that was found
  std::uint64_t documents_ = 0;  // of a file
  std::uint64_t other_lines_ = 0;
  std::deque<std::string> kept_;  // newest first
  std::vector<TopValues> top_;
  std::optional<Histogram> histogram_;
  std::optional<Pager> pager_;
  std::optional<HtmlReport> html_;
  Fd report_;
  bool report_is_new_ = false;
};

}  // namespace

int RunHunt(const CommonOptions& common, const HuntOptions& options) {
  return Hunt(common, options).Run();
}

}  // namespace tld
