// SPDX-License-Identifier: Apache-2.0
#include "detect/network.h"

#include <gtest/gtest.h>

namespace tld {
namespace {

TEST(Network, ContainsItsAddresses) {
  struct Row {
    const char* network;
    const char* address;
    bool contains;
  };
  const Row table[] = {
      {"10.1.2.3", "10.1.2.3", true},
      {"10.1.2.3", "10.1.2.4", false},
      {"10.0.0.0/8", "10.255.0.1", true},
      {"10.0.0.0/8", "11.0.0.1", false},
      {"10.0.0.0/255.0.0.0", "10.9.9.9", true},
      {"0.0.0.0/0", "1.2.3.4", true},
      {"0.0.0.0/0", "::1", false},
      {"::1", "::1", true},
      {"fe80::/10", "fe80::1", true},
      {"fe80::/10", "fec0::1", false},
      {"any", "1.2.3.4", true},
      {"any", "::1", true},
      {"any", "host", false},
      {"!10.0.0.0/8", "11.0.0.1", true},
      {"!10.0.0.0/8", "10.0.0.1", false},
      {"!any", "10.0.0.1", false},
      {" 10.1.2.3 ", "10.1.2.3", true},
      {"10.1.2.3", "", false},
  };
  for (const Row& row : table) {
    const Result<Network> network = Network::Parse(row.network);
    ASSERT_TRUE(network) << row.network;
    EXPECT_EQ(network->Contains(row.address), row.contains) << row.network << ' ' << row.address;
  }
}

TEST(Network, RefusesWhatIsNone) {
  for (const char* bad : {"", "!", "host", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "::1/129",
                          "10.0.0.0/255.0.255.0", "::/255.0.0.0"}) {
    EXPECT_FALSE(Network::Parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace tld
