// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <string>

#include "tests/support.h"

namespace tld::testing_support {

/// The administrator's tool as people run it.
struct Ran {
  std::string out;  ///< stdout and stderr
  int status = -1;
};

class TldctlTest : public testing::Test {
 protected:
  /// Runs `tldctl COMMAND` on the rules and lists that the test has written; `input` is its stdin.
  Ran Run(const std::string& command, const std::string& input = "") const {
    return RunAsItIs(command + " --rules " + (directory_ / "rules") + " --lists " +
                         (directory_ / "lists") + " --conf " + (directory_ / "none.conf"),
                     input);
  }
  /// Runs `tldctl COMMAND` and adds nothing.
  Ran RunAsItIs(const std::string& command, const std::string& input = "") const {
    const std::string line =
        BuildDirectory() + "/tldctl " + command + " <" + directory_.Write("stdin", input) + " 2>&1";
    Ran ran;
    FILE* pipe = popen(line.c_str(), "r");
    if (pipe == nullptr) return ran;
    char buffer[4096];
    while (const std::size_t n = fread(buffer, 1, sizeof buffer, pipe)) ran.out.append(buffer, n);
    ran.status = WEXITSTATUS(pclose(pipe));
    return ran;
  }

  void SetUp() override {
    directory_.Write("none.conf", "");
    directory_.Write("lists/l", "nc:red\n");
  }
  void Rules(const std::string& text) const { directory_.Write("rules/r.xml", text); }

  TemporaryDirectory directory_;
};

}  // namespace tld::testing_support
