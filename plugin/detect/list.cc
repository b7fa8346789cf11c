// SPDX-License-Identifier: Apache-2.0
#include "detect/list.h"

#include <cdb.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kTextLimit = std::size_t{1} << 30;

/// The key under which a compiled list says what it was made from. Texts cannot hold a NUL.
constexpr std::string_view kSourcesKey{"\0tld-audisp sources", 19};

/// Size, time and content of a source; content last, since it is the longest to find out.
Result<std::string> Describe(const std::string& path, const FileTrust& trust) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return OsError("cannot open");
  struct stat st {};
  if (fstat(fd.get(), &st) != 0) return OsError("cannot stat");
  if (Status trusted = CheckTrust(st, trust); !trusted) return trusted.error();
  Result<std::string> digest = Sha256Hex(fd.get());
  if (!digest) return digest;
  return path + ' ' + std::to_string(st.st_size) + ' ' + std::to_string(st.st_mtim.tv_sec) + '.' +
         std::to_string(st.st_mtim.tv_nsec) + ' ' + *digest + '\n';
}

Result<std::string> DescribeAll(const ListSources& sources, const FileTrust& trust) {
  std::string all;
  for (const auto* paths : {&sources.texts, &sources.exclusions}) {
    for (const std::string& path : *paths) {
      Result<std::string> one = Describe(path, trust);
      if (!one) return Error{path + ": " + one.message()};
      all += *one;
    }
    all += '\n';
  }
  return all;
}

std::optional<SourceText> ReadSource(const std::string& path, const FileTrust& trust,
                                     Diagnostics& diagnostics) {
  Result<std::string> text = ReadFile(path, kTextLimit, trust);
  if (text) return SourceText{path, *std::move(text)};
  diagnostics.AddFile(path, {Severity::kError, "unreadable-file", text.message()});
  return {};
}

/// Puts the texts of one list into a cdb under construction.
class Compiler {
 public:
  Compiler(cdb_make& make, Diagnostics& diagnostics) : make_(make), diagnostics_(diagnostics) {}

  void Exclude(const SourceText& source) {
    ReadListText(source, diagnostics_,
                 [&](const ListEntry& entry) { excluded_.emplace(entry.key); });
  }

  /// Of a key in several files the first counts. What is known of that is kept here, since
  /// CDB_PUT_INSERT looks through all records of a table: hours for ten million.
  void Add(SourceText text) {
    const SourceText& source = sources_.emplace_back(std::move(text));
    ReadListText(source, diagnostics_, [&](const ListEntry& entry) {
      const auto [first, is_new] = seen_.try_emplace(entry.key, &source);
      if (is_new && !excluded_.contains(std::string(entry.key))) {
        Put(entry.key, entry.value);
      } else if (!is_new && first->second == &source) {
        diagnostics_.Add(source, entry.at,
                         {Severity::kWarning, "duplicate-key",
                          "the key '" + std::string(entry.key) +
                              "' stands in this file before; the first one counts"});
      }
    });
  }

  void Put(std::string_view key, std::string_view value) {
    failed_ |= cdb_make_put(&make_, key.data(), static_cast<unsigned>(key.size()), value.data(),
                            static_cast<unsigned>(value.size()), CDB_PUT_ADD) < 0;
  }

  bool failed() const { return failed_; }

 private:
  cdb_make& make_;
  Diagnostics& diagnostics_;
  std::unordered_set<std::string> excluded_;
  std::deque<SourceText> sources_;  // the keys of `seen_` are views into them
  std::unordered_map<std::string_view, const SourceText*> seen_;
  bool failed_ = false;
};

/// A constant database begins with the places and lengths of 256 tables, which end the file
/// (https://cr.yp.to/cdb/cdb.txt). The library looks at none of them before a look-up.
bool HasTables(const cdb& database) {
  constexpr unsigned kTables = 256;
  constexpr unsigned kSlotBytes = 8;
  unsigned end = database.cdb_fsize;
  for (unsigned i = kTables; i-- > 0;) {
    const unsigned char* table = database.cdb_mem + std::size_t{kSlotBytes} * i;
    const unsigned at = cdb_unpack(table);
    const unsigned slots = cdb_unpack(table + 4);
    if (slots == 0) continue;  // its place says nothing
    if (at > end || slots != (end - at) / kSlotBytes || (end - at) % kSlotBytes != 0) return false;
    end = at;
  }
  return end >= kTables * kSlotBytes;
}

}  // namespace

void List::Close::operator()(cdb* database) const {
  cdb_free(database);
  delete database;
}

Result<List> List::Open(std::string name, const Fd& fd) {
  auto* raw = new cdb{};
  if (cdb_init(raw, fd.get()) != 0) {
    delete raw;
    return Error{"is no constant database"};
  }
  List list(std::move(name), std::unique_ptr<cdb, Close>(raw));
  if (!HasTables(*raw)) return Error{"is no constant database"};
  return list;
}

std::optional<std::string_view> List::Find(std::string_view key) const {
  if (key == kSourcesKey) return {};  // ours, whatever a record holds
  return Get(key);
}

std::optional<std::string_view> List::Get(std::string_view key) const {
  cdb* database = database_.get();  // tinycdb notes the place found in it
  if (cdb_find(database, key.data(), static_cast<unsigned>(key.size())) <= 0) return {};
  const void* value = cdb_get(database, cdb_datalen(database), cdb_datapos(database));
  if (value == nullptr) return {};
  return std::string_view(static_cast<const char*>(value), cdb_datalen(database));
}

std::size_t List::Count() const {
  std::size_t count = 0;
  ForEach([&](std::string_view, std::string_view) {
    ++count;
    return true;
  });
  return count;
}

void List::ForEach(const std::function<bool(std::string_view, std::string_view)>& take) const {
  cdb* database = database_.get();
  unsigned place = 0;
  cdb_seqinit(&place, database);
  while (cdb_seqnext(&place, database) > 0) {
    const auto* key = static_cast<const char*>(cdb_getkey(database));
    const auto* value = static_cast<const char*>(cdb_getdata(database));
    if (key == nullptr || value == nullptr) return;
    const std::string_view key_view(key, cdb_keylen(database));
    if (key_view == kSourcesKey) continue;
    if (!take(key_view, {value, cdb_datalen(database)})) return;
  }
}

std::string_view List::Sources() const { return Get(kSourcesKey).value_or(std::string_view()); }

std::optional<std::string> ListName(std::string_view path) {
  std::string_view name = BaseName(Trim(path));
  if (name.ends_with(".cdb")) name.remove_suffix(4);
  if (name.empty() || name == "." || name == ".." || name.find('\0') != name.npos) return {};
  if (name.ends_with(kExclusions)) return {};  // beside a list
  return std::string(name);
}

ListSources FindListSources(const ListDirectories& where, std::string_view name) {
  ListSources sources;
  sources.name = name;
  const bool first_only =
      std::find(where.first_only.begin(), where.first_only.end(), name) != where.first_only.end();
  for (const std::string& directory : where.directories) {
    const std::string path = directory + '/' + sources.name;
    if (FileExists(path)) sources.texts.push_back(path);
    const std::string exclusions = path + std::string(kExclusions);
    if (FileExists(exclusions)) sources.exclusions.push_back(exclusions);
    if (sources.ready.empty() && FileExists(path + ".cdb")) sources.ready = path + ".cdb";
    if (first_only) break;
  }
  if (!sources.texts.empty()) sources.ready.clear();
  return sources;
}

Status CompileList(const ListSources& sources, const FileTrust& trust, int fd,
                   Diagnostics& diagnostics) {
  const Result<std::string> described = DescribeAll(sources, trust);
  if (!described) return described.error();
  cdb_make make{};
  if (cdb_make_start(&make, fd) != 0) return OsError("cannot write list " + sources.name);
  Compiler compiler(make, diagnostics);
  for (const std::string& path : sources.exclusions) {
    if (const auto source = ReadSource(path, trust, diagnostics)) compiler.Exclude(*source);
  }
  for (const std::string& path : sources.texts) {
    if (auto source = ReadSource(path, trust, diagnostics)) compiler.Add(*std::move(source));
  }
  compiler.Put(kSourcesKey, *described);
  const bool failed = compiler.failed();
  if (cdb_make_finish(&make) != 0 || failed) return OsError("cannot write list " + sources.name);
  return {};
}

namespace {

/// A list file that needs no compiling: the compiled one when it fits, or a cdb without text.
Result<std::optional<List>> OpenReady(const ListDirectories& where, const ListSources& sources) {
  const bool compiled = sources.ready.empty();
  if (compiled && where.compiled.empty()) return std::optional<List>();
  const std::string path = compiled ? where.compiled + '/' + sources.name + ".cdb" : sources.ready;
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd && compiled) return std::optional<List>();
  if (!fd) return OsError("cannot open " + path);
  struct stat st {};
  if (fstat(fd.get(), &st) != 0) return OsError("cannot stat " + path);
  if (Status trusted = CheckTrust(st, where.trust); !trusted) {
    return Error{path + ": " + trusted.message()};
  }
  Result<List> list = List::Open(sources.name, fd);
  if (!list)
    return compiled ? Result<std::optional<List>>(std::nullopt)
                    : Error{path + ": " + list.message()};
  if (compiled) {
    const Result<std::string> described = DescribeAll(sources, where.trust);
    if (!described) return described.error();
    if (list->Sources() != *described) return std::optional<List>();
  }
  return std::optional<List>(*std::move(list));
}

}  // namespace

Result<OpenedList> OpenList(const ListDirectories& where, std::string_view name,
                            Diagnostics& diagnostics) {
  const ListSources sources = FindListSources(where, name);
  if (!sources.found()) return Error{"there is no list '" + sources.name + "'"};
  Result<std::optional<List>> ready = OpenReady(where, sources);
  if (!ready) return ready.error();
  if (ready->has_value()) return OpenedList{std::move(**ready), false};
  Result<Fd> fd = OpenUnlinked(where.scratch);
  if (!fd) return fd.error();
  Diagnostics found;
  const Status done = CompileList(sources, where.trust, fd->get(), found);
  diagnostics.Append(found);
  if (!done) return done.error();
  Result<List> list = List::Open(sources.name, *fd);
  if (!list) return list.error();
  if (found.HasErrors()) {
    diagnostics.AddFile(sources.texts.front(),
                        {Severity::kWarning, "partial-list",
                         "list '" + sources.name + "': loaded " + std::to_string(list->Count()) +
                             " entries, " + std::to_string(found.errors()) + " rejected"});
  }
  return OpenedList{*std::move(list), !where.compiled.empty()};
}

Status RefreshCompiledList(const ListDirectories& where, std::string_view name,
                           Diagnostics& diagnostics) {
  const ListSources sources = FindListSources(where, name);
  if (!sources.found()) return Error{"there is no list '" + sources.name + "'"};
  if (!sources.ready.empty()) return {};
  if (const auto ready = OpenReady(where, sources); ready && ready->has_value()) return {};
  if (Status made = MakeDirectories(where.compiled, 0755); !made) return made;
  Result<AtomicFile> file = AtomicFile::Create(where.compiled + '/' + sources.name + ".cdb", 0644);
  if (!file) return file.error();
  Diagnostics found;
  if (Status done = CompileList(sources, where.trust, file->fd(), found); !done) return done;
  diagnostics.Append(found);
  // A list with bad lines is not put in place: the compiled one stays what it was.
  if (found.HasErrors()) return Error{"the list '" + sources.name + "' has errors"};
  return file->Commit(true);
}

std::vector<std::string> ListNames(const ListDirectories& where) {
  std::set<std::string> names;
  for (const std::string& directory : where.directories) {
    const Result<std::vector<std::string>> entries = ListDirectory(directory);
    if (!entries) continue;
    for (std::string name : *entries) {
      if (name.starts_with('.') || name.ends_with('~') || name.ends_with(kExclusions)) continue;
      if (name.ends_with(".cdb")) name.resize(name.size() - 4);
      if (name.find('.') == name.npos) names.insert(name);
    }
  }
  return {names.begin(), names.end()};
}

}  // namespace tld
