// SPDX-License-Identifier: Apache-2.0
#include "program/recognizer.h"

#include <sys/socket.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <tuple>
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
constexpr std::size_t kMostFiles = 65'536;  // a large /usr/bin has 5,000
/// How long a directory is left out that the witness died of twice, as of one of a dead file
/// server.
constexpr std::int64_t kAvoidMs = 3'600'000;
constexpr int kDeaths = 2;
constexpr std::int64_t kNever = -1;  // a directory's time that no directory has
constexpr std::size_t kMostGone = 128;
/// A program whose file is gone, and that still runs so long after that was found, is told.
constexpr std::int64_t kGoneMs = 1'000;

unsigned Hexadecimal(std::string_view digits) {
  unsigned value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

/// Where nobody but root makes files.
bool IsOfTheSystem(std::string_view path) {
  return path.starts_with("/usr/") || path.starts_with("/bin/") || path.starts_with("/sbin/");
}

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

Recognizer::Recognizer(int talk, Take take)
    : talk_(talk),
      take_(std::move(take)),
      directories_(kDirectories.size()),
      next_id_(Random64() | 1),
      buffer_(kMostAnswerBytes) {}

void Recognizer::SetPolicy(const Policy& policy) {
  const std::vector<List>& lists = policy.ruleset.lists;
  const auto list = std::find_if(lists.begin(), lists.end(),
                                 [](const List& l) { return l.name() == kSuspicious; });
  list_ = list == lists.end() ? nullptr : &*list;
  host_ = policy.host;
  asked_.clear();
  StartScan(true);
}

void Recognizer::StartScan(bool whole) {
  scanned_ms_ = now_ms_;
  scan_.emplace();
  scan_->whole = whole;
  GoOnScanning();
}

void Recognizer::GoOnScanning() {
  while (scan_->directory < directories_.size() &&
         directories_[scan_->directory].avoided_until_ms > now_ms_) {
    ++scan_->directory;
  }
  if (scan_->directory == directories_.size()) {
    EndScan();
    return;
  }
  const std::uint64_t id = next_id_++;
  const std::int64_t known = scan_->whole ? kNever : directories_[scan_->directory].changed_ns;
  const bool sent = Send({.kind = WitnessQuestion::Kind::kList, .id = id, .time_ns = known},
                         kDirectories[scan_->directory]);
  scan_->question = sent ? id : 0;
  scan_->begun = false;
}

void Recognizer::TakeFiles(const WitnessAnswer& answer, std::string_view files) {
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
  GoOnScanning();
}

void Recognizer::EndScan() {
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
  asked_.clear();
  Teach();
}

std::size_t Recognizer::AvoidedDirectories() const {
  return static_cast<std::size_t>(std::count_if(
      directories_.begin(), directories_.end(),
      [this](const Directory& directory) { return directory.avoided_until_ms > now_ms_; }));
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
    if (programs_[i].asked) continue;
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
  now_ms_ = now_ms;
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
  // `<too_long>` is what the kernel says of a path that it has no room for.
  if (look.path.empty() || look.path[0] != '/' || look.path.size() > kMostPathBytes) {
    Count(Unseen::kFailed);
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
  Waiting& waiting = waiting_[id];
  waiting.event = event.raw();
  waiting.rank = rank;
  waiting.asked_ms = now_ms;
  if (!look.follow && !IsOfTheSystem(look.path)) {
    waiting.pid = ParseNumber(event.First("audit.pid")).value_or(0);
  }
}

void Recognizer::ReadAnswers() {
  while (talk_ >= 0) {
    const ssize_t n = recv(talk_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    WitnessAnswer answer;
    if (n < static_cast<ssize_t>(sizeof answer)) return;
    std::memcpy(&answer, buffer_.data(), sizeof answer);
    if (scan_ && scan_->question != 0 && answer.id == scan_->question) {
      TakeFiles(
          answer,
          std::string_view(buffer_.data(), static_cast<std::size_t>(n)).substr(sizeof answer));
    } else {
      TakeAnswer(answer);
    }
  }
}

/// The witness has just started; what its predecessor was asked is lost.
void Recognizer::StartAnew() {
  for (std::size_t i = 0; i < waiting_.size(); ++i) Count(Unseen::kNoAnswer);
  waiting_.clear();
  waiting_bytes_ = 0;
  if (scan_ && scan_->begun) {
    Directory& directory = directories_[scan_->directory];
    if (++directory.deaths >= kDeaths) {
      directory.deaths = 0;
      directory.avoided_until_ms = now_ms_ + kAvoidMs;
      Count(Unseen::kTooSlow);  // that is told
    }
  }
  gone_ = 0;
  Teach();
  StartScan(true);
}

void Recognizer::TakeAnswer(const WitnessAnswer& answer) {
  if (answer.id == 0) {
    StartAnew();
    return;
  }
  const Unseen unseen = answer.unseen < Unseen::kCount ? answer.unseen : Unseen::kFailed;
  if (const auto learning = learning_.find(answer.id); learning != learning_.end()) {
    ListedProgram& program = programs_[learning->second];
    learning_.erase(learning);
    if (unseen != Unseen::kSeen) Count(unseen);
    if (unseen == Unseen::kSeen) TakeLearned(program, answer);
    return;
  }
  const auto found = waiting_.find(answer.id);
  if (found == waiting_.end()) return;
  Waiting& asked = found->second;
  if (asked.gone != Unseen::kSeen) {
    if (unseen == Unseen::kSeen) take_(MakeUnlinkedEvent(asked.event, NameOf(asked.gone)));
    Forget(found);
    return;
  }
  Count(unseen);
  if (unseen == Unseen::kSeen) Compare(asked, answer);
  if (answer.removed && asked.pid != 0 && gone_ < kMostGone) {
    ++gone_;
    asked.gone = unseen;
    asked.sent = false;
    asked.asked_ms = now_ms_;
    return;
  }
  if (answer.removed && asked.pid != 0) Count(Unseen::kBusy);
  Forget(found);
}

void Recognizer::TakeLearned(ListedProgram& program, const WitnessAnswer& answer) {
  program.sha256 = answer.sha256;
  if (program.size == answer.size && program.inode == answer.inode) return;
  // Written anew in its place: the witness has to know its size.
  program.size = answer.size;
  program.inode = answer.inode;
  taught_ = false;
}

void Recognizer::Compare(const Waiting& asked, const WitnessAnswer& answer) {
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

void Recognizer::Forget(Waitings::iterator waiting) {
  if (waiting->second.gone != Unseen::kSeen) --gone_;
  waiting_bytes_ -= waiting->second.event.text.size();
  waiting_.erase(waiting);
}

std::uint64_t Recognizer::Unwitnessed() const {
  std::uint64_t sum = 0;
  for (const Unseen why :
       {Unseen::kRefused, Unseen::kTooSlow, Unseen::kFailed, Unseen::kBusy, Unseen::kNoAnswer}) {
    sum += counters_.by_answer[static_cast<std::size_t>(why)];
  }
  return sum;
}

/// A file is often removed right after its program ran, as by every ./configure. That it is gone
/// while the program runs on is what an attacker wants.
void Recognizer::AskWhetherItRuns(std::int64_t now_ms) {
  for (auto& [id, waiting] : waiting_) {
    if (waiting.sent || now_ms - waiting.asked_ms < kGoneMs) continue;
    waiting.sent = Send({.kind = WitnessQuestion::Kind::kRuns,
                         .id = id,
                         .time_ns = waiting.event.id.TimeMs() * 1'000'000,
                         .pid = waiting.pid},
                        {});
    if (waiting.sent) waiting.asked_ms = now_ms;
  }
}

void Recognizer::KeepHouse(std::int64_t now_ms) {
  now_ms_ = now_ms;
  for (auto waiting = waiting_.begin(); waiting != waiting_.end();) {
    const auto next = std::next(waiting);
    if (now_ms - waiting->second.asked_ms > kAnswerMs) {
      Count(Unseen::kNoAnswer);
      Forget(waiting);
    }
    waiting = next;
  }
  AskWhetherItRuns(now_ms);
  if (!taught_) {
    Teach();
  } else {
    Learn();
  }
  if (scan_ && scan_->question == 0) GoOnScanning();
  if (now_ms - scanned_ms_ >= kScanMs) StartScan(scan_.has_value());
}

}  // namespace tld
