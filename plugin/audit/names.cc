// SPDX-License-Identifier: Apache-2.0
#include "audit/names.h"

#include <pwd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <forward_list>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "audit/launcher.h"
#include "base/os.h"
#include "base/text.h"

namespace tld {
namespace {

std::string Joined(std::string_view directory, std::string_view path) {
  std::string whole;
  if (!path.starts_with('/') && !directory.empty()) (whole += directory) += '/';
  return whole += path;
}

/// Without `.`, `..` and doubled slashes; symbolic links stay as they are.
std::string Normal(std::string whole) {
  const bool normal =
      whole.starts_with('/') && whole.find("//") == whole.npos && whole.find("/.") == whole.npos;
  return normal ? whole : std::filesystem::path(whole).lexically_normal().string();
}

/// An exec that has happened: after a failed one exe is still the caller's.
bool HasRun(const Event& event) {
  const std::string_view success = event.First("audit.success");
  return success.empty() ? !event.arguments().empty() : success == "yes";
}

bool IsExec(const Event& event) {
  const std::string_view syscall = event.First("audit.syscall_name");
  return !event.arguments().empty() || syscall == "execve" || syscall == "execveat";
}

/// The name of PATH item 0: what exec was asked to run. A view into the record, or into `decoded`.
std::string_view ExecutedPath(const RawEvent& raw, std::string& decoded) {
  for (const RawRecord& record : raw.records) {
    if (record.type != record_type::kPath) continue;
    std::string_view item;
    std::string_view name;
    std::string_view body = raw.Body(record);
    for (RawField field; (item.empty() || name.empty()) && NextRawField(body, field);) {
      if (field.name == "item") item = field.value;
      if (field.name == "name") name = field.value;
    }
    if (item != "0") continue;
    if (name == "(null)") return {};
    if (name.starts_with('"')) return Unquote(name);
    AppendUntrusted(decoded, name);
    return decoded;
  }
  return {};
}

/// Names, each once, in order: as many as a program can have. REQUIRES: what they are views of
/// stays.
class NameSet {
 public:
  void Add(std::string_view name) {
    const auto end = names_.begin() + size_;
    if (name.empty() || size_ == names_.size() || std::find(names_.begin(), end, name) != end)
      return;
    names_[size_++] = name;
  }
  std::span<const std::string_view> names() const { return {names_.data(), size_}; }

 private:
  std::array<std::string_view, 8> names_;
  std::size_t size_ = 0;
};

struct UserField {
  KnownField id;
  KnownField name;
};
constexpr UserField kUserFields[] = {
    {"audit.auid", "audit.auid_name"},   {"audit.uid", "audit.uid_name"},
    {"audit.euid", "audit.euid_name"},   {"audit.suid", "audit.suid_name"},
    {"audit.fsuid", "audit.fsuid_name"},
};
/// The place of auditd's name for the field; behind the last for all others. One by one, so that
/// each comparison is one of numbers.
std::size_t UserPlace(std::string_view enriched) {
  if (enriched == "AUID") return 0;
  if (enriched == "UID") return 1;
  if (enriched == "EUID") return 2;
  if (enriched == "SUID") return 3;
  if (enriched == "FSUID") return 4;
  return std::size(kUserFields);
}

/// auditd's names for the users, in the order of kUserFields; of two the first counts.
std::array<std::string_view, std::size(kUserFields)> EnrichedNames(std::string_view enrichment) {
  std::array<std::string_view, std::size(kUserFields)> names;
  for (RawField field; NextRawField(enrichment, field);) {
    const std::size_t place = UserPlace(field.name);
    if (place == names.size() || names[place].data() != nullptr) continue;
    names[place] = Unquote(field.value);
  }
  return names;
}

}  // namespace

namespace {

/// Where everybody may write (hier(7)); what is run there came from anywhere.
constexpr std::string_view kWritableDirectories[] = {
    "/tmp",      "/var/tmp",   "/dev/shm",  "/run/shm",
    "/run/lock", "/var/crash", "/var/lock", "/dev/mqueue",
};

std::string_view WritableDirectory(std::string_view file) {
  // Nearly all programs are told by one byte: /usr, /bin, /opt, /home.
  static constexpr auto kSeconds = [] {
    std::array<bool, 256> seconds{};
    for (const std::string_view d : kWritableDirectories) {
      seconds[static_cast<unsigned char>(d[1])] = true;
    }
    return seconds;
  }();
  if (file.size() < 2 || !kSeconds[static_cast<unsigned char>(file[1])]) return {};
  for (const std::string_view directory : kWritableDirectories) {
    if (file.size() > directory.size() && file.starts_with(directory) &&
        file[directory.size()] == '/') {
      return directory;
    }
  }
  return {};
}

/// Collects what the records say of the program that was run, then adds it.
class Program {
 public:
  explicit Program(const Event& event)
      : exe_(event.First("audit.exe")),
        cwd_(event.First("audit.cwd")),
        by_content_(event.First("audit.program")) {
    names_.Add(by_content_);
    names_.Add(event.First("audit.command"));
    names_.Add(ProgramName(exe_));
    if (IsExec(event)) Look(event);
    has_run_ = IsExec(event) && HasRun(event);
  }

  void AddTo(Event& event) const {
    for (const std::string_view name : names_.names()) {
      if (name != by_content_) event.Add("audit.program", name);
    }
    for (const std::string_view way : ways_.names()) event.Add("audit.identity.via", way);
    if (!has_run_) return;
    bool writable = false;
    for (const std::string_view file : files_.names()) {
      if (SaysMoreThanExe(file)) event.Add("audit.identity.file", file);
      const std::string_view directory = WritableDirectory(file);
      if (!directory.empty() && !std::exchange(writable, true)) {
        event.Add("audit.identity.writable_dir", directory);
      }
    }
    // A file in memory, or one without a name, by the way d_path() shows it.
    const bool nameless = exe_.ends_with(kDeleted);
    if (nameless && exe_.starts_with("/memfd:")) event.Add("audit.identity.memfd", "yes");
    if (nameless) event.Add("audit.identity.deleted", "yes");
  }

 private:
  bool SaysMoreThanExe(std::string_view file) const {
    return file != exe_ || !WritableDirectory(file).empty() || file.find("/.") != file.npos;
  }

  void Look(const Event& event) {
    path_ = ExecutedPath(event.raw(), decoded_path_);
    names_.Add(ProgramName(path_));
    files_.Add(exe_.substr(0, exe_.size() - (exe_.ends_with(kDeleted) ? kDeleted.size() : 0)));
    const std::vector<Argument>& arguments = event.arguments();
    if (arguments.empty() || arguments[0].index != 0) return;
    std::string_view word = arguments[0].value;
    if (word.starts_with('-')) word.remove_prefix(1);  // a login shell
    names_.Add(ProgramName(word));
    if (IsScript(arguments)) {
      Unwrap("script", path_);
    } else {
      AddGivenScript(exe_, arguments);
    }
    if (IsMultiCall(exe_)) AddApplet(exe_, arguments);
    if (!IsLoader(exe_)) return;
    const LoaderTarget target = LoaderTarget::Of(arguments);
    if (target.arguments.empty()) return;
    const std::string_view file = target.arguments[0].value;
    Unwrap("loader", file);
    names_.Add(ProgramName(target.argv0));
    if (IsMultiCall(file)) AddApplet(file, target.arguments);
    AddGivenScript(file, target.arguments);
  }

  /// `bash linpeas.sh` runs what `./linpeas.sh` does. By its name alone: interpreters are given so
  /// many files that to have the content of each looked at would cost a fifth of all CPU time.
  void AddGivenScript(std::string_view program, std::span<const Argument> arguments) {
    const std::string_view script = GivenScript(program, arguments);
    if (script.empty()) return;
    ways_.Add("script");
    names_.Add(ProgramName(script));
  }

  void AddApplet(std::string_view program, std::span<const Argument> arguments) {
    const std::string_view applet = ProgramName(Applet(arguments));
    if (!applet.empty() && applet != ProgramName(program)) ways_.Add("applet");
    names_.Add(applet);
  }

  /// The kernel puts the interpreter before the script, as argument 0, and the name it was asked
  /// to run after it (fs/binfmt_script.c), so that exe is not what PATH names.
  bool IsScript(const std::vector<Argument>& arguments) const {
    if (path_.empty() || ProgramName(path_) == ProgramName(exe_)) return false;
    const std::size_t last = std::min<std::size_t>(arguments.size(), 3);
    for (std::size_t i = 1; i < last; ++i) {
      if (arguments[i].value == path_) return true;
    }
    return false;
  }

  void Unwrap(std::string_view way, std::string_view target) {
    if (target.empty()) return;
    ways_.Add(way);
    names_.Add(ProgramName(target));
    const std::string whole = Joined(cwd_, target);
    files_.Add(unwrapped_.emplace_front(Normal(whole)));
    // `..` behind a symbolic link leads elsewhere: the file itself is found by what was said.
    if (whole.find("/..") != whole.npos) files_.Add(unwrapped_.emplace_front(whole));
  }

  std::string_view exe_;
  std::string_view cwd_;
  std::string_view by_content_;  // the parser has it from a record of ours
  bool has_run_ = false;
  std::string_view path_;                     // what exec was asked to run
  std::string decoded_path_;                  // where the record has it encoded
  std::forward_list<std::string> unwrapped_;  // what files_ has views of
  NameSet names_;
  NameSet files_;
  NameSet ways_;
};

void AddUserNames(Event& event, const UserNames& users, bool of_this_host) {
  const auto enriched = EnrichedNames(event.raw().enrichment);
  for (std::size_t i = 0; i < enriched.size(); ++i) {
    const UserField& field = kUserFields[i];
    const std::string_view id = event.First(field.id);
    if (id.empty()) continue;
    std::string_view name = enriched[i];
    if (name.empty() && id == "4294967295") name = "unset";
    if (name.empty() && of_this_host) name = users.Find(id);
    if (!name.empty()) event.Add(field.name, name);
  }
}

}  // namespace

Result<UserNames> UserNames::Load(const std::string& path) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(fopen(path.c_str(), "re"), fclose);
  if (!file) return OsError("cannot open " + path);
  UserNames users;
  while (const passwd* entry = fgetpwent(file.get())) {
    users.by_uid_.try_emplace(std::to_string(entry->pw_uid), entry->pw_name);
  }
  return users;
}

std::string_view UserNames::Find(std::string_view uid) const {
  const auto found = by_uid_.find(std::string(uid));
  return found == by_uid_.end() ? std::string_view() : found->second;
}

void AddNames(Event& event, const UserNames& users, bool of_this_host) {
  Program(event).AddTo(event);
  AddUserNames(event, users, of_this_host);
}

}  // namespace tld
