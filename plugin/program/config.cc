// SPDX-License-Identifier: Apache-2.0
#include "program/config.h"

#include <ini.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kFileLimit = 1u << 20;

/// One `key = value` on its way into the configuration.
class Setting {
 public:
  Setting(std::string_view value, Config& config) : value_(value), config_(config) {}

  Config& config() { return config_; }
  const std::optional<std::string>& problem() const { return problem_; }

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
  void Facility(int& into) {
    const int number = FacilityNumber(value_);
    if (number < 0) return Fail("must be a syslog facility such as daemon, authpriv or local0");
    into = number;
  }
  void FormatName(Format& into) {
    if (value_ == "text") {
      into = Format::kText;
    } else if (value_ == "json") {
      into = Format::kJson;
    } else if (value_ == "cef") {
      into = Format::kCef;
    } else {
      Fail("must be 'text', 'json' or 'cef'");
    }
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
  void Fail(std::string why) { problem_ = std::move(why); }

  std::string_view value_;
  Config& config_;
  std::optional<std::string> problem_;
};

struct Key {
  std::string_view section;
  std::string_view name;
  void (*set)(Setting&);
};

constexpr int kMostLevel = 16;

constexpr Key kKeys[] = {
    {"plugin", "user", [](Setting& s) { s.Text(s.config().user); }},
    {"plugin", "queue",
     [](Setting& s) {
       std::size_t mib = s.config().queue_bytes >> 20;
       s.Range(mib, 1, 1024);
       s.config().queue_bytes = mib << 20;
     }},
    {"plugin", "run_directory", [](Setting& s) { s.Path(s.config().run_directory); }},
    {"plugin", "state_directory", [](Setting& s) { s.Path(s.config().state_directory); }},
    {"plugin", "host", [](Setting& s) { s.Text(s.config().host); }},
    {"plugin", "agent_id", [](Setting& s) { s.Text(s.config().agent_id); }},
    {"rules", "paths", [](Setting& s) { s.Paths(s.config().rule_paths); }},
    {"lists", "directories", [](Setting& s) { s.Paths(s.config().list_directories); }},
    {"lists", "compiled", [](Setting& s) { s.Path(s.config().compiled_lists); }},
    {"lists", "catalogue", [](Setting& s) { s.YesNo(s.config().catalogue); }},
    {"syslog", "level", [](Setting& s) { s.Range(s.config().syslog_level, 1, kMostLevel); }},
    {"syslog", "format", [](Setting& s) { s.FormatName(s.config().syslog_format); }},
    {"syslog", "facility", [](Setting& s) { s.Facility(s.config().syslog.facility); }},
    {"syslog", "socket", [](Setting& s) { s.Path(s.config().syslog.socket); }},
    {"syslog", "rate_burst",
     [](Setting& s) { s.Range(s.config().syslog.rate_burst, 0, 10'000'000); }},
    {"syslog", "rate_interval",
     [](Setting& s) { s.Range(s.config().syslog.rate_interval_s, 1, 86'400); }},
    {"file", "path", [](Setting& s) { s.Path(s.config().file_path); }},
    {"store", "enabled", [](Setting& s) { s.YesNo(s.config().store_enabled); }},
    {"store", "path", [](Setting& s) { s.Path(s.config().store.path); }},
    {"store", "level", [](Setting& s) { s.Range(s.config().store_level, 1, kMostLevel); }},
    {"store", "days", [](Setting& s) { s.Range(s.config().store.days, 1, 36'500); }},
    {"store", "size", [](Setting& s) { s.Mebibytes(s.config().store.size_bytes); }},
    {"store", "most", [](Setting& s) { s.Mebibytes(s.config().store.most_bytes); }},
    {"file", "level", [](Setting& s) { s.Range(s.config().file_level, 1, kMostLevel); }},
};

/// Hands the lines of a text to inih and knows which one it is at.
class LineSource {
 public:
  LineSource(const SourceText& source, Config& config, Diagnostics& diagnostics)
      : source_(source), config_(config), diagnostics_(diagnostics) {}

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

  /// The start of a line, counted from 1.
  Offset LineStart(std::size_t number) const {
    std::size_t at = 0;
    for (; number > 1; --number)
      at = std::min(source_.text.find('\n', at), source_.text.size() - 1) + 1;
    return Offset{at};
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
    const auto key = std::find_if(std::begin(kKeys), std::end(kKeys), [&](const Key& k) {
      return k.section == section && k.name == name;
    });
    const std::string where = "[" + std::string(section) + "] " + std::string(name);
    if (key == std::end(kKeys)) {
      Fail(Place(name), "unknown-setting", "there is no setting " + where);
      return;
    }
    Setting setting(value, config_);
    key->set(setting);
    if (setting.problem()) Fail(Place(name), "bad-setting", where + " " + *setting.problem());
  }

  Offset Place(std::string_view word) const {
    const std::size_t at = source_.text.find(word, line_begin_);
    return Offset{at == source_.text.npos ? line_begin_ : at};
  }

  const SourceText& source_;
  Config& config_;
  Diagnostics& diagnostics_;
  std::size_t next_ = 0;
  std::size_t line_begin_ = 0;
};

void ReadConfigFile(const std::string& path, const FileTrust& trust, Config& config,
                    Diagnostics& diagnostics) {
  Result<std::string> text = ReadFile(path, kFileLimit, trust);
  if (!text) {
    diagnostics.AddFile(path, {Severity::kError, "unreadable-file", text.message()});
    return;
  }
  ReadConfigText(SourceText{path, *std::move(text)}, config, diagnostics);
}

std::string ParentOf(const std::string& path) {
  return path.substr(0, std::min(path.rfind('/'), path.size()));
}

std::string OwnDirectory() {
  std::array<char, 4096> path{};
  const ssize_t n = readlink("/proc/self/exe", path.data(), path.size() - 1);
  return ParentOf(std::string(path.data(), n > 0 ? static_cast<std::size_t>(n) : 0));
}

}  // namespace

Installation FindInstallation() {
  std::string built = OwnDirectory();
  if (BaseName(built) != "build") built = ParentOf(built);  // build/asan and the like
  const std::string top = ParentOf(built);
  if (BaseName(built) == "build" && FileExists(top + "/rules/detect/0365-base.xml")) {
    return {top + "/conf/tld-audisp.conf", top + "/rules/detect", top + "/conf", top + "/lists",
            ""};
  }
  const std::string etc = TLD_SYSCONFDIR "/tld-audisp";
  const std::string share = TLD_DATADIR "/tld-audisp";
  return {etc + "/tld-audisp.conf", share + "/rules", etc + "/rules.d", share + "/lists",
          etc + "/lists"};
}

void ReadConfigText(const SourceText& source, Config& config, Diagnostics& diagnostics) {
  LineSource lines(source, config, diagnostics);
  const int bad_line = ini_parse_stream(&LineSource::Next, &lines, &LineSource::Take, &lines);
  if (bad_line > 0) {
    lines.Fail(lines.LineStart(static_cast<std::size_t>(bad_line)), "bad-line",
               "expected '[section]' or 'key = value'");
  }
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
  ReadConfigFile(path, trust, config, diagnostics);
  const std::string parts = path.substr(0, path.size() - BaseName(path).size()) + "conf.d";
  if (const auto names = ListDirectory(parts)) {
    for (const std::string& name : *names) {
      if (name.ends_with(".conf") && !name.starts_with('.')) {
        ReadConfigFile(parts + '/' + name, trust, config, diagnostics);
      }
    }
  }
  return config;
}

}  // namespace tld
