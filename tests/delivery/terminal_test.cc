// SPDX-License-Identifier: Apache-2.0
// What tldctl does on a terminal: not among the unit tests, since a package is built where there is
// none.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>

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
  // Somebody else needs a program and files that are not below root's.
  std::filesystem::copy_file(testing_support::BuildDirectory() + "/tldctl", directory / "tldctl");
  const auto shown = [&](const std::string& as) {
    // script(1) is the terminal.
    const std::string command = "chmod -R a+rwX " + directory.path() + "; " + as +
                                " env TZ=UTC TERM=xterm PAGER='sed s/^/paged:/' script -qec '" +
                                (directory / "tldctl") + " hunt --conf " +
                                (directory / "tld.conf") + "' /dev/null </dev/null 2>&1";
    FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return std::string();
    std::string out(4096, '\0');
    out.resize(fread(out.data(), 1, out.size(), pipe));
    pclose(pipe);
    return out;
  };
  const std::string line = "\033[31m2023-11-14T22:13:21.000+0000 100212 level=12";
  const std::string of_user = shown("setpriv --reuid=65534 --regid=65534 --clear-groups");
  EXPECT_NE(of_user.find("paged:" + line), of_user.npos) << of_user;
  // A pager of the user's choice would be a shell for who may run tldctl as root and nothing else.
  const std::string of_root = shown("");
  EXPECT_NE(of_root.find(line), of_root.npos) << of_root;
  EXPECT_EQ(of_root.find("paged:"), of_root.npos) << of_root;
}

}  // namespace
}  // namespace tld
