// SPDX-License-Identifier: Apache-2.0
#include "program/recognizer.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>
#include <utility>

#include "base/text.h"

namespace tld {
namespace {

/// Where packages and administrators put programs (hier(7)).
const std::vector<std::string> kDirectories = {
    "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/games"};
constexpr std::string_view kSuspicious = "suspicious-programs";
constexpr std::int64_t kScanMs = 10'000;
constexpr std::int64_t kAnswerMs = 5'000;
/// A program of root's that was looked at is looked at again after this: who can change it within
/// can do more.
constexpr std::int64_t kGuardedMs = 1'000;
constexpr std::size_t kMostAsked = 4096;
constexpr std::size_t kMostPrograms = kMostSizes;

unsigned Hexadecimal(std::string_view digits) {
  unsigned value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

/// Where nobody but root makes files.
bool IsOfTheSystem(std::string_view path) {
  return path.starts_with("/usr/") || path.starts_with("/bin/") || path.starts_with("/sbin/");
}

std::string RealPath(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(realpath(path.c_str(), nullptr), std::free);
  return real ? real.get() : std::string();
}

std::int64_t ChangeTime(const std::string& path) {
  struct stat st {};
  if (stat(path.c_str(), &st) != 0) return 0;
  return st.st_mtim.tv_sec * 1'000'000'000 + st.st_mtim.tv_nsec;
}

/// A file, and the names that lead to it: symbolic links and hard links.
struct Named {
  std::set<std::string> names;
  std::set<std::string> paths;  // without symbolic links
  struct stat st {};
};

}  // namespace

int RankOf(std::string_view colour) {
  static const OsMatch red("red"), orange("orange"), yellow("yellow");  // as the rules look at it
  return red.Matches(colour) ? 4 : orange.Matches(colour) ? 3 : yellow.Matches(colour) ? 2 : 1;
}

std::vector<ListedProgram> FindListedPrograms(const List& list,
                                              const std::vector<std::string>& directories) {
  std::map<std::pair<dev_t, ino_t>, Named> files;
  for (const std::string& directory : directories) {
    const auto names = ListDirectory(directory);
    if (!names) continue;
    for (const std::string& name : *names) {
      const std::string real = RealPath(directory + '/' + name);
      struct stat st {};
      if (real.empty() || stat(real.c_str(), &st) != 0 || !S_ISREG(st.st_mode)) continue;
      Named& file = files[{st.st_dev, st.st_ino}];
      file.names.insert(name);
      file.paths.insert(real);
      file.st = st;
    }
  }
  std::vector<ListedProgram> programs;
  for (auto& [id, file] : files) {
    const bool any = std::any_of(file.names.begin(), file.names.end(),
                                 [&](const std::string& name) { return list.Find(name); });
    if (!any) continue;
    const std::string& path = *file.paths.begin();
    const std::string own(BaseName(path));
    // Its own name is enough, if it has but one; else every other one must be listed.
    const bool own_listed = file.paths.size() == 1 && list.Find(own).has_value();
    if (!own_listed && file.paths.size() == 1) file.names.erase(own);
    ListedProgram program{
        own, path, 0, file.st.st_dev, file.st.st_ino, static_cast<std::uint64_t>(file.st.st_size),
        {}};
    bool all = true;
    for (const std::string& name : file.names) {
      const auto colour = list.Find(name);
      all = all && colour;
      if (colour && RankOf(*colour) > program.rank) {
        program.rank = RankOf(*colour);
        program.name = name;
      }
    }
    if (own_listed && RankOf(*list.Find(own)) == program.rank) program.name = own;
    if (all || own_listed) programs.push_back(std::move(program));
    if (programs.size() == kMostPrograms) break;
  }
  return programs;
}

Recognizer::Recognizer(int talk, Take take)
    : talk_(talk), take_(std::move(take)), next_id_(Random64() | 1) {}

void Recognizer::SetPolicy(const Policy& policy) {
  const std::vector<List>& lists = policy.ruleset.lists;
  const auto list = std::find_if(lists.begin(), lists.end(),
                                 [](const List& l) { return l.name() == kSuspicious; });
  list_ = list == lists.end() ? nullptr : &*list;
  host_ = policy.host;
  Scan();
}

void Recognizer::Scan() {
  directory_times_.clear();
  for (const std::string& directory : kDirectories) {
    directory_times_.push_back(ChangeTime(directory));
  }
  programs_ =
      list_ == nullptr ? std::vector<ListedProgram>() : FindListedPrograms(*list_, kDirectories);
  asked_.clear();
  Teach();
}

/// Tells the witness which sizes are worth a look, and asks for the hash of each listed program. It
/// answers in order, so what is asked later is compared with all of them.
bool Recognizer::Teach() {
  learning_.clear();
  std::string sizes;
  for (ListedProgram& program : programs_) {
    program.asked = false;
    sizes.append(reinterpret_cast<const char*>(&program.size), sizeof program.size);
  }
  taught_ = Send({.kind = WitnessQuestion::Kind::kSizes}, sizes);
  if (taught_) Learn();
  return taught_;
}

/// As many as the socket takes; the rest in a second.
void Recognizer::Learn() {
  for (std::size_t i = 0; i < programs_.size(); ++i) {
    if (programs_[i].asked || programs_[i].sha256) continue;
    const std::uint64_t id = next_id_++;
    if (!Send({.kind = WitnessQuestion::Kind::kLearn, .id = id}, programs_[i].path)) return;
    programs_[i].asked = true;
    learning_[id] = i;
  }
}

bool Recognizer::Send(WitnessQuestion question, std::string_view rest) {
  if (talk_ < 0) return false;
  iovec parts[2] = {{&question, sizeof question}, {const_cast<char*>(rest.data()), rest.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  return sendmsg(talk_, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

std::optional<Recognizer::Place> Recognizer::PlaceOf(const RawEvent& raw) {
  for (const RawRecord& record : raw.records) {
    if (record.type != record_type::kPath) continue;
    std::string_view body = raw.Body(record);
    bool first = false;
    Place place;
    std::uint64_t mode = 0;
    bool roots = false;
    for (RawField field; NextRawField(body, field);) {
      if (field.name == "item") first = field.value == "0";
      if (field.name == "inode") place.inode = ParseNumber(field.value).value_or(0);
      if (field.name == "dev") {
        const std::size_t colon = field.value.find(':');
        if (colon == field.value.npos) continue;
        place.device = makedev(Hexadecimal(field.value.substr(0, colon)),
                               Hexadecimal(field.value.substr(colon + 1)));
      }
      if (field.name == "mode") mode = std::strtoul(std::string(field.value).c_str(), nullptr, 8);
      if (field.name == "ouid") roots = field.value == "0";
    }
    place.guarded = roots && (mode & 022) == 0;
    if (first && place.inode != 0) return place;
  }
  return {};
}

int Recognizer::RankByName(const Event& event) const {
  int rank = 0;
  for (const Field& name : event.Find("audit.program")) {
    if (const auto colour = list_->Find(name.value)) rank = std::max(rank, RankOf(*colour));
  }
  return rank;
}

void Recognizer::Consider(const Event& event, std::int64_t now_ms) {
  if (programs_.empty() || event.is_own() || event.arguments().empty()) return;
  if (event.First("audit.success") != "yes") return;
  const std::string& node = event.id().node;
  if (!node.empty() && node != host_) return;
  const std::optional<Place> place = PlaceOf(event.raw());
  if (!place) return;
  const int rank = RankByName(event);
  bool script = false;
  bool loader = false;
  for (const Field& way : event.Find("audit.identity.via")) {
    script |= way.value == "script";
    loader |= way.value == "loader";
  }
  for (const ListedProgram& program : programs_) {
    if (loader || program.inode != place->inode || program.device != place->device) continue;
    if (program.rank > rank) {
      ++counters_.recognized;
      take_(MakeIdentityEvent(event.raw(), {program.name, program.path, "inode", {}}));
    }
    return;
  }
  const bool higher = std::any_of(programs_.begin(), programs_.end(),
                                  [&](const ListedProgram& p) { return p.rank > rank; });
  if (!higher) return;
  const Look exe{std::string(event.First("audit.exe")), *place, false};
  const auto files = event.Find("audit.identity.file");
  if ((script || loader) && !files.empty()) {
    // PATH names the script or the loader. That there is a script is no more than the arguments
    // say: whichever of the two has the inode is looked at. What a loader is given has none in the
    // records.
    const Place behind = loader ? Place{} : *place;
    Ask(event, {std::string(files.back().value), behind, true}, rank, now_ms);
  }
  const bool lately = place->guarded && IsOfTheSystem(exe.path) && AskedLately(*place, now_ms);
  if (!lately) Ask(event, exe, rank, now_ms);
}

bool Recognizer::AskedLately(const Place& place, std::int64_t now_ms) {
  if (asked_.size() >= kMostAsked) asked_.clear();
  const auto [asked, is_new] = asked_.try_emplace(place.inode, now_ms);
  if (is_new || now_ms - asked->second >= kGuardedMs) {
    asked->second = now_ms;
    return false;
  }
  return true;
}

void Recognizer::Ask(const Event& event, const Look& look, int rank, std::int64_t now_ms) {
  ++counters_.asked;
  if (look.path.empty() || look.path[0] != '/' || look.path.size() > kMostPathBytes) {
    Count(Unseen::kGone);
    return;
  }
  const std::size_t bytes = event.raw().text.size();
  const std::uint64_t id = next_id_++;
  if (waiting_.size() >= kMostWaiting || waiting_bytes_ + bytes > kMostWaitingBytes ||
      (!taught_ && !Teach()) ||
      !Send({.follow = look.follow ? 1u : 0u,
             .id = id,
             .inode = look.place.inode,
             .device = look.place.device},
            look.path)) {
    Count(Unseen::kBusy);
    return;
  }
  waiting_bytes_ += bytes;
  waiting_.emplace(id, Waiting{event.raw(), rank, now_ms});
}

void Recognizer::ReadAnswers() {
  WitnessAnswer answer;
  while (talk_ >= 0) {
    const ssize_t n = recv(talk_, &answer, sizeof answer, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n != static_cast<ssize_t>(sizeof answer)) return;
    TakeAnswer(answer);
  }
}

void Recognizer::TakeAnswer(const WitnessAnswer& answer) {
  if (answer.id == 0) {  // one that has just started; what its predecessor was asked is lost
    for (std::size_t i = 0; i < waiting_.size(); ++i) Count(Unseen::kNoAnswer);
    waiting_.clear();
    waiting_bytes_ = 0;
    Teach();
    return;
  }
  const Unseen unseen = answer.unseen < Unseen::kCount ? answer.unseen : Unseen::kFailed;
  const bool seen = unseen == Unseen::kSeen;
  if (const auto learning = learning_.find(answer.id); learning != learning_.end()) {
    if (seen) programs_[learning->second].sha256 = answer.sha256;
    if (!seen) Count(unseen);
    learning_.erase(learning);
    return;
  }
  const auto found = waiting_.find(answer.id);
  if (found == waiting_.end()) return;
  const Waiting asked = std::move(found->second);
  waiting_bytes_ -= asked.event.text.size();
  waiting_.erase(found);
  Count(unseen);
  if (!seen) return;
  const ListedProgram* best = nullptr;
  for (const ListedProgram& program : programs_) {
    if (program.sha256 != answer.sha256 || program.rank <= asked.rank) continue;
    if (best == nullptr || program.rank > best->rank) best = &program;
  }
  if (best == nullptr) return;
  ++counters_.recognized;
  take_(
      MakeIdentityEvent(asked.event, {best->name, best->path, "sha256", HexEncode(answer.sha256)}));
}

std::uint64_t Recognizer::Unwitnessed() const {
  std::uint64_t sum = 0;
  for (const Unseen why :
       {Unseen::kRefused, Unseen::kTooSlow, Unseen::kFailed, Unseen::kBusy, Unseen::kNoAnswer}) {
    sum += counters_.by_answer[static_cast<std::size_t>(why)];
  }
  return sum;
}

void Recognizer::KeepHouse(std::int64_t now_ms) {
  while (!waiting_.empty() && now_ms - waiting_.begin()->second.asked_ms > kAnswerMs) {
    waiting_bytes_ -= waiting_.begin()->second.event.text.size();
    waiting_.erase(waiting_.begin());
    Count(Unseen::kNoAnswer);
  }
  if (!taught_) {
    Teach();
  } else {
    Learn();
  }
  if (now_ms - scanned_ms_ < kScanMs) return;
  scanned_ms_ = now_ms;
  bool changed = false;
  for (std::size_t i = 0; i < directory_times_.size(); ++i) {
    changed |= ChangeTime(kDirectories[i]) != directory_times_[i];
  }
  for (const ListedProgram& program : programs_) {
    struct stat st {};
    changed |= stat(program.path.c_str(), &st) != 0 || st.st_ino != program.inode ||
               static_cast<std::uint64_t>(st.st_size) != program.size;
  }
  if (changed && list_ != nullptr) Scan();
}

}  // namespace tld
