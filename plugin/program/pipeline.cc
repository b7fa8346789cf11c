// SPDX-License-Identifier: Apache-2.0
#include "program/pipeline.h"

#include <algorithm>
#include <utility>

#include "audit/own_event.h"
#include "base/text.h"

namespace tld {
namespace {

/// A joined event may hold what the caps of one event allow, and the enrichment of its records.
constexpr std::size_t kJoinedLimit = 4u << 20;

constexpr std::string_view kMark = "msg=audit";

/// Whether a line may hold a second record: looks at what stands before each bracket, since there
/// are few.
bool MayBeJoined(std::string_view line, std::size_t body_begin) {
  std::size_t at = body_begin;
  while ((at = line.find('(', at)) != line.npos) {
    if (line.substr(body_begin, at - body_begin).ends_with(kMark)) return true;
    ++at;
  }
  return false;
}

/// Where the next record of a joined line begins: ` [node=N ]type=T msg=audit(STAMP):` after `at`.
std::size_t NextJoined(std::string_view line, std::string_view stamp, std::size_t at) {
  const std::string mark = " msg=audit(" + std::string(stamp) + "):";
  while (true) {
    const std::size_t found = line.find(mark, at);
    if (found == line.npos) return found;
    // Back over `type=T`, and over a `node=N` before it.
    std::size_t begin = line.rfind(' ', found - 1);
    if (begin != line.npos && begin >= at && line.substr(begin + 1).starts_with("type=")) {
      const std::size_t node = begin == 0 ? line.npos : line.rfind(' ', begin - 1);
      if (node != line.npos && node >= at && line.substr(node + 1).starts_with("node="))
        begin = node;
      return begin;
    }
    at = found + mark.size();
  }
}

/// A line of a log that came here by hand, out of a mail or off a screen.
std::string_view AsWritten(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

Alert Pipeline::Outcome::ToAlert() const {
  Alert alert;
  alert.rule = rule;
  alert.event = &event;
  alert.description = Describe(*rule, event);
  alert.fired_times = answer->fired_times;
  if (!answer->previous.empty()) alert.previous = &answer->previous;
  alert.policy = policy.generation;
  alert.time_us = event.id().TimeMs() * 1000;
  return alert;
}

Pipeline::Pipeline(Options options, std::shared_ptr<const Policy> policy,
                   std::function<void(const Outcome&)> take)
    : options_(std::move(options)),
      take_(std::move(take)),
      lines_(options_.mode == Grouper::Mode::kLive ? LineReader::kLiveLimit : kJoinedLimit),
      grouper_(options_.mode, [this](RawEvent&& raw) { TakeEvent(std::move(raw)); }) {
  SetPolicy(std::move(policy));
}

void Pipeline::SetPolicy(std::shared_ptr<const Policy> policy) {
  auto windows = std::make_unique<Windows>(policy->ruleset);
  if (windows_) windows->TakeOver(std::move(*windows_));
  prefilter_ = std::make_unique<Prefilter>(policy->ruleset);
  windows_ = std::move(windows);
  policy_ = std::move(policy);
}

void Pipeline::Feed(std::string_view bytes, std::int64_t now_ms) {
  counters_.bytes += bytes.size();
  if (options_.mode == Grouper::Mode::kLive) scratch_.Refill(now_ms);
  lines_.Feed(
      bytes, [&](std::string_view line) { TakeLine(line, now_ms); },
      [&](std::string_view rest) { return TakeWhole(rest); });
}

void Pipeline::Tick(std::int64_t now_ms) { grouper_.Tick(now_ms); }

void Pipeline::EndLine() {
  lines_.Finish([&](std::string_view line) { TakeLine(line, 0); });
}

void Pipeline::Finish(std::int64_t now_ms) {
  lines_.Finish([&](std::string_view line) { TakeLine(line, now_ms); });
  grouper_.Flush();
}

/// An event that stands whole in the input is taken as such. Most events of a host that watches
/// files are of no use to any rule: those are not even taken apart.
LineReader::Taken Pipeline::TakeWhole(std::string_view input) {
  if (!ReadWholeEvent(input, whole_) || grouper_.IsOpen(whole_.header)) return {};
  if (options_.mode == Grouper::Mode::kOffline &&
      std::any_of(whole_.records.begin(), whole_.records.end(), [](const RecordLine& record) {
        return MayBeJoined(record.line, record.body_begin);
      })) {
    return {};
  }
  if (options_.prefilter && prefilter_->IsKnownSilent(whole_)) {
    grouper_.Pass(whole_.header, whole_.lines);
    ++counters_.filtered;
  } else {
    grouper_.AddWhole(whole_.header, whole_.records, whole_.lines);
  }
  return {whole_.bytes, whole_.lines};
}

void Pipeline::TakeLine(std::string_view line, std::int64_t now_ms) {
  if (options_.mode == Grouper::Mode::kOffline) line = AsWritten(line);
  const auto header = ParseHeader(line);
  // Events of ours come from no input but a log that is read again.
  const bool forged =
      header && header->type == record_type::kOwn && options_.mode == Grouper::Mode::kLive;
  if (!header || forged) {
    if (!Trim(line).empty()) ++counters_.not_records;
    return;
  }
  if (options_.mode == Grouper::Mode::kOffline && MayBeJoined(line, header->body_begin) &&
      TakeJoined(line, *header)) {
    return;
  }
  grouper_.Add(*header, line, now_ms);
}

bool Pipeline::TakeJoined(std::string_view line, const RecordHeader& first) {
  std::vector<RecordLine> records;
  for (std::size_t begin = 0; begin < line.size();) {
    const auto header = ParseHeader(line.substr(begin));
    if (!header) break;
    // The blank before an empty body may be the one before the next record.
    const std::size_t next = NextJoined(line, first.stamp, begin + header->body_begin - 1);
    if (begin == 0 && next == line.npos) return false;
    const std::string_view part = line.substr(begin, std::min(next, line.size()) - begin);
    const auto own = ParseHeader(part);
    if (own && own->type != record_type::kEoe) records.push_back(own->At(part));
    begin = next == line.npos ? line.size() : next + 1;
  }
  grouper_.AddWhole(first, records, 1);
  return true;
}

void Pipeline::TakeEvent(RawEvent&& raw) {
  const bool own = raw.Find(record_type::kOwn) != nullptr;  // has roots of its own
  const Candidates* candidates =
      options_.prefilter && !own ? &prefilter_->For(raw, scratch_) : nullptr;
  if (candidates != nullptr && !candidates->may_answer) {
    ++counters_.filtered;
    return;
  }
  Judge(raw, candidates);
}

void Pipeline::Judge(RawEvent& raw, const Candidates* candidates) {
  parser_.Parse(raw, event_);
  const std::string& node = event_.id().node;
  AddNames(event_, policy_->users, node.empty() || node == policy_->host);
  if (IsOwn(event_)) {
    ++counters_.own;
    return;
  }
  ++counters_.judged;
  trace_.Clear();
  const std::uint64_t gave_up = scratch_.limit_hits();
  const MatchContext context{
      policy_->ruleset, scratch_, {policy_->host, options_.location}, candidates};
  const std::optional<Answer> answer =
      Evaluate(context, *windows_, event_, options_.trace ? &trace_ : nullptr);
  const Rule* rule = answer ? &policy_->ruleset.rules[answer->rule] : nullptr;
  take_({event_, rule, answer, trace_, *policy_, context});
  // Whoever pads a command until a pattern gives up is told of by name.
  if (scratch_.limit_hits() != gave_up && !event_.is_own())
    TakeOwn(MakeUnseenEvent(event_.raw(), "texts"));
}

/// An event counts as the plugin's own only when all of it fits: process, user, no login, this
/// host. Anything less would let somebody hide behind the plugin's name.
bool Pipeline::IsOwn(const Event& event) const {
  if (options_.own_pids.empty() || event.First("audit.type") != "SYSCALL") return false;
  const std::string& node = event.id().node;
  if (!node.empty() && node != policy_->host) return false;
  const auto pid = ParseNumber(event.First("audit.pid"));
  const auto uid = ParseNumber(event.First("audit.uid"));
  return pid && uid && *uid == options_.own_uid && event.First("audit.auid") == "4294967295" &&
         std::find(options_.own_pids.begin(), options_.own_pids.end(), *pid) !=
             options_.own_pids.end();
}

}  // namespace tld
