// SPDX-License-Identifier: Apache-2.0
#include "audit/parser.h"

#include <auparse.h>
#include <libaudit.h>

#include <algorithm>
#include <cstdlib>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "audit/argv.h"
#include "audit/field_names.h"
#include "audit/fixed_form.h"
#include "audit/own_event.h"
#include "audit/record.h"
#include "audit/sockaddr.h"
#include "base/text.h"

namespace tld {
namespace {

constexpr std::size_t kNameLimit = 64;          // bytes of a record's field name
constexpr std::size_t kOthersLimit = 512;       // fields of an event from records without a table
constexpr std::size_t kOthersSeenLimit = 4096;  // the same, those said again included

/// Names that a record may not take by calling a field so: they mean something else in an event.
constexpr std::string_view kReserved[] = {
    "type",      "record_type", "id",       "node",      "key",       "execve",
    "file",      "directory",   "sockaddr", "proctitle", "program",   "identity",
    "health",    "command",     "session",  "raw_hex",   "truncated", "syscall_name",
    "auid_name", "uid_name",    "gid_name", "euid_name", "suid_name", "fsuid_name",
};

bool IsPlainName(std::string_view name) {
  if (name.empty() || name.size() > kNameLimit) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

bool IsReserved(std::string_view name) {
  return std::any_of(std::begin(kReserved), std::end(kReserved),
                     [&](std::string_view reserved) { return reserved == name; });
}

}  // namespace

/// The state of libauparse, and the event that its callbacks fill.
struct Parser::Library {
  Library() : au(auparse_init(AUSOURCE_FEED, nullptr)) {
    if (au == nullptr) return;
    auparse_set_escape_mode(au, AUPARSE_ESC_RAW);
    auparse_add_callback(au, &Library::OnEvent, this, nullptr);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library() {
    if (au != nullptr) auparse_destroy(au);
  }

  static void OnEvent(auparse_state_t* au, auparse_cb_event_t what, void* self) {
    if (what == AUPARSE_CB_EVENT_READY) static_cast<Library*>(self)->ReadRecords(au);
  }

  void Feed(const RawEvent& raw);
  void ReadRecords(auparse_state_t* state);
  bool IsRepeated(int type);
  void ReadSyscall(auparse_state_t* state);
  void ReadPath(auparse_state_t* state);
  void ReadOther(auparse_state_t* state, int type);
  bool AddCapabilities();
  void AddField(auparse_state_t* state, KnownField field);
  bool IsNewOther(const FieldRange& before, std::string_view value);
  void AddOther(auparse_state_t* state, std::string_view name);
  std::string_view Text(auparse_state_t* state) const;
  std::string_view Value(auparse_state_t* state);
  bool IsEncoded(auparse_state_t* state) const;

  template <class Callback>
  void ForEachField(auparse_state_t* state, Callback&& callback) {
    if (auparse_first_field(state) <= 0) return;
    do {
      const char* name = auparse_get_field_name(state);
      if (name != nullptr) callback(std::string_view(name));
    } while (auparse_next_field(state) > 0);
  }

  auparse_state_t* au;
  FixedRecord fixed;
  std::string feed;
  std::string decoded;
  Event* event = nullptr;
  bool has_syscall = false;   // the event has a SYSCALL record
  bool syscall_read = false;  // and it has been read
  bool cwd_read = false;
  bool truncated = false;  // kOthersLimit was hit
  std::size_t others = 0;
  std::size_t others_seen = 0;
};

Parser::Parser() : library_(std::make_unique<Library>()) {}
Parser::Parser(Parser&&) noexcept = default;
Parser& Parser::operator=(Parser&&) noexcept = default;
Parser::~Parser() = default;

namespace {

void AddArguments(Event& event) {
  std::pmr::vector<std::string_view> bodies(event.arena());
  for (const RawRecord& record : event.raw().records) {
    if (record.type == record_type::kExecve) bodies.push_back(event.raw().Body(record));
  }
  if (bodies.empty()) return;
  ArgumentList& list = event.argument_list();
  DecodeArguments(bodies, list);
  if (!list.argc.empty()) event.AddView("audit.execve.argc", list.argc);
  event.AddView("audit.execve.cmdline", list.command_line);
  if (list.truncated && !event.raw().truncated) event.Add("audit.truncated", "yes");
}

/// Type, serial, node, keys: from the headers and from the two records that have keys.
void AddIdentity(Event& event) {
  const RawEvent& raw = event.raw();
  event.AddView("audit.type", raw.TypeName(raw.MainRecord()));
  for (const std::string_view type : raw.TypeNames(event.arena())) {
    event.AddView("audit.record_type", type);
  }
  event.Add("audit.id", std::to_string(raw.id.serial));
  if (!raw.id.node.empty()) event.Add("audit.node", raw.id.node);
  if (raw.truncated) event.Add("audit.truncated", "yes");
  raw.ForEachKey([&](std::string_view key) { event.Add("audit.key", key); });
}

/// The fields of the records of ours (own_event.h), and whether they are encoded.
struct OwnField {
  std::string_view record;
  KnownField event;
  bool encoded = false;
};
constexpr OwnField kIdentityFields[] = {{"name", "audit.identity.name", true},
                                        {"same_as", "audit.identity.same_as", true},
                                        {"via", "audit.identity.via", false},
                                        {"sha256", "audit.identity.sha256", false},
                                        {"unseen", "audit.identity.unseen", false}};
constexpr OwnField kHealthFields[] = {{"what", "audit.health.what", false},
                                      {"text", "audit.health.text", true}};

void AddOwnFields(Event& event) {
  const RawRecord* own = event.raw().Find(record_type::kOwn);
  if (own == nullptr) return;
  const bool identity = event.raw().TypeName(*own) == kIdentityType;
  const std::span<const OwnField> table =
      identity ? std::span<const OwnField>(kIdentityFields) : kHealthFields;
  std::vector<std::string_view> seen;  // a field said twice counts once
  std::string_view body = event.raw().Body(*own);
  for (RawField field; seen.size() < table.size() && NextRawField(body, field);) {
    for (const OwnField& known : table) {
      if (known.record != field.name) continue;
      if (std::find(seen.begin(), seen.end(), known.record) != seen.end()) continue;
      seen.push_back(known.record);
      const std::string value =
          known.encoded ? DecodeUntrusted(field.value) : std::string(field.value);
      event.Add(known.event, value);
      if (known.record == "name") event.Add("audit.program", value);
    }
  }
}

/// `__NR_x` numbers differ by architecture; the tables are libaudit's.
void AddSyscallName(Event& event) {
  const std::string arch(event.First("audit.arch"));
  const auto number = ParseNumber(event.First("audit.syscall"));
  char* end = nullptr;
  const auto elf = static_cast<unsigned>(std::strtoul(arch.c_str(), &end, 16));
  if (arch.empty() || *end != '\0' || !number || *number > 100'000) return;
  const int machine = audit_elf_to_machine(elf);
  if (machine < 0) return;
  const char* name = audit_syscall_to_name(static_cast<int>(*number), machine);
  if (name != nullptr) event.Add("audit.syscall_name", name);
}

}  // namespace

void Parser::Parse(RawEvent& raw, Event& event) {
  event.Begin(raw);
  AddIdentity(event);
  AddArguments(event);
  AddOwnFields(event);
  library_->event = &event;
  library_->has_syscall = event.raw().Find(record_type::kSyscall) != nullptr;
  library_->syscall_read = library_->cwd_read = library_->truncated = false;
  library_->others = library_->others_seen = 0;
  library_->Feed(event.raw());
  library_->event = nullptr;
  if (library_->truncated) event.Add("audit.truncated", "yes");
  AddSyscallName(event);
}

void Parser::Library::Feed(const RawEvent& raw) {
  feed.clear();
  for (const RawRecord& record : raw.records) {
    if (record.type == record_type::kExecve) continue;  // argv.h
    if (record.type == record_type::kOwn) continue;
    if (fixed.Read(record.type, raw.Body(record))) {
      if (record.type != record_type::kBprmFcaps) {
        if (!IsRepeated(record.type)) fixed.AddTo(*event);
        continue;
      }
      if (AddCapabilities()) continue;
    }
    const std::size_t at = feed.size();
    // With a header of our own: who the event is was read already, and by one reader alone.
    feed += "type=";
    feed += raw.TypeName(record);
    feed += " msg=audit(1000000000.000:1): ";
    feed += raw.Body(record);
    // libauparse takes the first 0x1D for auditd's enrichment, which has been cut off before.
    std::replace(feed.begin() + static_cast<std::ptrdiff_t>(at), feed.end(),
                 static_cast<char>(AUDIT_INTERP_SEPARATOR), '?');
    feed += '\n';
  }
  if (au == nullptr || feed.empty()) return;
  // From 4.2 on a line that it dislikes makes it return -1 after it has taken the rest.
  auparse_feed(au, feed.data(), feed.size());
  auparse_flush_feed(au);
}

/// The kernel writes one of these an event; whoever adds another takes nothing by it.
bool Parser::Library::IsRepeated(int type) {
  if (type == record_type::kSyscall) return std::exchange(syscall_read, true);
  if (type == record_type::kCwd) return std::exchange(cwd_read, true);
  return false;
}

void Parser::Library::ReadRecords(auparse_state_t* state) {
  if (event == nullptr || auparse_first_record(state) <= 0) return;
  do {
    const int type = auparse_get_type(state);
    switch (type) {
      case record_type::kSyscall:
        ReadSyscall(state);
        break;
      case record_type::kPath:
        ReadPath(state);
        break;
      default:
        ReadOther(state, type);
    }
  } while (auparse_next_record(state) > 0);
}

void Parser::Library::ReadSyscall(auparse_state_t* state) {
  if (IsRepeated(record_type::kSyscall)) return;
  ForEachField(state, [&](std::string_view name) {
    const KnownField mapped = Lookup(kSyscallFields, name);
    if (!mapped.is_none()) AddField(state, mapped);
  });
}

void Parser::Library::ReadPath(auparse_state_t* state) {
  std::span<const NamePair> table = kPathFields;
  ForEachField(state, [&](std::string_view name) {
    if (name == "nametype" && Value(state) == "PARENT") table = kParentFields;
  });
  std::vector<FieldId> seen;  // a field said twice counts once
  ForEachField(state, [&](std::string_view name) {
    const KnownField mapped = Lookup(table, name);
    if (mapped.is_none() || std::find(seen.begin(), seen.end(), mapped.id) != seen.end()) return;
    seen.push_back(mapped.id);
    AddField(state, mapped);
  });
}

void Parser::Library::ReadOther(auparse_state_t* state, int type) {
  const bool first_cwd = type == record_type::kCwd && !IsRepeated(type);
  ForEachField(state, [&](std::string_view written) {
    if (!IsPlainName(written)) return;
    // Names are compared without regard to case later on: here already, so that none slips through.
    std::string name(written);
    std::transform(name.begin(), name.end(), name.begin(), AsciiLower);
    if (name == "type") return;
    if (type == record_type::kCwd) {
      if (first_cwd && name == "cwd") AddField(state, "audit.cwd");
    } else if (type == record_type::kProctitle) {
      if (name == "proctitle") AddField(state, "audit.proctitle");
    } else if (type == record_type::kSockaddr) {
      if (name == "saddr") AddSockaddr(*event, Value(state));
    } else if (const KnownField mapped = Lookup(kSyscallFields, name); !mapped.is_none()) {
      if (!has_syscall) AddField(state, mapped);
    } else if (name == "cwd") {
      if (!has_syscall) AddField(state, "audit.cwd");
    } else if (!IsReserved(name)) {
      AddOther(state, "audit." + name);
      if (name == "addr") AddSourceAddress(*event, Value(state));
    }
  });
}

void Parser::Library::AddField(auparse_state_t* state, KnownField field) {
  if (Text(state) == "(null)") return;  // a program may well be called that: it is quoted then
  event->Add(field, Value(state));
}

/// Several records of an event may say the same. `before` has the values of that name.
bool Parser::Library::IsNewOther(const FieldRange& before, std::string_view value) {
  if (others >= kOthersLimit || ++others_seen > kOthersSeenLimit) {
    truncated = true;
    return false;
  }
  const bool known = std::any_of(before.begin(), before.end(),
                                 [&](const Field& field) { return field.value == value; });
  if (!known) ++others;
  return !known;
}

void Parser::Library::AddOther(auparse_state_t* state, std::string_view name) {
  if (Text(state) == "(null)") return;
  const std::string_view value = Value(state);
  if (IsNewOther(event->FindNamed(name), value)) event->AddNamed(name, value);
}

/// A BPRM_FCAPS record, which commands of root have. False where it has other fields, too.
bool Parser::Library::AddCapabilities() {
  const auto known = [](const FixedRecord::Value& value) {
    return value.name != nullptr && !value.text.starts_with('"');
  };
  if (!std::all_of(fixed.values().begin(), fixed.values().end(), known)) return false;
  for (const auto& [name, text] : fixed.values()) {
    if (text == "(null)" || !IsNewOther(event->Find(name->event), text)) continue;
    event->AddView(name->event, text);
  }
  return true;
}

std::string_view Parser::Library::Text(auparse_state_t* state) const {
  const char* text = auparse_get_field_str(state);
  return text == nullptr ? std::string_view() : text;
}

std::string_view Parser::Library::Value(auparse_state_t* state) {
  const std::string_view value = Text(state);
  if (value.starts_with('"')) return Unquote(value);
  if (!IsEncoded(state)) return value;
  decoded = DecodeUntrusted(value);
  if (auparse_get_field_type(state) == AUPARSE_TYPE_PROCTITLE) {
    std::replace(decoded.begin(), decoded.end(), '\0', ' ');
  }
  return decoded;
}

bool Parser::Library::IsEncoded(auparse_state_t* state) const {
  switch (auparse_get_field_type(state)) {
    case AUPARSE_TYPE_ESCAPED:
    case AUPARSE_TYPE_ESCAPED_FILE:
    case AUPARSE_TYPE_ESCAPED_KEY:
    case AUPARSE_TYPE_PROCTITLE:
    case AUPARSE_TYPE_TTY_DATA:
      return true;
    default:
      return false;
  }
}

}  // namespace tld
