// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "deliver/syslog.h"

namespace tld {

inline constexpr int kMostLevel = 16;  ///< of a rule

/// One `key = value` on its way into the configuration.
class Setting {
 public:
  explicit Setting(std::string_view value) : value_(value) {}

  std::string_view value() const { return value_; }
  /// What is wrong with the value; none = it was taken.
  const std::optional<std::string>& problem() const { return problem_; }
  void Fail(std::string why) { problem_ = std::move(why); }

  void Path(std::string& into) {
    if (!value_.starts_with('/')) return Fail("must be a path from the root, '/…'");
    into = value_;
  }
  void Text(std::string& into) {
    if (value_.empty()) return Fail("must not be empty");
    into = value_;
  }
  void YesNo(bool& into) {
    if (value_ != "yes" && value_ != "no") return Fail("must be 'yes' or 'no'");
    into = value_ == "yes";
  }
  template <class Number>
  void Range(Number& into, std::uint64_t least, std::uint64_t most) {
    const auto number = ParseNumber(value_);
    if (!number || *number < least || *number > most) {
      return Fail("must be a number from " + std::to_string(least) + " to " + std::to_string(most));
    }
    into = static_cast<Number>(*number);
  }
  void Mebibytes(std::uint64_t& into) {
    std::uint64_t mib = into >> 20;
    Range(mib, 1, 1u << 20);
    into = mib << 20;
  }
  /// One of these names.
  template <class Value, std::size_t kCount>
  void OneOf(Value& into, const std::pair<std::string_view, Value> (&names)[kCount]) {
    std::string known;
    for (const auto& [name, value] : names) {
      if (name == value_) {
        into = value;
        return;
      }
      known += (known.empty() ? "" : ", ") + std::string(name);
    }
    Fail("must be one of " + known);
  }
  /// Blank-separated.
  void Words(std::vector<std::string>& into) {
    into.clear();
    for (const std::string_view word : SplitWords(value_, " \t")) into.emplace_back(word);
  }
  void Facility(int& into) {
    const int number = FacilityNumber(value_);
    if (number < 0) return Fail("must be a syslog facility such as daemon, authpriv or local0");
    into = number;
  }
  /// Blank-separated paths.
  void Paths(std::vector<std::string>& into) {
    std::vector<std::string> paths;
    for (const std::string_view word : SplitWords(value_, " \t")) {
      if (!word.starts_with('/')) return Fail("must be paths from the root, separated by blanks");
      paths.emplace_back(word);
    }
    if (paths.empty()) return Fail("must not be empty");
    into = std::move(paths);
  }

 private:
  std::string_view value_;
  std::optional<std::string> problem_;
};

}  // namespace tld
