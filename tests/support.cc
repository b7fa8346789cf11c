// SPDX-License-Identifier: Apache-2.0
#include "tests/support.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "audit/grouper.h"
#include "audit/line_reader.h"
#include "audit/parser.h"

namespace tld::testing_support {

std::string Top() {
  std::filesystem::path directory = std::filesystem::canonical("/proc/self/exe");
  while (directory.has_relative_path()) {
    directory = directory.parent_path();
    if (std::filesystem::exists(directory / "rules/detect/0365-base.xml")) return directory;
  }
  return {};
}

std::string BuildDirectory() {
  return std::filesystem::canonical("/proc/self/exe").parent_path().parent_path();
}

std::string DataPath(const std::string& name) { return Top() + "/tests/data/" + name; }

TemporaryDirectory::TemporaryDirectory() {
  std::string path = std::filesystem::temp_directory_path().string() + "/tld-test-XXXXXX";
  path_ = mkdtemp(path.data()) == nullptr ? "" : path;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::Write(const std::string& name, std::string_view text) const {
  const std::filesystem::path path = path_ + '/' + name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

std::string Slurp(const std::string& path) {
  std::string bytes;
  gzFile file = gzopen(path.c_str(), "rb");
  EXPECT_NE(file, nullptr) << path;
  if (file == nullptr) return bytes;
  char buffer[65536];
  for (int n; (n = gzread(file, buffer, sizeof buffer)) > 0;) {
    bytes.append(buffer, static_cast<std::size_t>(n));
  }
  gzclose(file);
  return bytes;
}

std::vector<Event> ParseEvents(std::string_view log) {
  std::vector<Event> events;
  Parser parser;
  Grouper grouper(Grouper::Mode::kOffline, [&](RawEvent&& raw) {
    parser.Parse(raw, events.emplace_back());
    AddNames(events.back(), UserNames(), false);
  });
  LineReader lines(1 << 20);
  const auto take = [&](std::string_view line) {
    if (const auto header = ParseHeader(line)) grouper.Add(*header, line, 0);
  };
  lines.Feed(log, take);
  lines.Finish(take);
  grouper.Flush();
  return events;
}

Event ParseEvent(std::string_view log) {
  std::vector<Event> events = ParseEvents(log);
  EXPECT_EQ(events.size(), 1u);
  return std::move(events.at(0));
}

std::string Values(const Event& event, std::string_view name) {
  std::string joined;
  for (const Field& field : event.FindNamed(name)) {
    if (!joined.empty()) joined += '|';
    joined += field.value;
  }
  return joined;
}

TestPolicy::TestPolicy(std::string_view rules, const Lists& lists) {
  PolicySource source;
  source.config_file = directory_.Write("tld-audisp.conf", "");
  source.rule_paths = {directory_.Write("rules.xml", rules)};
  for (const auto& [name, text] : lists) directory_.Write("lists/" + name, text);
  source.list_directories = {directory_ / "lists"};
  loaded_ = LoadPolicy(source, 1);
}

std::shared_ptr<const Policy> TestPolicy::Shipped() {
  PolicySource source;
  source.config_file = Top() + "/conf/tld-audisp.conf";
  source.rule_paths = {Top() + "/rules/detect", Top() + "/conf"};
  source.list_directories = {Top() + "/lists"};
  LoadedPolicy loaded = LoadPolicy(source, 1);
  EXPECT_TRUE(loaded.diagnostics.all().empty());
  return loaded.policy;
}

std::string RuleText(const std::string& attributes, const std::string& options) {
  return "<group name=\"g,\"><rule " + attributes + "><description>d</description>" + options +
         "</rule></group>\n";
}

std::vector<std::string> Answers(std::shared_ptr<const Policy> policy, std::string_view log) {
  std::vector<std::string> ids;
  Pipeline::Options options;
  options.prefilter = false;
  Pipeline pipeline(options, policy, [&](const Pipeline::Outcome& outcome) {
    ids.push_back(outcome.answer ? policy->ruleset.rules[outcome.answer->rule].id : "-");
  });
  pipeline.Feed(log, 0);
  pipeline.Finish(0);
  return ids;
}

std::vector<std::string> Codes(const Diagnostics& diagnostics) {
  std::vector<std::string> codes;
  for (const Diagnostic& d : diagnostics.all()) {
    codes.push_back(d.code + ' ' + std::string(SeverityName(d.severity)) + ' ' +
                    std::to_string(d.line) + ':' + std::to_string(d.column));
  }
  return codes;
}

std::string ExecRecords(const std::string& comm, const std::string& exe, int serial) {
  const std::string stamp = " msg=audit(1700000000.123:" + std::to_string(serial) + "): ";
  return "type=SYSCALL" + stamp +
         "arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=8 items=2 ppid=10 pid=11 "
         "auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=3 "
         "comm=\"" +
         comm + "\" exe=\"" + exe + "\" key=\"audit-wazuh-c\"\n" + "type=EXECVE" + stamp +
         "argc=2 a0=\"" + comm + "\" a1=\"-v\"\n" + "type=CWD" + stamp + "cwd=\"/root\"\n" +
         "type=PATH" + stamp + "item=0 name=\"" + exe +
         "\" inode=5 dev=fe:00 mode=0100755 ouid=0 "
         "ogid=0 rdev=00:00 nametype=NORMAL\n" +
         "type=PATH" + stamp +
         "item=1 name=\"/lib64/ld-linux-x86-64.so.2\" inode=6 dev=fe:00 "
         "mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL\n" +
         "type=PROCTITLE" + stamp + "proctitle=\"nc\"\n" + "type=EOE" + stamp + "\n";
}

}  // namespace tld::testing_support
