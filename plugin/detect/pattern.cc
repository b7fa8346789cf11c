// SPDX-License-Identifier: Apache-2.0
#define PCRE2_CODE_UNIT_WIDTH 8
#include "detect/pattern.h"

#include <pcre2.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/text.h"

namespace tld {
namespace {

// PCRE2 counts its own limits from zero at each start position, so that together they bound nothing
// on a long subject. What all matches of an event may cost is counted here: an item tried or a byte
// that an item has passed is one step. So many take 0.15 s.
constexpr std::uint64_t kMostSteps = 5'000'000;
// Of each event so many are nobody's; an event of one who has used his share up gets twice that.
constexpr std::uint64_t kFreeSteps = 5'000;
constexpr std::uint64_t kPoorSteps = 10'000;
constexpr std::uint64_t kShareSteps = 4 * kMostSteps;
constexpr std::uint64_t kShareStepsPerMs = 5'000;
constexpr std::size_t kMostShares = 1'024;        // login uids, of which few have an account
constexpr std::uint32_t kMatchLimit = 5'000'000;  // where no item is tried between two steps back
constexpr std::uint32_t kDepthLimit = 20'000;
constexpr std::uint32_t kHeapLimitKib = 2048;

}  // namespace

bool IsLiteralOsRegex(std::string_view pattern) {
  return !pattern.starts_with('!') && pattern.find_first_of("\\()") == pattern.npos;
}

MatchScratch::MatchScratch()
    : data_(pcre2_match_data_create(1, nullptr)),
      context_(pcre2_match_context_create(nullptr)),
      most_(kMostSteps) {
  pcre2_set_callout(context_, CountStep, this);
  pcre2_set_match_limit(context_, kMatchLimit);
  pcre2_set_depth_limit(context_, kDepthLimit);
  pcre2_set_heap_limit(context_, kHeapLimitKib);
}

void MatchScratch::Begin() {
  if (share_ != nullptr && steps_ > kFreeSteps) {
    share_->steps -= std::min(share_->steps, steps_ - kFreeSteps);
  }
  share_ = nullptr;
  steps_ = 0;
  most_ = kMostSteps;
}

void MatchScratch::Begin(std::uint64_t login_user) {
  Begin();
  if (!now_ms_) return;
  if (shares_.size() >= kMostShares) shares_.clear();
  share_ = &shares_.try_emplace(login_user, Share{kShareSteps, *now_ms_}).first->second;
  const auto passed = static_cast<std::uint64_t>(*now_ms_ - std::exchange(share_->at_ms, *now_ms_));
  share_->steps = std::min(kShareSteps, share_->steps + passed * kShareStepsPerMs);
  most_ = std::clamp(share_->steps, kPoorSteps, kMostSteps);
}

/// Before each item of a pattern; ends the match when it has cost too much.
int MatchScratch::CountStep(pcre2_callout_block_8* block, void* self) {
  auto& scratch = *static_cast<MatchScratch*>(self);
  const std::size_t at = block->current_position;
  scratch.steps_ += 1 + (at > scratch.at_ ? at - scratch.at_ : 0);
  scratch.at_ = at;
  return scratch.steps_ > scratch.most_ ? PCRE2_ERROR_MATCHLIMIT : 0;
}

MatchScratch::~MatchScratch() {
  pcre2_match_data_free(data_);
  pcre2_match_context_free(context_);
}

void Regex::Free::operator()(pcre2_real_code_8* code) const { pcre2_code_free(code); }

Result<Regex> Regex::Compile(std::string_view pattern) {
  int error = 0;
  PCRE2_SIZE at = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                   PCRE2_AUTO_CALLOUT, &error, &at, nullptr);
  if (code != nullptr) return Regex(code, Beginnings::Of(pattern));
  std::array<unsigned char, 160> text{};
  pcre2_get_error_message(error, text.data(), text.size());
  return Error{reinterpret_cast<const char*>(text.data()), at};
}

bool Regex::Matches(std::string_view subject, MatchScratch& scratch) const {
  if (beginnings_) {
    const Beginnings::Verdict verdict = beginnings_->Judge(subject);
    if (verdict != Beginnings::Verdict::kMaybe) return verdict == Beginnings::Verdict::kYes;
  }
  scratch.at_ = 0;
  const int rc = pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(subject.data()),
                             subject.size(), 0, 0, scratch.data_, scratch.context_);
  if (rc < 0 && rc != PCRE2_ERROR_NOMATCH) ++scratch.limit_hits_;
  return rc >= 0;
}

Result<Pattern> Pattern::Compile(PatternKind kind, std::string_view text) {
  if (kind == PatternKind::kOsMatch) return Pattern(kind, text, OsMatch(text));
  if (kind == PatternKind::kPcre2) {
    Result<Regex> regex = Regex::Compile(text);
    if (!regex) return regex.error();
    return Pattern(kind, text, *std::move(regex));
  }
  if (IsLiteralOsRegex(text)) return Pattern(kind, text, OsMatch(text));
  Result<OsRegex> regex = OsRegex::Compile(text);
  if (!regex) return regex.error();
  return Pattern(kind, text, *std::move(regex));
}

std::optional<std::vector<std::string>> Pattern::OnlyTexts() const {
  if (const OsMatch* literal = std::get_if<OsMatch>(&matcher_)) return literal->OnlyTexts();
  std::string_view text = text_;
  if (kind_ != PatternKind::kPcre2 || !text.starts_with('^') || !text.ends_with('$')) return {};
  text = text.substr(1, text.size() - 2);
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '_' || c == '-';
  });
  if (!plain) return {};
  return std::vector<std::string>{std::string(text)};
}

std::optional<std::vector<std::string>> Pattern::OnlyParts() const {
  const OsMatch* literal = std::get_if<OsMatch>(&matcher_);
  return literal != nullptr ? literal->OnlyParts() : std::nullopt;
}

bool Pattern::Matches(std::string_view subject, MatchScratch& scratch) const {
  if (const auto* literal = std::get_if<OsMatch>(&matcher_)) return literal->Matches(subject);
  if (const auto* classes = std::get_if<OsRegex>(&matcher_)) return classes->Matches(subject);
  return std::get<Regex>(matcher_).Matches(subject, scratch);
}

}  // namespace tld
