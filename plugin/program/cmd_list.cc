// SPDX-License-Identifier: Apache-2.0
// tldctl list
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <functional>

#include "base/os.h"
#include "base/text.h"
#include "detect/lint.h"
#include "detect/list.h"
#include "detect/list_edit.h"
#include "program/command.h"

namespace tld {
namespace {

constexpr std::size_t kTextLimit = std::size_t{1} << 30;

/// Lists as they are now, and the directory that is edited: the first.
class ListCommand {
 public:
  ListCommand(const CommonOptions& common, const ListOptions& options)
      : common_(common), options_(options), where_(ListsOf(common.Settings(), common.Source())) {}

  int Show() {
    if (options_.name.empty()) return ShowNames();
    const auto list = Open();
    if (!list) return kFindings;
    list->ForEach([&](std::string_view key, std::string_view value) {
      if (common_.json) {
        PrintJson(key, value);
      } else {
        std::printf("%s:%s\n", Shown(key).c_str(), Shown(value).c_str());
      }
      return true;
    });
    return kGood;
  }

  int Get() {
    const auto list = Open();
    if (!list) return kFindings;
    const auto value = list->Find(options_.key);
    if (!value) return Complain("'" + options_.key + "' is not in " + options_.name, kFindings);
    if (common_.json) {
      PrintJson(options_.key, *value);
    } else {
      std::printf("%s\n", Shown(*value).c_str());
    }
    return kGood;
  }

  int Add() {
    if (options_.value.empty()) {
      // Without its value an entry is still there, and no rule that asks for the value sees it.
      Diagnostics ignored;
      const Result<OpenedList> opened = OpenList(where_, options_.name, ignored);
      const auto value = opened ? opened->list.Find(options_.key) : std::nullopt;
      if (value && !value->empty()) {
        return Complain("'" + options_.key + "' has the value '" + Shown(*value) +
                            "'; say which one it shall have, or remove it first",
                        kMisuse);
      }
    }
    const int status = Edit([&]() -> Status {
      const std::string path = TextPath();
      const Result<std::string> before = ReadText(path);
      if (!before) return before.error();
      const Result<std::string> text = SetListEntry(*before, options_.key, options_.value);
      if (!text) return text.error();
      if (Status written = WriteFileAtomically(Resolved(path), *text, 0644, true); !written)
        return written;
      return Include();
    });
    if (status == kGood) WarnIfUnasked();
    return status;
  }

  int Remove() {
    {
      const auto list = Open();
      if (!list) return kFindings;
      if (!list->Find(options_.key)) {
        return Complain("'" + options_.key + "' is not in " + options_.name, kFindings);
      }
    }
    return Edit([&]() -> Status {
      const std::string path = TextPath();
      const Result<std::string> text = ReadText(path);
      if (!text) return text.error();
      if (HasListEntry(*text, options_.key)) {
        const std::string without = RemoveListEntry(*text, options_.key);
        if (Status written = WriteFileAtomically(Resolved(path), without, 0644, true); !written) {
          return written;
        }
      }
      return StandsElsewhere() ? Exclude() : Status();
    });
  }

  int Compile() {
    if (!options_.name.empty() && FindListSources(where_, options_.name).texts.empty()) {
      return Complain("there is no text of a list '" + options_.name + '\'', kFindings);
    }
    if (where_.compiled.empty()) {
      return Complain("lists of these directories are compiled when they are read", kMisuse);
    }
    Diagnostics diagnostics;
    int status = kGood;
    std::vector<std::string> names = {options_.name};
    if (options_.name.empty()) names = ListNames(where_);
    for (const std::string& name : names) {
      if (Status done = RefreshCompiledList(where_, name, diagnostics); !done) {
        status = Complain(done.message(), kFindings);
      }
    }
    Print(diagnostics, common_, common_.json);
    return status;
  }

  int Check() {
    Diagnostics diagnostics;
    const Result<OpenedList> opened = OpenList(Uncompiled(), options_.name, diagnostics);
    Print(diagnostics, common_, common_.json);
    if (!opened) return Complain(opened.message(), kFindings);
    const std::size_t bad = diagnostics.errors();
    if (!common_.json) {
      std::printf("%s: %zu entries, %zu rejected\n", options_.name.c_str(), opened->list.Count(),
                  bad);
    }
    return bad == 0 ? kGood : kFindings;
  }

 private:
  ListDirectories Uncompiled() const {
    ListDirectories where = where_;
    where.compiled.clear();
    return where;
  }

  int ShowNames() const {
    for (const std::string& name : ListNames(where_)) {
      std::string out = Shown(name);
      if (common_.json) {
        out = "{\"list\":";
        AppendJsonString(out, name);
        out += '}';
      }
      std::puts(out.c_str());
    }
    return kGood;
  }

  static void PrintJson(std::string_view key, std::string_view value) {
    std::string out = "{\"key\":";
    AppendJsonString(out, key);
    out += ",\"value\":";
    AppendJsonString(out, value);
    std::puts((out + '}').c_str());
  }

  std::optional<List> Open() {
    Diagnostics diagnostics;
    Result<OpenedList> opened = OpenList(where_, options_.name, diagnostics);
    Print(diagnostics, common_, false);
    if (opened) return std::move(opened->list);
    Complain(opened.message(), kFindings);
    return {};
  }

  /// A misspelt list or value is an entry all the same, and detects nothing.
  void WarnIfUnasked() const {
    const LoadedPolicy loaded = LoadPolicy(common_.Source(), 1);
    const LintedRules rules{loaded.policy->ruleset, loaded.definitions};
    if (IsAskedFor(rules, options_.name, options_.value)) return;
    const std::string value =
        options_.value.empty() ? "an entry without a value" : "the value '" + options_.value + '\'';
    Complain("warning: no rule asks the list '" + options_.name + "' for " + value, kGood);
  }

  std::string TextPath() const { return where_.directories.front() + '/' + options_.name; }

  /// Where a link leads, so that it stays one.
  static std::string Resolved(const std::string& path) {
    std::error_code none;
    const std::filesystem::path real = std::filesystem::canonical(path, none);
    return none ? path : real.string();
  }

  /// A file that is not there yet is empty; any other failure must not look like that.
  static Result<std::string> ReadText(const std::string& path) {
    if (!FileExists(path)) return std::string();
    Result<std::string> text = ReadFile(path, kTextLimit);
    if (!text) return Error{path + ": " + text.message()};
    return text;
  }

  bool StandsElsewhere() const {
    const ListSources sources = FindListSources(where_, options_.name);
    for (const std::string& path : sources.texts) {
      if (path == TextPath()) continue;
      const Result<std::string> text = ReadText(path);
      if (text && HasListEntry(*text, options_.key)) return true;
    }
    return false;
  }

  Status Exclude() {
    const std::string path = TextPath() + std::string(kExclusions);
    const Result<std::string> before = ReadText(path);
    if (!before) return before.error();
    const Result<std::string> text = SetListEntry(*before, options_.key, "");
    if (!text) return text.error();
    return WriteFileAtomically(Resolved(path), *text, 0644, true);
  }

  /// Takes the key out of the exclusions, where it would hide the entry.
  Status Include() {
    const std::string path = TextPath() + std::string(kExclusions);
    const Result<std::string> text = ReadText(path);
    if (!text) return text.error();
    if (!HasListEntry(*text, options_.key)) return {};
    return WriteFileAtomically(Resolved(path), RemoveListEntry(*text, options_.key), 0644, true);
  }

  /// Afterwards the list is compiled and the plugin told.
  int Edit(const std::function<Status()>& change) {
    const int status = EditAlone(change);
    return status == kGood && !where_.compiled.empty() ? ReloadPlugin(common_, true) : status;
  }

  /// One editor at a time.
  int EditAlone(const std::function<Status()>& change) {
    if (const ListSources sources = FindListSources(where_, options_.name);
        !sources.ready.empty()) {
      return Complain(sources.ready + " has no text to edit", kFindings);
    }
    const std::string& directory = where_.directories.front();
    const Fd lock(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!lock || flock(lock.get(), LOCK_EX) != 0) {
      return Complain(OsError("cannot lock " + directory).message, kFindings);
    }
    if (Status done = change(); !done) return Complain(done.message(), kFindings);
    if (where_.compiled.empty()) return kGood;
    Diagnostics diagnostics;
    const Status compiled = RefreshCompiledList(where_, options_.name, diagnostics);
    Print(diagnostics, common_, false);
    return compiled ? kGood : Complain(compiled.message(), kFindings);
  }

  const CommonOptions& common_;
  const ListOptions& options_;
  ListDirectories where_;
};

}  // namespace

int RunList(const CommonOptions& common, const ListOptions& options) {
  if (!options.name.empty() && ListName(options.name) != options.name) {
    return Complain("'" + options.name + "' is no name of a list", kMisuse);
  }
  ListCommand list(common, options);
  switch (options.action) {
    case ListOptions::Action::kShow:
      return list.Show();
    case ListOptions::Action::kGet:
      return list.Get();
    case ListOptions::Action::kAdd:
      return list.Add();
    case ListOptions::Action::kRemove:
      return list.Remove();
    case ListOptions::Action::kCompile:
      return list.Compile();
    case ListOptions::Action::kCheck:
      return list.Check();
  }
  return kMisuse;
}

}  // namespace tld
