// SPDX-License-Identifier: Apache-2.0
#include "detect/audit_rules.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"

namespace tld {
namespace {

/// `-S execve,open`
bool NamesExec(std::string_view calls) {
  const std::vector<std::string_view> names = SplitWords(calls, ",");
  return std::any_of(names.begin(), names.end(), [](std::string_view name) {
    return name == "execve" || name == "execveat" || name == "all" || name == "59" ||
           name == "322";  // of x86_64
  });
}

AuditRule ReadRule(std::string_view line, Offset at) {
  AuditRule rule;
  rule.at = at;
  bool calls_named = false;
  bool names_exec = false;
  bool exit_list = false;
  bool watch = false;
  std::string_view permissions = "rwxa";
  const std::vector<std::string_view> words = SplitWords(line, " \t\r");
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string_view option = words[i];
    const std::string_view value = Trim(words[i + 1], "\"'");
    if (option == "-a" || option == "-A") {
      rule.records = value == "always,exit" || value == "exit,always";
      exit_list = rule.records;
    } else if (option == "-w") {
      rule.records = watch = true;
    } else if (option == "-p") {
      permissions = value;
    } else if (option == "-S") {
      calls_named = true;
      names_exec |= NamesExec(value);
    } else if (option == "-k") {
      rule.keys.emplace_back(value);
    } else if (option == "-F" && value.starts_with("key=")) {
      rule.keys.emplace_back(value.substr(4));
    } else if (option == "-F" && value.starts_with("perm=")) {
      watch = true;
      permissions = value.substr(5);
    } else if (option == "-F" && (value.starts_with("path=") || value.starts_with("dir="))) {
      watch = true;
    }
  }
  // A watch stands for the calls that its permissions name; a rule without calls for all of them.
  rule.takes_exec = watch && !calls_named ? permissions.find('x') != permissions.npos
                                          : exit_list && (names_exec || !calls_named);
  return rule;
}

}  // namespace

std::vector<AuditRule> ReadAuditRules(const SourceText& source) {
  std::vector<AuditRule> rules;
  const std::string_view text = source.text;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = Trim(text.substr(begin, end - begin));
    if (line.starts_with("-a ") || line.starts_with("-A ") || line.starts_with("-w ")) {
      rules.push_back(ReadRule(line, Offset{begin}));
    }
    begin = end + 1;
  }
  return rules;
}

}  // namespace tld
