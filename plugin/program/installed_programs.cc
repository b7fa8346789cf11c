// SPDX-License-Identifier: Apache-2.0
#include "program/installed_programs.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "detect/pattern.h"

namespace tld {
namespace {

/// Where packages and administrators put programs (hier(7)).
const std::vector<std::string> kDirectories = {
    "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/games"};
constexpr std::int64_t kScanMs = 10'000;
constexpr std::size_t kMostPrograms = kMostSizes;
constexpr std::size_t kMostFiles = 65'536;  // a large /usr/bin has 5,000
constexpr std::size_t kLearnAtOnce = 64;    // the socket takes about 280 questions
/// How long a directory is left out that the witness died of twice, as of one of a dead file
/// server.
constexpr std::int64_t kAvoidMs = 3'600'000;
constexpr int kDeaths = 2;
constexpr std::int64_t kNever = -1;  // a directory's time that no directory has

}  // namespace

int RankOf(std::string_view colour) {
  static const OsMatch red("red"), orange("orange"), yellow("yellow");  // as the rules look at it
  return red.Matches(colour) ? 4 : orange.Matches(colour) ? 3 : yellow.Matches(colour) ? 2 : 1;
}

std::vector<ListedProgram> ListedPrograms(const List& list, std::vector<FoundFile> files) {
  // All names of a file side by side: symbolic links and hard links.
  std::sort(files.begin(), files.end(), [](const FoundFile& a, const FoundFile& b) {
    return std::tie(a.device, a.inode, a.path, a.name) <
           std::tie(b.device, b.inode, b.path, b.name);
  });
  std::vector<ListedProgram> programs;
  for (auto begin = files.begin(); begin != files.end() && programs.size() < kMostPrograms;) {
    const auto end = std::find_if(begin, files.end(), [&](const FoundFile& file) {
      return file.device != begin->device || file.inode != begin->inode;
    });
    const bool one_path = begin->path == std::prev(end)->path;
    const std::string own(BaseName(begin->path));
    // Its own name is enough, if it has but one; else every other one must be listed.
    const auto own_colour = one_path ? list.Find(own) : std::nullopt;
    ListedProgram program{own, begin->path, 0, begin->device, begin->inode, begin->size, {}};
    bool all = true;
    for (auto file = begin; file != end; ++file) {
      if (one_path && !own_colour && file->name == own) continue;
      const auto colour = list.Find(file->name);
      all = all && colour;
      if (colour && RankOf(*colour) > program.rank) {
        program.rank = RankOf(*colour);
        program.name = file->name;
      }
    }
    if (own_colour && RankOf(*own_colour) == program.rank) program.name = own;
    if (program.rank > 0 && (all || own_colour)) programs.push_back(std::move(program));
    begin = end;
  }
  return programs;
}

InstalledPrograms::InstalledPrograms(WitnessClient& witness)
    : witness_(witness), directories_(kDirectories.size()) {}

void InstalledPrograms::SetList(const List* list) {
  list_ = list;
  StartScan(true);
}

void InstalledPrograms::StartScan(bool whole) {
  scanned_ms_ = now_ms_;
  scan_ = Scan{};
  scan_->whole = whole;
  GoOn();
}

void InstalledPrograms::GoOn() {
  while (scan_->directory < directories_.size() &&
         directories_[scan_->directory].avoided_until_ms > now_ms_) {
    ++scan_->directory;
  }
  if (scan_->directory == directories_.size()) {
    EndScan();
    return;
  }
  const std::uint64_t id = witness_.NewId();
  const std::int64_t known = scan_->whole ? kNever : directories_[scan_->directory].changed_ns;
  const bool sent = witness_.Ask({.kind = WitnessQuestion::Kind::kList, .id = id, .time_ns = known},
                                 kDirectories[scan_->directory]);
  scan_->question = sent ? id : 0;
  scan_->begun = false;
}

void InstalledPrograms::TakeFiles(const WitnessAnswer& answer, std::string_view files) {
  scan_->begun = true;
  scanned_ms_ = now_ms_;
  for (FoundFile file; scan_->whole && NextFile(files, file);) {
    if (scan_->files.size() < kMostFiles) scan_->files.push_back(std::move(file));
  }
  if (!answer.last) return;
  Directory& directory = directories_[scan_->directory];
  if (!scan_->whole && directory.changed_ns != answer.time_ns) {
    StartScan(true);
    return;
  }
  directory.changed_ns = answer.time_ns;
  directory.deaths = 0;
  ++scan_->directory;
  GoOn();
}

void InstalledPrograms::EndScan() {
  const bool whole = scan_->whole;
  std::vector<FoundFile> files = std::move(scan_->files);
  scan_.reset();
  if (!whole) {
    // No file came or went; the content of one may be another.
    for (ListedProgram& program : programs_) program.asked = false;
    Learn();
    return;
  }
  std::vector<ListedProgram> found;
  if (list_ != nullptr) found = ListedPrograms(*list_, std::move(files));
  // What is known of a file stays until the witness has looked again.
  for (ListedProgram& program : found) {
    for (const ListedProgram& old : programs_) {
      if (old.inode == program.inode && old.device == program.device && old.size == program.size) {
        program.sha256 = old.sha256;
      }
    }
  }
  programs_ = std::move(found);
  listed_ = true;
  Teach();
}

std::size_t InstalledPrograms::avoided() const {
  return static_cast<std::size_t>(std::count_if(
      directories_.begin(), directories_.end(),
      [this](const Directory& directory) { return directory.avoided_until_ms > now_ms_; }));
}

/// Tells the witness which sizes are worth a look, and asks for the hash of each listed program. It
/// answers in order, so what is asked later is compared with all of them.
bool InstalledPrograms::Teach() {
  learning_.clear();
  std::string sizes;
  for (ListedProgram& program : programs_) {
    program.asked = false;
    sizes.append(reinterpret_cast<const char*>(&program.size), sizeof program.size);
  }
  taught_ = witness_.Ask({.kind = WitnessQuestion::Kind::kSizes}, sizes);
  if (taught_) Learn();
  return taught_;
}

/// A portion, so that the socket has room for what was run; the rest in a second.
void InstalledPrograms::Learn() {
  std::size_t portion = kLearnAtOnce;
  for (std::size_t i = 0; i < programs_.size() && portion > 0; ++i) {
    if (programs_[i].asked) continue;
    const std::uint64_t id = witness_.NewId();
    if (!witness_.Ask({.kind = WitnessQuestion::Kind::kLearn, .id = id}, programs_[i].path)) return;
    programs_[i].asked = true;
    learning_[id] = i;
    --portion;
  }
}

bool InstalledPrograms::TakeAnswer(const WitnessAnswer& answer, std::string_view files) {
  if (scan_ && scan_->question != 0 && answer.id == scan_->question) {
    TakeFiles(answer, files);
    return true;
  }
  const auto learning = learning_.find(answer.id);
  if (learning == learning_.end()) return false;
  ListedProgram& program = programs_[learning->second];
  learning_.erase(learning);
  if (answer.unseen == Unseen::kSeen) {
    TakeLearned(program, answer);
  } else {
    witness_.Count(answer.unseen);
  }
  return true;
}

void InstalledPrograms::TakeLearned(ListedProgram& program, const WitnessAnswer& answer) {
  program.sha256 = answer.sha256;
  if (program.size == answer.size && program.inode == answer.inode) return;
  // Written anew in its place: the witness has to know its size.
  program.size = answer.size;
  program.inode = answer.inode;
  taught_ = false;
}

void InstalledPrograms::StartAnew() {
  if (scan_ && scan_->begun) {
    Directory& directory = directories_[scan_->directory];
    if (++directory.deaths >= kDeaths) {
      directory.deaths = 0;
      directory.avoided_until_ms = now_ms_ + kAvoidMs;
      witness_.Count(Unseen::kTooSlow);  // that is told
    }
  }
  Teach();
  StartScan(true);
}

void InstalledPrograms::KeepHouse(std::int64_t now_ms) {
  now_ms_ = now_ms;
  if (Taught()) Learn();
  if (scan_ && scan_->question == 0) GoOn();
  if (now_ms - scanned_ms_ >= kScanMs) StartScan(scan_.has_value());
}

}  // namespace tld
