// SPDX-License-Identifier: Apache-2.0
#include "program/config.h"

#include <gtest/gtest.h>

#include "tests/support.h"

namespace tld {
namespace {

using testing_support::Codes;
using Strings = std::vector<std::string>;

Config Read(const std::string& text, Diagnostics& diagnostics) {
  Config config;
  ReadConfigText({"t.conf", text}, config, diagnostics);
  return config;
}

TEST(Config, TakesEverySetting) {
  Diagnostics diagnostics;
  const Config config = Read(
      "# comment\n[plugin]\nuser = root\nqueue = 8\nrun_directory = /r\nstate_directory = /s\n"
      "host = h\nagent_id = 007\n[rules]\npaths = /a /b\n[lists]\ndirectories = /c\ncompiled = /d\n"
      "catalogue = no\n[syslog]\nlevel = 7\nformat = json\nfacility = local0\nsocket = /e\n"
      "rate_burst = 0\nrate_interval = 5\nrepeat_burst = 7\nrepeat_interval = 8\n[file]\npath = "
      "/f\nlevel = 4\n"
      "[store]\nenabled = no\npath = /g\nlevel = 6\ndays = 3\nsize = 5\nmost = 7\n",
      diagnostics);
  EXPECT_EQ(Codes(diagnostics), Strings{});
  EXPECT_EQ(config.user, "root");
  EXPECT_EQ(config.queue_bytes, std::size_t{8} << 20);
  EXPECT_EQ(config.run_directory, "/r");
  EXPECT_EQ(config.state_directory, "/s");
  EXPECT_EQ(config.host, "h");
  EXPECT_EQ(config.agent_id, "007");
  EXPECT_EQ(config.rule_paths, (Strings{"/a", "/b"}));
  EXPECT_EQ(config.list_directories, Strings{"/c"});
  EXPECT_EQ(config.compiled_lists, "/d");
  EXPECT_FALSE(config.catalogue);
  EXPECT_EQ(config.syslog_level, 7);
  EXPECT_EQ(config.syslog_format, Format::kJson);
  EXPECT_EQ(config.syslog.facility, 16);
  EXPECT_EQ(config.syslog.socket, "/e");
  EXPECT_EQ(config.syslog.rate_burst, 0u);
  EXPECT_EQ(config.repeats, (RepeatLimit::Options{7, 8}));
  EXPECT_EQ(config.syslog.rate_interval_s, 5);
  EXPECT_EQ(config.file_path, "/f");
  EXPECT_FALSE(config.store_enabled);
  EXPECT_EQ(config.store.path, "/g");
  EXPECT_EQ(config.store_level, 6);
  EXPECT_EQ(config.store.days, 3);
  EXPECT_EQ(config.store.size_bytes, 5u << 20);
  EXPECT_EQ(config.store.most_bytes, 7u << 20);
  EXPECT_EQ(config.file_level, 4);
}

TEST(Config, AnUnknownSettingIsAnErrorWithItsPlace) {
  Diagnostics diagnostics;
  Read("[syslog]\n  levl = 5\n[plugins]\nuser = x\n", diagnostics);
  ASSERT_EQ(diagnostics.all().size(), 2u);
  EXPECT_EQ(RenderLine(diagnostics.all()[0]),
            "t.conf:2:3: error: there is no setting [syslog] levl");
  EXPECT_EQ(RenderLine(diagnostics.all()[1]),
            "t.conf:4:1: error: there is no setting [plugins] user");
}

TEST(Config, ABadValueLeavesTheDefault) {
  Diagnostics diagnostics;
  const Config config = Read(
      "[syslog]\nlevel = 17\nformat = xml\nfacility = kern\nsocket = log\n[lists]\ncatalogue = "
      "maybe\n"
      "[plugin]\nqueue = 0\n",
      diagnostics);
  EXPECT_EQ(diagnostics.errors(), 6u);
  EXPECT_EQ(config.syslog_level, 5);
  EXPECT_EQ(config.queue_bytes, std::size_t{64} << 20);
  EXPECT_TRUE(config.catalogue);
}

TEST(Config, LinesThatTheLibraryWouldCutOrJoinAreErrors) {
  Diagnostics diagnostics;
  const Config config =
      Read("[plugin]\nhost = " + std::string(300, 'x') + "\nnonsense\n[rules\n", diagnostics);
  EXPECT_TRUE(diagnostics.HasErrors());
  EXPECT_EQ(config.host, "");
  EXPECT_EQ(Codes(diagnostics).at(0), "bad-line error 2:1");
  Diagnostics none;
  EXPECT_EQ(Read("[syslog]\nlevel = 6\n  format = cef\n", none).syslog_format, Format::kCef);
  EXPECT_TRUE(none.all().empty());
}

TEST(Config, FilesOfConfDComeAfterInTheOrderOfTheirNames) {
  const testing_support::TemporaryDirectory directory;
  const std::string main = directory.Write("x/tld.conf", "[syslog]\nlevel = 6\nfacility = user\n");
  directory.Write("x/conf.d/20-b.conf", "[syslog]\nlevel = 8\n");
  directory.Write("x/conf.d/10-a.conf", "[syslog]\nlevel = 7\n");
  directory.Write("x/conf.d/30-c.conf.dpkg-old", "[syslog]\nlevel = 9\n");
  Diagnostics diagnostics;
  const Config config = LoadConfig(main, {"", "/r", "/l", "/s", "/e", ""}, {}, diagnostics);
  EXPECT_EQ(Codes(diagnostics), Strings{});
  EXPECT_EQ(config.syslog_level, 8);
  EXPECT_EQ(config.syslog.facility, 1);
  EXPECT_EQ(config.list_directories, (Strings{"/e", "/s"}));
  LoadConfig(directory / "none.conf", {}, {}, diagnostics);
  EXPECT_TRUE(diagnostics.HasErrors());
}

TEST(Config, TheShippedFileHasNoFaultAndShowsTheDefaults) {
  const std::string path = testing_support::Top() + "/conf/tld-audisp.conf";
  Diagnostics diagnostics;
  std::string text = testing_support::Slurp(path);
  Read(text, diagnostics);
  // Every commented setting is one that exists.
  for (std::size_t at = 0; (at = text.find("\n#", at)) != text.npos; ++at) {
    if (text[at + 2] != ' ') text.erase(at + 1, 1);
  }
  const std::size_t host = text.find("host =\n");
  ASSERT_NE(host, text.npos);
  text.replace(host, 7, "");
  Config shown = Read(text, diagnostics);
  EXPECT_EQ(Codes(diagnostics), Strings{});
  const Config defaults;
  EXPECT_EQ(shown.syslog, defaults.syslog);
  EXPECT_EQ(shown.syslog_level, defaults.syslog_level);
  EXPECT_EQ(shown.queue_bytes, defaults.queue_bytes);
  EXPECT_EQ(shown.state_directory, defaults.state_directory);
  EXPECT_EQ(shown.file_level, defaults.file_level);
  EXPECT_EQ(shown.store.path, defaults.store.path);
  EXPECT_EQ(shown.store.days, defaults.store.days);
  EXPECT_EQ(shown.store.size_bytes, defaults.store.size_bytes);
  EXPECT_EQ(shown.store.most_bytes, defaults.store.most_bytes);
  EXPECT_EQ(shown.store_level, defaults.store_level);
}

TEST(Config, TakesEverySettingOfARemote) {
  Diagnostics diagnostics;
  const Config config = Read(
      "[remote central]\nprotocol = relp+tls\naddress = logs.example.org:20514\nformat = cef\n"
      "shape = rfc3164\nfacility = local3\nlevel = 9\ngroups = audit  suspicious\nsize = 12\n"
      "ca = /ca\ncertificate = /c\nkey = /k\npeer = other\nverify = no\n"
      "[remote agent]\nprotocol = agent\nsocket = /q\ngroup = ossec\n"
      "[remote v6]\naddress = [::1]:99\nprotocol = tls\n"
      "[remote bare]\naddress = fe80::1\nprotocol = udp\n"
      "[remote central]\nlevel = 10\n",
      diagnostics);
  EXPECT_EQ(Codes(diagnostics), Strings{});
  ASSERT_EQ(config.remotes.size(), 4u);
  const Remote& central = config.remotes[0];
  EXPECT_EQ(central.name, "central");
  EXPECT_EQ(central.protocol, Remote::Protocol::kRelpTls);
  EXPECT_EQ(central.host, "logs.example.org");
  EXPECT_EQ(central.port, "20514");
  EXPECT_EQ(central.payload(), Payload::kCef);
  EXPECT_EQ(central.shape, Remote::Shape::kRfc3164);
  EXPECT_EQ(central.facility, 19);
  EXPECT_EQ(central.level, 10);
  EXPECT_EQ(central.groups, (Strings{"audit", "suspicious"}));
  EXPECT_EQ(central.payload_limit(), 12u * 1024);
  EXPECT_EQ(central.ca, "/ca");
  EXPECT_EQ(central.certificate, "/c");
  EXPECT_EQ(central.key, "/k");
  EXPECT_EQ(central.peer_name(), "other");
  EXPECT_FALSE(central.verify);
  EXPECT_EQ(config.remotes[1].socket, "/q");
  EXPECT_EQ(config.remotes[1].group, "ossec");
  EXPECT_EQ(config.remotes[1].payload(), Payload::kEvent);
  EXPECT_EQ(config.remotes[1].payload_limit(), 60u * 1024);
  EXPECT_EQ(config.remotes[2].host, "::1");
  EXPECT_EQ(config.remotes[2].port, "99");
  EXPECT_EQ(config.remotes[2].peer_name(), "::1");
  EXPECT_EQ(config.remotes[3].host, "fe80::1");
  EXPECT_EQ(config.remotes[3].port, "514");
}

TEST(Config, ARemoteThatLacksSomethingIsLeftOutAndTold) {
  const std::pair<const char*, const char*> table[] = {
      {"[remote a]\naddress = h\n", "2:1 [remote a] needs a protocol"},
      {"\n[remote a]\nprotocol = tcp\n", "3:1 [remote a] needs an address"},
      {"[remote a]\nprotocol = smoke\naddress = h\n",
       "2:1 [remote a] protocol must be one of relp+tls, relp, tls, tcp, udp, agent"},
      {"[remote a]\nprotocol = tcp\naddress = h:0\n",
       "3:1 [remote a] address must be HOST or HOST:PORT with a port from 1 to 65535, an IPv6 "
       "address in brackets before it"},
      {"[remote a]\nprotocol = agent\n[store]\nenabled = no\n",
       "2:1 [remote a] takes its alerts from the store, and that is switched off"},
      {"[remote a]\nprotocol = agent\n[remote b]\nprotocol = agent\ngroup = other\n",
       "4:1 [remote b] has another group than [remote a]; all agents' sockets must have one"},
      {"[remote a]\nprotocol = tls\naddress = h\nkey = /k\n",
       "2:1 [remote a] needs both certificate and key, or neither"},
      {"[remote]\nprotocol = agent\n", "2:1 a remote has a name of 1 to 64 bytes: [remote NAME]"},
      {"[remote a]\nprotocol = agent\nsize = 61\n",
       "3:1 [remote a] size must be a number from 1 to 60"},
      {"[remote a]\nprotocol = agent\ncolour = red\n", "3:1 there is no setting [remote a] colour"},
      {"[remotes]\nprotocol = tcp\n", "2:1 there is no setting [remotes] protocol"},
  };
  for (const auto& [text, expected] : table) {
    Diagnostics diagnostics;
    Read(text, diagnostics);
    ASSERT_FALSE(diagnostics.all().empty()) << text;
    const Diagnostic& d = diagnostics.all()[0];
    EXPECT_EQ(std::to_string(d.line) + ':' + std::to_string(d.column) + ' ' + d.message, expected);
    EXPECT_EQ(d.severity, Severity::kError);
  }
  Diagnostics diagnostics;
  std::string many;
  for (int i = 0; i < 33; ++i) many += "[remote r" + std::to_string(i) + "]\nprotocol = agent\n";
  EXPECT_EQ(Read(many, diagnostics).remotes.size(), 32u);
  EXPECT_EQ(Codes(diagnostics), Strings{"bad-remote error 66:1"});
}

}  // namespace
}  // namespace tld
