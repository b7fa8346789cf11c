// SPDX-License-Identifier: Apache-2.0
// The evaluator of naive.h.
#include "tests/detect/naive.h"

#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "detect/calendar.h"
#include "detect/list.h"
#include "detect/network.h"
#include "detect/pattern.h"
#include "detect/rule_file.h"

namespace tld::naive {
namespace {

bool Matches(const PatternDefinition& pattern, std::string_view subject) {
  if (pattern.kind == PatternKind::kOsMatch) {
    return MatchesOsMatch(pattern.pattern.text, subject);
  }
  if (pattern.kind == PatternKind::kOsRegex) {
    return MatchesOsRegex(pattern.pattern.text, subject).value_or(false);
  }
  MatchScratch scratch;
  const auto compiled = Pattern::Compile(pattern.kind, pattern.pattern.text);
  return compiled && compiled->Matches(subject, scratch);
}

std::vector<std::string> Values(const Event& event, const std::string& name) {
  std::vector<std::string> values;
  event.Any(FieldName(name), [&](std::string_view value) {
    values.emplace_back(value);
    return false;
  });
  return values;
}

std::string Links(const RuleDefinition& d) {
  std::string text;
  for (const auto* links : {&d.if_sid, &d.if_group, &d.if_level}) {
    for (const Placed& link : *links) text += std::string(Trim(link.text)) + '\n';
  }
  return text;
}

bool IsComposite(const RuleDefinition& d) {
  return d.if_matched_sid || d.if_matched_group || d.if_matched_regex;
}

bool IsGate(const RuleDefinition& d) { return d.noalert; }

}  // namespace

Evaluator::Evaluator(const SourceText& rules, Lists lists, std::string host, std::string location)
    : lists_(std::move(lists)), host_(std::move(host)), location_(std::move(location)) {
  Diagnostics ignored;
  for (RuleDefinition& rule : ReadDefinitions(rules, ignored)) {
    if (!rule.faulty) Load(std::move(rule));
  }
  const auto order = [](std::vector<Node*>& siblings) {
    std::stable_sort(siblings.begin(), siblings.end(),
                     [](const Node* a, const Node* b) { return a->rank < b->rank; });
  };
  order(roots_);
  for (Node& node : nodes_) order(node.children);
}

Evaluator::Node* Evaluator::Find(const std::string& id) {
  for (Node& node : nodes_) {
    if (node.rule.id == id) return &node;
  }
  return nullptr;
}

void Evaluator::Load(RuleDefinition rule) {
  Node* known = Find(rule.id);
  const auto matched = [&](Node& node) {
    node.matched_sid.reset();
    node.matched_group.reset();
    if (rule.if_matched_sid) node.matched_sid = rule.if_matched_sid->text;
    if (rule.if_matched_group) node.matched_group = Trim(rule.if_matched_group->text);
  };
  if (known != nullptr) {
    if (!rule.overwrite) return;
    const bool named_its_own = IsComposite(rule);
    rule.if_matched_sid = known->rule.if_matched_sid;
    rule.if_matched_group = known->rule.if_matched_group;
    rule.if_matched_regex = known->rule.if_matched_regex;
    if (!named_its_own && !IsComposite(rule) && rule.composite_only) return;
    known->rule = std::move(rule);
    return;
  }
  Node node;
  node.rank = rule.last_of_siblings ? 100 : rule.level == 0 ? -1 : 16 - rule.level;
  node.links = Links(rule);
  matched(node);
  node.rule = std::move(rule);
  std::vector<Node*> parents;
  if (!Link(node, parents)) return;
  nodes_.push_back(std::move(node));
  Node* own = &nodes_.back();
  for (Node* parent : parents) parent->children.push_back(own);
  if (parents.empty()) roots_.push_back(own);
}

bool Evaluator::Link(Node& node, std::vector<Node*>& parents) {
  const RuleDefinition& d = node.rule;
  std::set<Node*> found;
  for (const Placed& link : d.if_sid) {
    for (const std::string_view id : SplitWords(link.text, ", \n")) {
      if (Node* parent = Find(std::string(id))) found.insert(parent);
    }
  }
  for (Node& other : nodes_) {
    for (const Placed& link : d.if_group) {
      if (MatchesOsMatch(Trim(link.text), other.rule.groups)) found.insert(&other);
    }
    for (const Placed& link : d.if_level) {
      const int level = std::atoi(std::string(Trim(link.text)).c_str());
      if (other.rule.level > 0 && other.rule.level >= level) found.insert(&other);
    }
  }
  if (node.matched_sid && Find(*node.matched_sid) == nullptr) return false;
  for (Node& other : nodes_) {
    if (found.contains(&other)) parents.push_back(&other);
  }
  return node.links.empty() || !parents.empty();
}

Result Evaluator::Evaluate(const Event& event) {
  Result result;
  barren_.clear();
  std::vector<Node*> path = Walk(roots_, 0, event, result);
  if (!path.empty()) Conclude(std::move(path), event, result);
  return result;
}

/// The rules from here down to the answer; none when there is no answer among these siblings.
std::vector<Evaluator::Node*> Evaluator::Walk(const std::vector<Node*>& siblings, std::size_t depth,
                                              const Event& event, Result& result) {
  for (Node* node : siblings) {
    result.steps.push_back({node->rule.id, depth, Judge(*node, event)});
    if (result.steps.back().how != "held") continue;
    const std::size_t step = result.steps.size() - 1;
    std::vector<Node*> below = Walk(node->children, depth + 1, event, result);
    if (below.empty() && IsGate(node->rule)) {
      // Walked again like the first time, and told in a word.
      if (!barren_.insert(node).second) {
        result.steps.resize(step + 1);
        result.steps.back().how = "barren";
      }
      continue;
    }
    below.insert(below.begin(), node);
    return below;
  }
  return {};
}

std::string Evaluator::Judge(Node& node, const Event& event) {
  const RuleDefinition& d = node.rule;
  if (event.full_log().size() < d.maxsize) return "too short";
  if (!Condition(d, event)) return "condition";
  if (!IsComposite(d)) return "held";
  if (d.level == 0) return "silent";
  return Counted(node, event).size() + 1 < d.frequency ? "too few" : "held";
}

bool Evaluator::Condition(const RuleDefinition& d, const Event& event) const {
  if (!d.never.empty() || d.other_decoder) return false;
  for (const FieldDefinition& field : d.fields) {
    const auto values = Values(event, field.name);
    if (values.empty()) return false;
    bool any = false;
    for (const std::string& value : values) any |= Matches(field.pattern, value);
    if (any == field.pattern.negate) return false;
  }
  for (const ListDefinition& list : d.lists) {
    if (!LookUp(list, event)) return false;
  }
  if (!d.source_addresses.empty()) {
    const auto values = Values(event, "srcip");
    bool any = false;
    for (const Placed& address : d.source_addresses) {
      for (const std::string& value : values) any |= Network::Parse(address.text)->Contains(value);
    }
    if (values.empty() || any == d.source_negate) return false;
  }
  if (d.time && !DayTime::Parse(d.time->text)->Holds(event.id().seconds)) return false;
  if (d.weekday && !WeekDays::Parse(d.weekday->text)->Holds(event.id().seconds)) return false;
  const std::string host = event.id().node.empty() ? host_ : event.id().node;
  if (d.hostname && (host.empty() || Matches(*d.hostname, host) == d.hostname->negate))
    return false;
  if (d.location && (location_.empty() || Matches(*d.location, location_) == d.location->negate)) {
    return false;
  }
  if (d.match && Matches(*d.match, event.full_log()) == d.match->negate) return false;
  return !d.regex || Matches(*d.regex, event.full_log()) != d.regex->negate;
}

bool Evaluator::LookUp(const ListDefinition& list, const Event& event) const {
  const auto& entries = lists_.at(*ListName(list.path.text));
  const auto values = Values(event, list.field);
  const auto by_address = [&](const std::string& value) {
    for (std::size_t length = value.size(); length > 0; --length) {
      if (length < value.size() && value[length - 1] != '.') continue;
      const auto found = entries.find(value.substr(0, length));
      if (found != entries.end()) return found;
    }
    return entries.end();
  };
  const bool address = list.lookup == ListLookup::kAddressMatchKey ||
                       list.lookup == ListLookup::kNotAddressMatchKey ||
                       list.lookup == ListLookup::kAddressMatchKeyValue;
  const bool with_value =
      list.lookup == ListLookup::kMatchKeyValue || list.lookup == ListLookup::kAddressMatchKeyValue;
  const bool negated =
      list.lookup == ListLookup::kNotMatchKey || list.lookup == ListLookup::kNotAddressMatchKey;
  bool any = false;
  for (const std::string& value : values) {
    const auto found = address ? by_address(value) : entries.find(value);
    any |= found != entries.end() &&
           (!with_value || MatchesOsMatch(list.check_value->text, found->second));
  }
  return !values.empty() && any != negated;
}

/// Places in the history, newest first.
std::vector<std::size_t> Evaluator::Counted(const Node& node, const Event& event) const {
  const RuleDefinition& d = node.rule;
  std::vector<std::size_t> counted;
  for (std::size_t i = history_.size(); i-- > 0;) {
    const Past& past = history_[i];
    bool counts =
        past.answer->rule.level > 0 && !node.used.contains(i) && !past.fired.contains(&node);
    counts &= !node.matched_sid || past.answer->rule.id == *node.matched_sid;
    counts &= !node.matched_group || MatchesOsMatch(*node.matched_group, past.answer->rule.groups);
    counts &= !d.if_matched_regex || *MatchesOsRegex(d.if_matched_regex->text, past.log);
    counts &= std::abs(event.id().TimeMs() - past.ms) <= std::int64_t{1000} * d.timeframe;
    counts &= d.global_frequency || past.node == event.id().node;
    for (const ComparisonDefinition& c : d.comparisons) {
      bool common = true;
      if (c.part == Comparison::Part::kHost) {
        common = past.node == event.id().node;
      } else if (c.part == Comparison::Part::kField) {
        common = false;
        const auto before = past.fields.find(c.field);
        for (const std::string& value : Values(event, c.field)) {
          common |= std::find(before->second.begin(), before->second.end(), value) !=
                    before->second.end();
        }
      }
      counts &= common != c.differ;
    }
    if (counts) counted.push_back(i);
  }
  return counted;
}

void Evaluator::Conclude(std::vector<Node*> path, const Event& event, Result& result) {
  const std::int64_t ms = event.id().TimeMs();
  std::set<const Node*> fired;
  for (Node* node : path) {
    if (!IsComposite(node->rule)) continue;
    const auto counted = Counted(*node, event);
    result.previous.clear();
    for (std::size_t i = 0; counted.size() > 1 && i < std::min<std::size_t>(counted.size(), 10);
         ++i) {
      result.previous.push_back(history_[counted[i]].log);
    }
    node->used.insert(counted.begin(), counted.end());
    fired.insert(node);
  }
  Node* answer = path.back();
  if (answer->rule.ignore > 0 && answer->rule.level > 0 && !answer->rule.no_log) {
    if (answer->alert_ms &&
        std::abs(*answer->alert_ms - ms) < std::int64_t{1000} * answer->rule.ignore) {
      result.previous.clear();
      if (path.size() < 2) return;
      answer = path[path.size() - 2];
      if (answer->rule.level == 0 || IsGate(answer->rule)) return;
    } else {
      answer->alert_ms = ms;
    }
  }
  result.rule = answer->rule.id;
  result.fired_times = ++answer->fired[event.id().seconds / 3600];
  Past past{answer, ms, event.id().node, {}, event.full_log(), std::move(fired)};
  for (const Node& node : nodes_) {
    for (const ComparisonDefinition& c : node.rule.comparisons) {
      past.fields[c.field] = Values(event, c.field);
    }
  }
  history_.push_back(std::move(past));
}

}  // namespace tld::naive
