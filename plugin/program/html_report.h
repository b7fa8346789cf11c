// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "program/hunt_report.h"

namespace tld {

/// What a search found as one file for a browser, with nothing outside it: a page that is made at
/// build time (cockpit/report.html), and the data in a block that no browser runs. What alerts hold
/// cannot end that block, and the page shows it as text only.
class HtmlReport {
 public:
  /// What the search was, for the page's head.
  struct About {
    std::string query;
    std::string since;  ///< as it was asked for; may be empty
    std::string until;
    std::string source;  ///< the store, or files
  };

  /// Of all alerts the counts are shown, of the newest so many all else; 0 is all.
  HtmlReport(About about, std::size_t most);

  /// In the order of time. REQUIRES: it has its document.
  void Add(const Found& found);

  std::string Page(std::int64_t now_us) const;

 private:
  std::string Data(std::int64_t now_us) const;
  void AppendHistogram(std::string& out) const;

  About about_;
  std::size_t most_;
  std::vector<TopValues> tops_;
  std::vector<std::pair<std::int64_t, int>> times_;  // and level, of each alert
  std::deque<std::string> documents_;                // the newest last
  std::uint64_t total_ = 0;
  std::uint64_t high_ = 0;  // of level 12 and more
};

/// The page before its data and after it; made by cockpit/embed.
extern const std::string_view kReportHead;
extern const std::string_view kReportTail;

}  // namespace tld
