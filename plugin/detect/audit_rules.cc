// SPDX-License-Identifier: Apache-2.0
#include "detect/audit_rules.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"

namespace tld {
namespace {

/// `-S execve,open`
void NoteCalls(AuditRule& rule, std::string_view calls) {
  for (const std::string_view name : SplitWords(calls, ",")) {
    const bool all = name == "all";
    rule.execve |= all || name == "execve" || name == "59";  // of x86_64
    rule.execveat |= all || name == "execveat" || name == "322";
  }
}

/// Without one of these records a command is not known as one.
bool ExcludesExec(std::string_view types) {
  const std::vector<std::string_view> names = SplitWords(types, ",");
  return std::any_of(names.begin(), names.end(), [](std::string_view name) {
    return name == "SYSCALL" || name == "EXECVE" || name == "EOE" || name == "1300" ||
           name == "1309";
  });
}

/// A `-F` condition besides those that are looked at.
bool Narrows(std::string_view condition) {
  return !condition.starts_with("arch") && !condition.starts_with("key") &&
         !condition.starts_with("perm");
}

AuditRule ReadRule(std::string_view line, Offset at) {
  AuditRule rule;
  rule.at = at;
  bool calls_named = false;
  bool exit_list = false;
  bool watch = false;
  bool excludes = false;
  std::string_view permissions = "rwxa";
  const std::vector<std::string_view> words = SplitWords(line, " \t\r");
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string_view option = words[i];
    const std::string_view value = Trim(words[i + 1], "\"'");
    if (option == "-a" || option == "-A") {
      rule.records = value == "always,exit" || value == "exit,always";
      exit_list = rule.records || value == "never,exit" || value == "exit,never";
      rule.silences_tasks = value == "never,task" || value == "task,never";
      excludes = value == "always,exclude" || value == "exclude,always" ||
                 value == "never,exclude" || value == "exclude,never";
    } else if (option == "-w") {
      rule.records = watch = true;
    } else if (option == "-p") {
      permissions = value;
    } else if (option == "-S") {
      calls_named = true;
      NoteCalls(rule, value);
    } else if (option == "-k") {
      rule.keys.emplace_back(value);
    } else if (option == "-F" && value.starts_with("key=")) {
      rule.keys.emplace_back(value.substr(4));
    } else if (option == "-F" && value.starts_with("perm=")) {
      watch = true;
      permissions = value.substr(5);
    } else if (option == "-F" && (value.starts_with("path=") || value.starts_with("dir="))) {
      watch = true;
    } else if (option == "-F" && value.starts_with("arch=")) {
      rule.abi = value.substr(5);
    } else if (option == "-F" && value.starts_with("msgtype=") && excludes) {
      rule.excludes_exec = ExcludesExec(value.substr(8));
    }
    if (option == "-F" || option == "-C") rule.narrow |= Narrows(value);
  }
  if (rule.abi == "x86_64" || rule.abi == "aarch64") rule.abi = "b64";
  if (rule.abi == "i386" || rule.abi == "i686" || rule.abi == "arm") rule.abi = "b32";
  // A watch stands for the calls that its permissions name; a rule without calls for all of them.
  const bool watched = watch && !calls_named && permissions.find('x') != permissions.npos;
  const bool unnamed = !watch && !calls_named && exit_list;
  rule.execve = (exit_list && rule.execve) || watched || unnamed;
  rule.execveat = (exit_list && rule.execveat) || watched || unnamed;
  rule.takes_exec = rule.execve || rule.execveat;
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
