// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "audit/event.h"
#include "base/diagnostics.h"
#include "detect/definition.h"

/// The rule language once more, as literally and as slowly as it reads in tld-audisp-rules(5): no
/// compiled pattern is kept, nothing is indexed, the whole history is walked. What the engine is
/// compared with; only for tests.
namespace tld::naive {

bool MatchesOsMatch(std::string_view pattern, std::string_view subject);

/// Nothing for what is no osregex.
std::optional<bool> MatchesOsRegex(std::string_view pattern, std::string_view subject);

/// One rule that was tried. `how` is "held", "condition", "too few", "too short", "silent" or
/// "barren".
struct Step {
  std::string rule;
  std::size_t depth = 0;
  std::string how;

  bool operator==(const Step&) const = default;
};

struct Result {
  std::string rule = "-";  ///< id of the answer
  std::uint64_t fired_times = 0;
  std::vector<std::string> previous;
  std::vector<Step> steps;
};

class Evaluator {
 public:
  using Lists = std::map<std::string, std::map<std::string, std::string>>;

  Evaluator(const SourceText& rules, Lists lists, std::string host, std::string location);

  Result Evaluate(const Event& event);

 private:
  struct Node {
    RuleDefinition rule;
    double rank = 0;
    std::string links;
    std::vector<Node*> children;
    std::optional<std::string> matched_sid;
    std::optional<std::string> matched_group;
    std::map<std::int64_t, std::uint64_t> fired;  // by hour
    std::optional<std::int64_t> alert_ms;
    std::set<std::size_t> used;  // places in the history
  };
  struct Past {
    const Node* answer;
    std::int64_t ms;
    std::string node;
    std::map<std::string, std::vector<std::string>> fields;
    std::string log;
    std::set<const Node*> fired;
  };

  void Load(RuleDefinition rule);
  Node* Find(const std::string& id);
  bool Link(Node& node, std::vector<Node*>& parents);
  std::vector<Node*> Walk(const std::vector<Node*>& siblings, std::size_t depth, const Event& event,
                          Result& result);
  std::string Judge(Node& node, const Event& event);
  bool Condition(const RuleDefinition& rule, const Event& event) const;
  bool LookUp(const ListDefinition& list, const Event& event) const;
  std::vector<std::size_t> Counted(const Node& node, const Event& event) const;
  void Conclude(std::vector<Node*> path, const Event& event, Result& result);

  std::deque<Node> nodes_;  // in load order
  std::vector<Node*> roots_;
  std::vector<Past> history_;
  std::set<const Node*> barren_;  // gates of this event that no answer was below
  Lists lists_;
  std::string host_;
  std::string location_;
};

}  // namespace tld::naive
