// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "audit/event.h"
#include "audit/raw_event.h"

namespace tld {

/// Turns a complete event into named, decoded fields, by libauparse. The fields and where each
/// comes from are listed in tld-audisp-rules(5). libauparse is given one event at a time, without
/// enrichment, and asked for raw values only: its interpretation calls NSS and, in the releases
/// this runs on, can be crashed by what a record holds.
///
/// Not safe for threads: libauparse before 4.1 keeps global state. Use all parsers from one thread.
class Parser {
 public:
  Parser();
  Parser(Parser&&) noexcept;
  Parser& operator=(Parser&&) noexcept;
  ~Parser();

  /// Makes `event` that of these records, as of Event::Begin. Never fails: what cannot be parsed is
  /// absent from the fields.
  void Parse(RawEvent& raw, Event& event);

 private:
  struct Library;
  std::unique_ptr<Library> library_;
};

}  // namespace tld
