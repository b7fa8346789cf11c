// SPDX-License-Identifier: Apache-2.0
#include "program/config.h"

#include <ini.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "program/remote_reader.h"
#include "program/setting.h"

namespace tld {
namespace {

constexpr std::size_t kSettingsLimit = 1u << 20;

struct Key {
  std::string_view section;
  std::string_view name;
  void (*set)(Setting&, Config&);
};

constexpr std::pair<std::string_view, Format> kFormats[] = {
    {"text", Format::kText}, {"json", Format::kJson}, {"cef", Format::kCef}};

constexpr Key kKeys[] = {
    {"plugin", "user", [](Setting& s, Config& c) { s.Text(c.user); }},
    {"plugin", "queue",
     [](Setting& s, Config& c) {
       std::size_t mib = c.queue_bytes >> 20;
       s.Range(mib, 1, 1024);
       c.queue_bytes = mib << 20;
     }},
    {"plugin", "run_directory", [](Setting& s, Config& c) { s.Path(c.run_directory); }},
    {"plugin", "state_directory", [](Setting& s, Config& c) { s.Path(c.state_directory); }},
    {"plugin", "host", [](Setting& s, Config& c) { s.Text(c.host); }},
    {"plugin", "agent_id", [](Setting& s, Config& c) { s.Text(c.agent_id); }},
    {"plugin", "heartbeat", [](Setting& s, Config& c) { s.Range(c.heartbeat_s, 0, 86'400); }},
    {"plugin", "kernel_status", [](Setting& s, Config& c) { s.YesNo(c.kernel_status); }},
    {"rules", "paths", [](Setting& s, Config& c) { s.Paths(c.rule_paths); }},
    {"lists", "directories", [](Setting& s, Config& c) { s.Paths(c.list_directories); }},
    {"lists", "compiled", [](Setting& s, Config& c) { s.Path(c.compiled_lists); }},
    {"lists", "catalogue", [](Setting& s, Config& c) { s.YesNo(c.catalogue); }},
    {"syslog", "level", [](Setting& s, Config& c) { s.Range(c.syslog_level, 1, kMostLevel); }},
    {"syslog", "format", [](Setting& s, Config& c) { s.OneOf(c.syslog_format, kFormats); }},
    {"syslog", "facility", [](Setting& s, Config& c) { s.Facility(c.syslog.facility); }},
    {"syslog", "socket", [](Setting& s, Config& c) { s.Path(c.syslog.socket); }},
    {"syslog", "rate_burst",
     [](Setting& s, Config& c) { s.Range(c.syslog.rate_burst, 0, 10'000'000); }},
    {"syslog", "rate_interval",
     [](Setting& s, Config& c) { s.Range(c.syslog.rate_interval_s, 1, 86'400); }},
    {"syslog", "repeat_burst",
     [](Setting& s, Config& c) { s.Range(c.repeats.burst, 0, 10'000'000); }},
    {"syslog", "repeat_interval",
     [](Setting& s, Config& c) { s.Range(c.repeats.interval_s, 1, 86'400); }},
    {"file", "path", [](Setting& s, Config& c) { s.Path(c.file_path); }},
    {"store", "enabled", [](Setting& s, Config& c) { s.YesNo(c.store_enabled); }},
    {"store", "path", [](Setting& s, Config& c) { s.Path(c.store.path); }},
    {"store", "level", [](Setting& s, Config& c) { s.Range(c.store_level, 1, kMostLevel); }},
    {"store", "days", [](Setting& s, Config& c) { s.Range(c.store.days, 1, 36'500); }},
    {"store", "size", [](Setting& s, Config& c) { s.Mebibytes(c.store.size_bytes); }},
    {"store", "most", [](Setting& s, Config& c) { s.Mebibytes(c.store.most_bytes); }},
    {"file", "level", [](Setting& s, Config& c) { s.Range(c.file_level, 1, kMostLevel); }},
};

/// Hands the lines of a text to inih and knows which one it is at.
class LineSource {
 public:
  LineSource(const SourceText& source, Config& config, RemoteReader& remotes,
             Diagnostics& diagnostics)
      : source_(source), config_(config), remotes_(remotes), diagnostics_(diagnostics) {}

  static char* Next(char* buffer, int size, void* self) {
    return static_cast<LineSource*>(self)->NextLine(buffer, static_cast<std::size_t>(size));
  }

  static int Take(void* self, const char* section, const char* name, const char* value) {
    static_cast<LineSource*>(self)->Apply(section, name == nullptr ? "" : name,
                                          value == nullptr ? "" : value);
    return 1;
  }

  void Fail(Offset at, std::string_view code, std::string message) {
    diagnostics_.Add(source_, at, {Severity::kError, code, std::move(message)});
  }

 private:
  char* NextLine(char* buffer, std::size_t size) {
    const std::string_view text = source_.text;
    if (next_ >= text.size()) return nullptr;
    const std::size_t end = std::min(text.find('\n', next_), text.size());
    std::string_view line = text.substr(next_, end - next_);
    line_begin_ = next_;
    next_ = end + 1;
    // A line that begins with a blank would go on the value before it; here it never does.
    line = Trim(line);
    if (line.size() + 2 > size || line.find('\0') != line.npos) {
      Fail(Offset{line_begin_}, "bad-line",
           "the line is longer than " + std::to_string(size - 2) + " bytes or holds a NUL");
      line = "";
    }
    line.copy(buffer, line.size());
    buffer[line.size()] = '\n';
    buffer[line.size() + 1] = '\0';
    return buffer;
  }

  void Apply(std::string_view section, std::string_view name, std::string_view value) {
    const std::string where = "[" + std::string(section) + "] " + std::string(name);
    Setting setting(value);
    if (section.empty()) {
      Fail(Place(name), "unknown-setting",
           "'" + std::string(name) + "' stands before the first [section]");
    } else if (!Set(section, name, setting)) {
      Fail(Place(name), "unknown-setting", "there is no setting " + where);
    } else if (setting.problem()) {
      Fail(Place(name), "bad-setting", where + " " + *setting.problem());
    }
  }

  /// False when there is no such setting.
  bool Set(std::string_view section, std::string_view name, Setting& setting) {
    if (const auto remote = RemoteReader::NameOf(section)) {
      return remotes_.Set(*remote, name, setting, source_, Offset{line_begin_});
    }
    for (const Key& key : kKeys) {
      if (key.section != section || key.name != name) continue;
      key.set(setting, config_);
      return true;
    }
    return false;
  }

  Offset Place(std::string_view word) const {
    const std::size_t at = source_.text.find(word, line_begin_);
    return Offset{at == source_.text.npos ? line_begin_ : at};
  }

  const SourceText& source_;
  Config& config_;
  RemoteReader& remotes_;
  Diagnostics& diagnostics_;
  std::size_t next_ = 0;
  std::size_t line_begin_ = 0;
};

void ReadText(const SourceText& source, Config& config, RemoteReader& remotes,
              Diagnostics& diagnostics) {
  LineSource lines(source, config, remotes, diagnostics);
  const int bad_line = ini_parse_stream(&LineSource::Next, &lines, &LineSource::Take, &lines);
  if (bad_line > 0) {
    lines.Fail(source.LineStart(static_cast<std::size_t>(bad_line)), "bad-line",
               "expected '[section]' or 'key = value'");
  }
}

std::string OwnDirectory() {
  std::array<char, 4096> path{};
  const ssize_t n = readlink("/proc/self/exe", path.data(), path.size() - 1);
  return DirectoryOf(std::string(path.data(), n > 0 ? static_cast<std::size_t>(n) : 0));
}

}  // namespace

std::vector<std::string> Config::WrittenDirectories() const {
  std::vector<std::string> directories = {run_directory, state_directory};
  if (store_enabled) directories.push_back(DirectoryOf(store.path));
  if (!file_path.empty()) directories.push_back(DirectoryOf(file_path));
  std::sort(directories.begin(), directories.end());
  directories.erase(std::unique(directories.begin(), directories.end()), directories.end());
  return directories;
}

std::optional<std::string> Config::AgentGroup() const {
  for (const Remote& remote : remotes) {
    if (remote.protocol == Remote::Protocol::kAgent) return remote.group;
  }
  return {};
}

Installation FindInstallation() {
  const std::string own = OwnDirectory();
  std::string built = own;
  if (BaseName(built) != "build") built = DirectoryOf(built);  // build/asan and the like
  const std::string top = DirectoryOf(built);
  if (BaseName(built) == "build" && FileExists(top + "/rules/detect/0365-base.xml")) {
    return {top + "/conf/tld-audisp.conf",
            top + "/rules/detect",
            top + "/conf",
            top + "/lists",
            "",
            own + "/tls.so"};
  }
  const std::string etc = TLD_SYSCONFDIR "/tld-audisp";
  const std::string share = TLD_DATADIR "/tld-audisp";
  return {etc + "/tld-audisp.conf", share + "/rules", etc + "/rules.d",
          share + "/lists",         etc + "/lists",   TLD_LIBDIR "/tls.so"};
}

void ReadConfigText(const SourceText& source, Config& config, Diagnostics& diagnostics) {
  RemoteReader remotes;
  ReadText(source, config, remotes, diagnostics);
  config.remotes = remotes.Finish(config.store_enabled, diagnostics);
}

std::vector<std::string> ConfigFiles(const std::string& path) {
  std::vector<std::string> files = {path};
  const std::string parts = path.substr(0, path.size() - BaseName(path).size()) + "conf.d";
  if (const auto names = ListDirectory(parts)) {
    for (const std::string& name : *names) {
      if (name.ends_with(".conf") && !name.starts_with('.')) files.push_back(parts + '/' + name);
    }
  }
  return files;
}

Config LoadConfig(const std::string& path, const Installation& installation, const FileTrust& trust,
                  Diagnostics& diagnostics) {
  Config config;
  config.rule_paths = {installation.shipped_rules, installation.local_rules};
  config.list_directories = {installation.shipped_lists};
  if (!installation.local_lists.empty()) {
    config.list_directories.insert(config.list_directories.begin(), installation.local_lists);
  } else {
    config.compiled_lists.clear();
  }
  std::deque<SourceText> texts;  // that places refer to
  RemoteReader remotes;
  const auto read = [&](const std::string& file) {
    Result<std::string> text = ReadFile(file, kSettingsLimit, trust);
    if (text) {
      ReadText(texts.emplace_back(file, *std::move(text)), config, remotes, diagnostics);
    } else {
      diagnostics.AddFile(file, {Severity::kError, "unreadable-file", text.message()});
    }
  };
  for (const std::string& file : ConfigFiles(path)) read(file);
  config.remotes = remotes.Finish(config.store_enabled, diagnostics);
  return config;
}

}  // namespace tld
