// SPDX-License-Identifier: Apache-2.0
#include "detect/prefilter.h"

#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/text.h"
#include "detect/share_literals.h"

namespace tld {
namespace {

/// Finds the candidates for events with certain types and keys.
class Selection {
 public:
  Selection(const MatchContext& context, const Event& known)
      : context_(context), known_(known), judged_(context.ruleset.rules.size()) {}

  Candidates Run() {
    found_.roots = Select(context_.ruleset.roots);
    while (!todo_.empty()) {
      const std::size_t rule = todo_.back();
      todo_.pop_back();
      const Siblings& children = context_.ruleset.rules[rule].children;
      Siblings selected = Select(children);
      if (selected.rules.size() == children.rules.size()) continue;
      found_.children[rule] = std::move(selected);
    }
    return std::move(found_);
  }

 private:
  enum class Judged : char { kNot, kMayHold, kFails };

  Siblings Select(const Siblings& siblings) {
    Siblings selected;
    for (const std::size_t rule : siblings.rules) {
      if (MayHold(rule)) selected.rules.push_back(rule);
    }
    FillNeeds(selected, context_.ruleset.needs);
    return selected;
  }

  /// A rule may stand at many places; it is judged, and its children are looked at, once.
  bool MayHold(std::size_t index) {
    const Rule& rule = context_.ruleset.rules[index];
    if (judged_[index] == Judged::kNot) {
      bool may = true;
      for (const Condition& condition : rule.conditions) may = may && MayHold(condition);
      judged_[index] = may ? Judged::kMayHold : Judged::kFails;
      if (may) {
        found_.may_answer |= rule.level > 0 && !rule.gate;
        todo_.push_back(index);
      }
    }
    return judged_[index] == Judged::kMayHold;
  }

  bool MayHold(const Condition& condition) const {
    if (std::holds_alternative<NeverCondition>(condition)) return false;
    const FieldName* field = FieldOf(condition);
    const bool decided =
        field != nullptr && (field->text() == "audit.type" ||
                             field->text() == "audit.record_type" || field->text() == "audit.key");
    return !decided || Holds(condition, context_, known_);
  }

  const MatchContext& context_;
  const Event& known_;
  Candidates found_;
  std::vector<Judged> judged_;     // by rule
  std::vector<std::size_t> todo_;  // rules that may hold, whose children are to be looked at
};

}  // namespace

/// One after the other of the same type is as good as one.
template <class Records, class NameOf>
void Prefilter::NameTypes(std::string_view main_type, const Records& records, NameOf&& name_of) {
  kind_ = main_type;
  std::string_view before;
  for (const auto& record : records) {
    const std::string_view name = name_of(record);
    if (name != before) (kind_ += ' ') += name;
    before = name;
  }
}

void Prefilter::AddKeys(std::string_view body) { (kind_ += '\0') += KeyText(body); }

bool Prefilter::IsKnownSilent(const WholeEvent& event) {
  NameTypes(event.header.type_name, event.records,
            [](const RecordLine& record) { return record.type_name; });
  AddKeys(event.body);
  const auto found = kinds_.find(kind_);
  return found != kinds_.end() && !found->second.may_answer;
}

const Candidates& Prefilter::For(const RawEvent& event, MatchScratch& scratch) {
  const std::string_view type = event.TypeName(event.MainRecord());
  NameTypes(type, event.records, [&](const RawRecord& record) { return event.TypeName(record); });
  for (const int keyed : {record_type::kSyscall, record_type::kConfigChange}) {
    const RawRecord* record = event.Find(keyed);
    if (record != nullptr) AddKeys(event.Body(*record));
  }
  if (const auto found = kinds_.find(kind_); found != kinds_.end()) return found->second;
  Event known;
  known.Add("audit.type", type);
  for (const std::string_view of : event.TypeNames()) known.Add("audit.record_type", of);
  event.ForEachKey([&](std::string_view key) { known.Add("audit.key", key); });
  const MatchContext context{ruleset_, scratch, {}, nullptr};
  scratch.Begin();
  Selection selection(context, known);
  if (kind_.size() > kMostNameBytes) return other_ = selection.Run();
  if (kinds_.size() >= kMostKinds) kinds_.clear();
  return kinds_[kind_] = selection.Run();
}

}  // namespace tld
