// SPDX-License-Identifier: Apache-2.0
#include "audit/names.h"

#include <pwd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "base/os.h"
#include "base/text.h"

namespace tld {
namespace {

constexpr std::string_view kDeleted = " (deleted)";  // d_path() of a file without a name

std::string_view ProgramName(std::string_view path) {
  if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
  return BaseName(path);
}

/// ld-linux-x86-64.so.2, ld-2.31.so, ld-musl-x86_64.so.1, ld.so …
bool IsLoader(std::string_view exe) {
  const std::string_view name = ProgramName(exe);
  return name == "ld.so" ||
         ((name.starts_with("ld-") || name.starts_with("ld64.")) && name.find(".so") != name.npos);
}

bool IsMultiCall(std::string_view exe) {
  const std::string_view name = ProgramName(exe);
  return name == "busybox" || name == "busybox.static" || name == "toybox" || name == "coreutils";
}

/// Options of ld.so(8) that take the next argument.
bool TakesArgument(std::string_view option) {
  constexpr std::string_view kOptions[] = {
      "--library-path",         "--inhibit-rpath",    "--audit", "--preload", "--argv0",
      "--glibc-hwcaps-prepend", "--glibc-hwcaps-mask"};
  return std::find(std::begin(kOptions), std::end(kOptions), option) != std::end(kOptions);
}

std::string_view LoaderTarget(const std::vector<Argument>& arguments) {
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i].value;
    if (!word.starts_with("--")) return word;
    if (TakesArgument(word)) ++i;
  }
  return {};
}

/// argv[0] names the applet, unless the binary itself was called: then the next word does.
std::string_view Applet(const std::vector<Argument>& arguments) {
  if (arguments.empty()) return {};
  constexpr std::string_view kCoreutils = "--coreutils-prog=";
  if (!IsMultiCall(arguments[0].value)) return arguments[0].value;
  if (arguments.size() < 2) return {};
  std::string_view word = arguments[1].value;
  if (word.starts_with(kCoreutils)) word.remove_prefix(kCoreutils.size());
  return word;
}

bool IsExec(const Event& event) {
  const std::string_view syscall = event.First("audit.syscall_name");
  return !event.arguments().empty() || syscall == "execve" || syscall == "execveat";
}

/// The name of PATH item 0: what exec was asked to run.
std::string ExecutedPath(const RawEvent& raw) {
  for (const RawRecord& record : raw.records) {
    if (record.type != record_type::kPath) continue;
    bool first = false;
    std::string_view name;
    std::string_view body = raw.Body(record);
    for (RawField field; NextRawField(body, field);) {
      if (field.name == "item") first = field.value == "0";
      if (field.name == "name") name = field.value;
    }
    if (first) return name == "(null)" ? std::string() : DecodeUntrusted(name);
  }
  return {};
}

class NameSet {
 public:
  void Add(std::string_view name) {
    if (!name.empty() && std::find(names_.begin(), names_.end(), name) == names_.end()) {
      names_.emplace_back(name);
    }
  }
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> names_;
};

struct UserField {
  std::string_view enriched;
  std::string_view id;
  std::string_view name;
};
constexpr UserField kUserFields[] = {
    {"AUID", "audit.auid", "audit.auid_name"},    {"UID", "audit.uid", "audit.uid_name"},
    {"EUID", "audit.euid", "audit.euid_name"},    {"SUID", "audit.suid", "audit.suid_name"},
    {"FSUID", "audit.fsuid", "audit.fsuid_name"},
};

std::string_view EnrichedValue(std::string_view enrichment, std::string_view name) {
  for (RawField field; NextRawField(enrichment, field);) {
    if (field.name == name) return Unquote(field.value);
  }
  return {};
}

}  // namespace

namespace {

void AddProgramNames(Event& event) {
  NameSet names;
  const std::string_view exe = event.First("audit.exe");
  names.Add(event.First("audit.command"));
  names.Add(ProgramName(exe));
  if (IsExec(event)) {
    const std::string path = ExecutedPath(event.raw());
    names.Add(ProgramName(path));
    const std::vector<Argument>& arguments = event.arguments();
    if (!arguments.empty() && arguments[0].index == 0) {
      std::string_view word = arguments[0].value;
      if (word.starts_with('-')) word.remove_prefix(1);  // a login shell
      names.Add(ProgramName(word));
      if (IsLoader(exe)) names.Add(ProgramName(LoaderTarget(arguments)));
      if (IsMultiCall(exe)) names.Add(ProgramName(Applet(arguments)));
    }
  }
  for (const std::string& name : names.names()) event.Add("audit.program", name);
}

std::vector<Field> FindUserNames(const Event& event, const UserNames& users, bool of_this_host) {
  std::vector<Field> found;
  for (const UserField& field : kUserFields) {
    const std::string_view id = event.First(field.id);
    if (id.empty()) continue;
    std::string_view name = EnrichedValue(event.raw().enrichment, field.enriched);
    if (name.empty() && id == "4294967295") name = "unset";
    if (name.empty() && of_this_host) name = users.Find(id);
    if (!name.empty()) found.push_back({field.name, name});
  }
  return found;
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
  // Both look fields up before they add one: Find needs the order that Seal makes.
  const std::vector<Field> user_names = FindUserNames(event, users, of_this_host);
  AddProgramNames(event);
  for (const Field& field : user_names) event.Add(field.name, field.value);
  event.Seal();
}

}  // namespace tld
