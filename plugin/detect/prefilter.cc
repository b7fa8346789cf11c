// SPDX-License-Identifier: Apache-2.0
#include "detect/prefilter.h"

#include <utility>
#include <variant>

#include "base/text.h"

namespace tld {
namespace {

/// True unless the condition is known to fail on an event with these types and keys.
bool MayHold(const Condition& condition, const MatchContext& context, const Event& known) {
  if (std::holds_alternative<NeverCondition>(condition)) return false;
  const FieldName* field = FieldOf(condition);
  const bool decided =
      field != nullptr && (field->text() == "audit.type" || field->text() == "audit.record_type" ||
                           field->text() == "audit.key");
  return !decided || Holds(condition, context, known);
}

}  // namespace

bool Prefilter::MayAnswer(const RawEvent& event, MatchScratch& scratch) {
  const std::vector<std::string> keys = event.Keys();
  const std::string& type = event.MainRecord().type_name;
  std::string memo = type;
  for (const std::string_view name : event.TypeNames()) (memo += ' ') += name;
  for (const std::string& key : keys) (memo += '\0') += key;
  if (const auto found = cache_.find(memo); found != cache_.end()) return found->second;
  Event known{RawEvent{}};
  known.Add("audit.type", type);
  for (const std::string_view name : event.TypeNames()) known.Add("audit.record_type", name);
  for (const std::string& key : keys) known.Add("audit.key", key);
  known.Seal();
  const bool may = Walk(known, scratch);
  if (memo.size() > kMemoBytes) return may;
  if (cache_.size() >= kCacheEntries) cache_.clear();
  return cache_[std::move(memo)] = may;
}

bool Prefilter::Walk(const Event& known, MatchScratch& scratch) const {
  const MatchContext context{ruleset_, scratch, {}};
  std::vector<bool> seen(ruleset_.rules.size());
  std::vector<std::size_t> todo = ruleset_.roots;
  while (!todo.empty()) {
    const std::size_t index = todo.back();
    todo.pop_back();
    if (seen[index]) continue;
    seen[index] = true;
    const Rule& rule = ruleset_.rules[index];
    bool may = true;
    for (const Condition& condition : rule.conditions)
      may = may && MayHold(condition, context, known);
    if (!may) continue;
    if (rule.level > 0 && !rule.gate) return true;
    todo.insert(todo.end(), rule.children.begin(), rule.children.end());
  }
  return false;
}

}  // namespace tld
