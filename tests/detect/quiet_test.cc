// SPDX-License-Identifier: Apache-2.0
// The shipped rules on a day of ordinary administration, as tests/live/record-ordinary-work records
// it.
#include <gtest/gtest.h>

#include <map>

#include "program/pipeline.h"
#include "tests/support.h"

namespace tld {
namespace {

TEST(Quiet, NoAlertOfLevelSevenOnOrdinaryWork) {
  Pipeline::Options options;
  options.location = "test";
  std::size_t commands = 0;
  std::map<std::string, std::size_t> alerts;
  Pipeline pipeline(options, testing_support::TestPolicy::Shipped(),
                    [&](const Pipeline::Outcome& outcome) {
                      const std::string_view login = outcome.event.First("audit.auid");
                      if (!outcome.event.arguments().empty() && login == "1000") ++commands;
                      if (outcome.IsAlert() && outcome.rule->level >= 7) {
                        ++alerts[outcome.rule->id + ' ' + outcome.ToAlert().description];
                      }
                    });
  pipeline.Feed(testing_support::Slurp(testing_support::DataPath("ordinary.log.gz")), 0);
  pipeline.Finish(0);
  EXPECT_GE(commands, 20'000u);
  for (const auto& [alert, count] : alerts) ADD_FAILURE() << count << " times " << alert;
}

}  // namespace
}  // namespace tld
