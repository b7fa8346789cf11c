// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audit/argv.h"
#include "audit/field_id.h"
#include "audit/grouper.h"

namespace tld {

/// A field's name as rules and documents use it, such as `audit.command`. Compared without regard
/// to case. The arguments `audit.execve.aN` are not kept as fields, so their number is taken out
/// here.
class FieldName {
 public:
  explicit FieldName(std::string_view name);

  const std::string& text() const { return text_; }  ///< lower case
  FieldId id() const { return id_; }
  bool is_argument() const { return is_argument_; }
  std::uint32_t argument() const { return argument_; }
  bool operator==(const FieldName&) const = default;

 private:
  std::string text_;
  FieldId id_ = kOtherField;
  bool is_argument_ = false;
  std::uint32_t argument_ = 0;
};

/// One decoded value. A name may stand several times; the order of the values is that of the
/// records.
struct Field {
  std::string_view name;
  std::string_view value;
  FieldId id = kOtherField;
};

/// One event of the audit system, decoded: what rules are evaluated on. Owns all its bytes and may
/// be moved. Filled by the parser, then sealed; only const members are used after that.
class Event {
 public:
  explicit Event(RawEvent raw);

  /// `name` is in lower case and lives as long as the program.
  void Add(std::string_view name, std::string_view value);
  /// Does not copy: `value` is part of the event's own text (full_log).
  void AddView(FieldId id, std::string_view value);
  /// Copies the name as well; lower case, too.
  void AddNamed(std::string_view name, std::string_view value);
  /// The list is of the event's own text.
  void SetArguments(ArgumentList list);
  /// Orders the fields by name; Find works from here on. May be called again after another Add.
  void Seal();

  const EventId& id() const { return raw_.id; }
  /// The records joined by one blank (RawEvent::text).
  const std::string& full_log() const { return raw_.text; }
  const RawEvent& raw() const { return raw_; }
  /// Made by this plugin (own_event.h).
  bool is_own() const { return raw_.Find(record_type::kOwn) != nullptr; }
  const std::vector<Field>& fields() const { return fields_; }
  const std::vector<Argument>& arguments() const { return list_.arguments; }

  /// All values of a field that is no argument, by its lower-case name. After Seal.
  std::span<const Field> Find(std::string_view lower_name) const;
  std::span<const Field> Find(const FieldName& name) const;
  /// The first value, or an empty text. After Seal.
  std::string_view First(std::string_view lower_name) const;
  std::string_view First(const FieldName& name) const;
  bool Has(const FieldName& name) const;

  /// True if `holds(value)` for one value of the field.
  template <class Predicate>
  bool Any(const FieldName& name, Predicate&& holds) const {
    if (name.is_argument()) {
      const Argument* argument = FindArgument(name.argument());
      return argument != nullptr && holds(argument->value);
    }
    for (const Field& field : Find(name)) {
      if (holds(field.value)) return true;
    }
    return false;
  }

 private:
  /// Where the fields of a known name stand.
  struct Range {
    std::uint32_t begin = 0;
    std::uint32_t count = 0;
  };

  const Argument* FindArgument(std::uint32_t index) const;
  std::string_view Keep(std::string_view bytes);
  std::span<const Field> FindKnown(FieldId id) const;
  std::span<const Field> FindOther(std::string_view lower_name) const;
  void SortByName();
  void MergeByName();

  RawEvent raw_;
  std::unique_ptr<std::pmr::monotonic_buffer_resource> bytes_;
  std::vector<Field> fields_;
  std::array<Range, kKnownFields> ranges_{};
  std::size_t sealed_ = 0;   // fields that are in order, the first ones
  bool has_others_ = false;  // fields that have no number
  ArgumentList list_;
};

}  // namespace tld
