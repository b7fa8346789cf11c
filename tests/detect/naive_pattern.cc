// SPDX-License-Identifier: Apache-2.0
// The pattern languages of naive.h.
#include "tests/detect/naive.h"

namespace tld::naive {
namespace {

std::string Lower(std::string_view text) {
  std::string lower;
  for (const char c : text) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return lower;
}

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts{""};
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

/// One thing of an osregex that takes bytes.
struct Atom {
  char kind = 'l';  // l: a literal; else the letter of its class
  char literal = 0;
  char repeat = '1';  // 1, + or *

  bool Takes(char c) const {
    const bool digit = c >= '0' && c <= '9';
    const bool word = digit || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                      c == '-' || c == '@';
    switch (kind) {
      case 'd':
        return digit;
      case 'D':
        return !digit;
      case 'w':
        return word;
      case 'W':
        return !word;
      case 's':
        return c == ' ';
      case 'S':
        return c != ' ';
      case 't':
        return c == '\t';
      case 'p':
        return c != 0 &&
               std::string_view("!\"#$%&'()*+,-.:;<=>?[]{|}").find(c) != std::string_view::npos;
      case '.':
        return true;
      default:
        return Lower(std::string(1, c)) == Lower(std::string(1, literal));
    }
  }
};

struct Part {
  std::vector<Atom> atoms;
  bool at_start = false;
  bool at_end = false;
};

bool MatchesHere(const Part& part, std::size_t atom, std::string_view subject, std::size_t at) {
  if (atom == part.atoms.size()) return !part.at_end || at == subject.size();
  const Atom& a = part.atoms[atom];
  if (a.repeat == '*' && MatchesHere(part, atom + 1, subject, at)) return true;
  while (at < subject.size() && a.Takes(subject[at])) {
    ++at;
    if (MatchesHere(part, atom + 1, subject, at)) return true;
    if (a.repeat == '1') return false;
  }
  return false;
}

std::optional<Part> ReadPart(std::string_view text) {
  Part part;
  if (text == "^" || text == "$") return part;
  std::size_t at = 0;
  if (text.starts_with('^')) part.at_start = true, at = 1;
  bool group = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '(' || c == ')') {
      if (group == (c == '(')) return {};
      group = c == '(';
    } else if (c == '$' && at + 1 == text.size()) {
      part.at_end = true;
    } else if (c != '\\') {
      part.atoms.push_back({'l', c, '1'});
    } else {
      if (++at == text.size()) return {};
      const char letter = text[at];
      const std::string_view classes = "dDwWsStp.";
      if (classes.find(letter) != classes.npos) {
        part.atoms.push_back({letter, 0, '1'});
        const char next = at + 1 < text.size() ? text[at + 1] : 0;
        if (next == '+' || next == '*') part.atoms.back().repeat = next, ++at;
      } else if (std::string_view("()\\$|<").find(letter) != std::string_view::npos) {
        part.atoms.push_back({'l', letter, '1'});
      } else {
        return {};
      }
    }
  }
  if (group) return {};
  return part;
}

}  // namespace

bool MatchesOsMatch(std::string_view pattern, std::string_view subject) {
  const bool negated = pattern.starts_with('!');
  if (negated) pattern.remove_prefix(1);
  const std::string text = Lower(subject);
  bool any = false;
  for (std::string part : Split(Lower(pattern), '|')) {
    const bool start = part.starts_with('^');
    if (start) part.erase(0, 1);
    const bool end = part.ends_with('$');
    if (end) part.pop_back();
    any |= start && end ? text == part
           : start      ? text.starts_with(part)
           : end        ? text.ends_with(part)
                        : text.find(part) != text.npos;
  }
  return any != negated;
}

std::optional<bool> MatchesOsRegex(std::string_view pattern, std::string_view subject) {
  // At a bar that no backslash stands before; one in a group leaves the group open.
  std::vector<std::string> texts{""};
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '|') {
      texts.emplace_back();
      continue;
    }
    texts.back() += pattern[i];
    if (pattern[i] == '\\' && i + 1 < pattern.size()) texts.back() += pattern[++i];
  }
  bool any = false;
  for (const std::string& text : texts) {
    const auto part = ReadPart(text);
    if (!part) return {};
    for (std::size_t at = 0; at <= subject.size() && !any; ++at) {
      if (part->at_start && at > 0) break;
      any = MatchesHere(*part, 0, subject, at);
    }
  }
  return any;
}

}  // namespace tld::naive
