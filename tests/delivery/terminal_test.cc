// SPDX-License-Identifier: Apache-2.0
// What tldctl does on a terminal: not among the unit tests, since a package is built where there is
// none.
#include <gtest/gtest.h>

#include <cstdio>

#include "alert/format.h"
#include "deliver/store.h"
#include "tests/support.h"

namespace tld {
namespace {

TEST(Terminal, HuntGetsAPagerAndColours) {
  testing_support::TemporaryDirectory directory;
  Rule rule;
  rule.id = "100212";
  rule.level = 12;
  Alert alert;
  alert.rule = &rule;
  alert.description = "x";
  alert.seq = 1;
  alert.time_us = std::int64_t{1'700'000'001} * 1'000'000;
  {
    Store store({directory / "alerts.db"});
    store.Add(alert, {}, FormatJson(alert, {}, kFileLimit), 0);
  }
  directory.Write("tld.conf", "[store]\npath = " + (directory / "alerts.db") + "\n");
  // script(1) is the terminal.
  const std::string command = "TZ=UTC PAGER='sed s/^/paged:/' script -qec '" +
                              testing_support::BuildDirectory() + "/tldctl hunt --conf " +
                              (directory / "tld.conf") + "' /dev/null </dev/null 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  char buffer[4096];
  const std::string shown(buffer, fread(buffer, 1, sizeof buffer, pipe));
  pclose(pipe);
  EXPECT_NE(shown.find("paged:\033[31m2023-11-14T22:13:21.000+0000 100212 level=12"), shown.npos)
      << shown;
}

}  // namespace
}  // namespace tld
