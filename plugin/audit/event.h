// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

#include "audit/argv.h"
#include "audit/field_id.h"
#include "audit/raw_event.h"

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
  std::uint32_t next = 0;  ///< the place of the next of its chain in Event::fields(), and one more
};

/// The fields of one name. Refers to the event: until another field is added.
class FieldRange {
 public:
  class Iterator {
   public:
    using value_type = Field;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    const Field& operator*() const { return fields_[at_ - 1]; }
    const Field* operator->() const { return &fields_[at_ - 1]; }
    Iterator& operator++() {
      at_ = fields_[at_ - 1].next;
      Settle();
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator& other) const { return at_ == other.at_; }

   private:
    friend class FieldRange;
    Iterator(const Field* fields, std::uint32_t at, std::string_view name)
        : fields_(fields), at_(at), name_(name) {
      Settle();
    }
    /// Names without a number share chains.
    void Settle() {
      while (at_ != 0 && !name_.empty() && fields_[at_ - 1].name != name_) {
        at_ = fields_[at_ - 1].next;
      }
    }

    const Field* fields_ = nullptr;
    std::uint32_t at_ = 0;
    std::string_view name_;  // empty: all of the chain are meant
  };

  FieldRange(const Field* fields, std::uint32_t first, std::string_view name)
      : begin_(fields, first, name) {}

  Iterator begin() const { return begin_; }
  static Iterator end() { return {}; }
  bool empty() const { return begin_ == end(); }
  const Field& front() const { return *begin_; }
  bool HasSeveral() const { return !empty() && std::next(begin_) != end(); }

 private:
  Iterator begin_;
};

/// One event of the audit system, decoded: what rules are evaluated on. Owns all its bytes and may
/// be moved. Fields are chained by their names as they are added, so that they are found without
/// an order.
class Event {
 public:
  Event() : Event(RawEvent()) {}
  explicit Event(RawEvent raw);

  /// Becomes the event of these records, without a field. The memory of the one before stays in
  /// use unless it was huge: what its records had is left in `raw`.
  void Begin(RawEvent& raw);

  void Add(KnownField field, std::string_view value);
  /// Does not copy: `value` is part of the event's own text (full_log) or of its argument list.
  void AddView(KnownField field, std::string_view value);
  /// `name` is in lower case.
  void AddNamed(std::string_view name, std::string_view value);
  /// To be filled from the event's own text.
  ArgumentList& argument_list() { return list_; }
  /// For what is needed while the event is filled: free again with all its fields.
  std::pmr::memory_resource* arena() { return &bytes_->arena; }

  const EventId& id() const { return raw_.id; }
  /// The records joined by one blank (RawEvent::text).
  const std::string& full_log() const { return raw_.text; }
  const RawEvent& raw() const { return raw_; }
  /// Made by this plugin (own_event.h).
  bool is_own() const { return raw_.Find(record_type::kOwn) != nullptr; }
  /// In the order of the records.
  const std::vector<Field>& fields() const { return fields_; }
  /// In the order of names; those of one name as they are.
  std::vector<Field> SortedFields() const;
  const std::vector<Argument>& arguments() const { return list_.arguments; }

  /// All values of a field that is no argument.
  FieldRange Find(KnownField field) const { return {fields_.data(), chains_[field.id].first, {}}; }
  FieldRange Find(const FieldName& name) const {
    if (name.id() != kOtherField) return {fields_.data(), chains_[name.id()].first, {}};
    return FindNamed(name.text());
  }
  FieldRange FindNamed(std::string_view lower_name) const;
  /// The first value, or an empty text.
  std::string_view First(KnownField field) const {
    const std::uint32_t first = chains_[field.id].first;
    return first == 0 ? std::string_view() : fields_[first - 1].value;
  }
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
  /// Of fields with one known name, or of some others.
  struct Chain {
    std::uint32_t first = 0;  // as of Field::next
    std::uint32_t last = 0;
  };
  /// What others are told apart by: so many names that a record may hold are soon found.
  static constexpr std::size_t kOtherChains = 48;
  static std::size_t ChainOf(FieldId id, std::string_view name);

  const Argument* FindArgument(std::uint32_t index) const;
  std::string_view Keep(std::string_view bytes);
  void Append(FieldId id, std::string_view name, std::string_view value);

  RawEvent raw_;
  /// Of what is not in raw_. The first block holds the values of an ordinary exec event.
  struct Bytes {
    std::array<std::byte, 4096> first;
    std::pmr::monotonic_buffer_resource arena{first.data(), first.size()};
  };
  std::unique_ptr<Bytes> bytes_;
  std::vector<Field> fields_;
  std::array<Chain, kKnownFields + kOtherChains> chains_{};
  ArgumentList list_;
};

}  // namespace tld
