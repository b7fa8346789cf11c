// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "base/os.h"
#include "base/result.h"

struct cdb;

/// Lists of keys with values, as tld-audisp-lists(5) describes them: text files that people edit,
/// compiled into a constant database (cdb(5)) that is looked up by mmap, never loaded whole.
namespace tld {

/// An entry of a list's text.
struct ListEntry {
  std::string_view key;
  std::string_view value;
  Offset at;
};

/// Calls `take` for each good line of the text, in order, and adds an error for each bad one.
void ReadListText(const SourceText& source, Diagnostics& diagnostics,
                  const std::function<void(const ListEntry&)>& take);

/// A compiled list. Views it returns live as long as it does.
class List {
 public:
  /// Takes a descriptor of a complete cdb file; keeps the mapping, not the descriptor.
  static Result<List> Open(std::string name, const Fd& fd);

  const std::string& name() const { return name_; }
  /// The value of a key, exact bytes.
  std::optional<std::string_view> Find(std::string_view key) const;
  /// Number of entries. Walks the whole list.
  std::size_t Count() const;
  /// Calls `take(key, value)` for each entry until it returns false.
  void ForEach(const std::function<bool(std::string_view, std::string_view)>& take) const;
  /// What the list was compiled from, as CompileList wrote it; empty for a foreign cdb file.
  std::string_view Sources() const;

 private:
  struct Close {
    void operator()(cdb* database) const;
  };
  explicit List(std::string name, std::unique_ptr<cdb, Close> database)
      : name_(std::move(name)), database_(std::move(database)) {}
  std::optional<std::string_view> Get(std::string_view key) const;

  std::string name_;
  std::unique_ptr<cdb, Close> database_;
};

/// Behind the name of a list: the file of the keys that it does not have.
inline constexpr std::string_view kExclusions = ".exclude";

/// Where lists come from, highest priority first: the first of two equal keys wins. A NAME.exclude
/// file in any of the directories takes keys out of the list NAME.
struct ListDirectories {
  std::vector<std::string> directories;
  /// Directory of NAME.cdb files made by `tldctl list compile`; empty = none are used.
  std::string compiled;
  /// Where an unnamed file can be made when the compiled one is stale.
  std::string scratch = "/tmp";
  /// Names that are taken from the first directory only (the shipped catalogue, switched off).
  std::vector<std::string> first_only;
  FileTrust trust;
};

/// The texts of a list and its exclusions.
struct ListSources {
  std::string name;
  std::vector<std::string> texts;       ///< by priority
  std::vector<std::string> exclusions;  ///< NAME.exclude files
  std::string ready;                    ///< a NAME.cdb without text, or empty

  bool found() const { return !texts.empty() || !ready.empty(); }
};
ListSources FindListSources(const ListDirectories& where, std::string_view name);

/// The name of a list in a path of the manager: `etc/lists/NAME`, `NAME.cdb` …; nothing if no name
/// remains or it could leave the directories.
std::optional<std::string> ListName(std::string_view path);

/// Writes the compiled list to `fd`. Bad lines become errors in `diagnostics`, the rest is written.
Status CompileList(const ListSources& sources, const FileTrust& trust, int fd,
                   Diagnostics& diagnostics);

struct OpenedList {
  List list;
  bool stale = false;  ///< the compiled file did not fit the texts; an unnamed one is used
};

/// Opens the compiled list when it fits its texts, else compiles into an unnamed file.
Result<OpenedList> OpenList(const ListDirectories& where, std::string_view name,
                            Diagnostics& diagnostics);

/// Compiles a list into its place in `where.compiled`, by rename, unless it is up to date.
Status RefreshCompiledList(const ListDirectories& where, std::string_view name,
                           Diagnostics& diagnostics);

/// All names that have a text or a compiled file in the directories, sorted. Not those with a dot:
/// dpkg and editors leave such files beside a list.
std::vector<std::string> ListNames(const ListDirectories& where);

}  // namespace tld
