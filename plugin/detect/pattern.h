// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/result.h"
#include "detect/beginnings.h"
#include "detect/osmatch.h"
#include "detect/osregex.h"

/// The three pattern languages of rules: osmatch, osregex and pcre2; see tld-audisp-rules(5). All
/// work on bytes and match anywhere in the subject unless anchored.
struct pcre2_real_code_8;
struct pcre2_real_match_data_8;
struct pcre2_real_match_context_8;
struct pcre2_callout_block_8;

namespace tld {

enum class PatternKind { kOsMatch, kOsRegex, kPcre2 };

/// What matching needs besides pattern and subject: working memory, limits, and the count of limits
/// hit. One for a thread; patterns themselves are immutable and may be shared.
///
/// The limit is one for all that is matched between two calls of Begin: whoever sends much that is
/// hard to match gains nothing by how many patterns there are. Where time counts, all events of a
/// login user have another one, by Refill: who sends many that are hard to match neither holds up
/// those of others nor takes from what theirs may cost.
class MatchScratch {
 public:
  MatchScratch();
  MatchScratch(const MatchScratch&) = delete;
  MatchScratch& operator=(const MatchScratch&) = delete;
  ~MatchScratch();

  /// Another event, of nobody or of this login user: what its matches may cost is counted from here
  /// on.
  void Begin();
  void Begin(std::uint64_t login_user);

  /// The time, in ms of a clock that counts up. From the first call on the costly events of one
  /// login user may take a seventh of one processor; when they have, one may still cost 0.3 ms.
  /// Never called where a log is read again, so that the answers are the same each time.
  void Refill(std::int64_t now_ms) { now_ms_ = now_ms; }

  /// How often a match was given up, and so counted as none.
  std::uint64_t limit_hits() const { return limit_hits_; }

 private:
  friend class Regex;
  struct Share {
    std::uint64_t steps;  // that are left
    std::int64_t at_ms;   // when it was filled
  };
  static int CountStep(pcre2_callout_block_8* block, void* self);

  pcre2_real_match_data_8* data_;
  pcre2_real_match_context_8* context_;
  std::uint64_t limit_hits_ = 0;
  std::uint64_t steps_ = 0;  // since Begin
  std::uint64_t most_;       // of them
  std::size_t at_ = 0;       // where it was at the last one
  std::optional<std::int64_t> now_ms_;
  std::unordered_map<std::uint64_t, Share> shares_;  // by login user
  Share* share_ = nullptr;                           // of the event at hand; null: of nobody
};

/// A compiled PCRE2 pattern, matched without JIT: auditd.service forbids memory that is both
/// writable and executable, and one way for all hosts gives one answer on all hosts.
class Regex {
 public:
  /// An error names its place in `pattern`.
  static Result<Regex> Compile(std::string_view pattern);

  bool Matches(std::string_view subject, MatchScratch& scratch) const;

 private:
  struct Free {
    void operator()(pcre2_real_code_8* code) const;
  };
  Regex(pcre2_real_code_8* code, std::optional<Beginnings> beginnings)
      : code_(code), beginnings_(std::move(beginnings)) {}
  std::unique_ptr<pcre2_real_code_8, Free> code_;
  std::optional<Beginnings> beginnings_;
};

/// True for an osregex that has neither escapes nor groups: it means the same as osmatch, whose
/// search for literals costs a fraction of a regular expression.
bool IsLiteralOsRegex(std::string_view pattern);

/// A pattern of any of the three kinds.
class Pattern {
 public:
  static Result<Pattern> Compile(PatternKind kind, std::string_view text);

  bool Matches(std::string_view subject, MatchScratch& scratch) const;
  PatternKind kind() const { return kind_; }
  /// As of OsMatch; of a Regex only where it is one plain text between `^` and `$`.
  std::optional<std::vector<std::string>> OnlyTexts() const;
  /// As of OsMatch; of the other kinds none.
  std::optional<std::vector<std::string>> OnlyParts() const;
  const std::string& text() const { return text_; }  ///< as written
  bool operator==(const Pattern& other) const {
    return kind_ == other.kind_ && text_ == other.text_;
  }

 private:
  using Matcher = std::variant<OsMatch, OsRegex, Regex>;
  Pattern(PatternKind kind, std::string_view text, Matcher matcher)
      : kind_(kind), text_(text), matcher_(std::move(matcher)) {}
  PatternKind kind_;
  std::string text_;
  Matcher matcher_;
};

}  // namespace tld
