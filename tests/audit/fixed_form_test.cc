// SPDX-License-Identifier: Apache-2.0
// The records that the parser reads by itself, read by libauparse as well: names, texts and what is
// encoded must be the same.
#include <auparse.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "audit/record.h"
#include "base/text.h"
#include "tests/support.h"

namespace tld {
namespace {

using testing_support::DataPath;
using testing_support::Slurp;

struct SeenField {
  std::string name;
  std::string text;
  bool encoded = false;

  bool operator==(const SeenField&) const = default;
};

std::ostream& operator<<(std::ostream& out, const SeenField& field) {
  return out << field.name << '=' << field.text << (field.encoded ? " (encoded)" : "");
}

bool IsEncodedType(int type) {
  return type == AUPARSE_TYPE_ESCAPED || type == AUPARSE_TYPE_ESCAPED_FILE ||
         type == AUPARSE_TYPE_ESCAPED_KEY || type == AUPARSE_TYPE_PROCTITLE;
}

std::vector<SeenField> ByLibauparse(const std::string& line) {
  std::vector<SeenField> fields;
  const std::string text = line + '\n';
  const std::unique_ptr<auparse_state_t, void (*)(auparse_state_t*)> au(
      auparse_init(AUSOURCE_BUFFER, text.c_str()), auparse_destroy);
  auparse_set_escape_mode(au.get(), AUPARSE_ESC_RAW);
  if (auparse_next_event(au.get()) <= 0 || auparse_first_field(au.get()) <= 0) return fields;
  do {
    fields.push_back({auparse_get_field_name(au.get()), auparse_get_field_str(au.get()),
                      IsEncodedType(auparse_get_field_type(au.get()))});
  } while (auparse_next_field(au.get()) > 0);
  return fields;
}

std::vector<SeenField> ByWords(std::string_view body) {
  std::vector<SeenField> fields;
  for (RawField field; NextRawField(body, field);) {
    const bool encoded = field.name == "comm" || field.name == "exe" || field.name == "name" ||
                         field.name == "cwd" || field.name == "proctitle" || field.name == "key";
    fields.push_back({std::string(field.name), std::string(field.value), encoded});
  }
  return fields;
}

TEST(FixedForm, TheKernelsOwnRecordsAreReadAsLibauparseReadsThem) {
  std::size_t compared = 0;
  for (const char* name : {"exec_enriched.log.gz", "mixed_enriched.log.gz", "ordinary.log.gz"}) {
    const std::string log = Slurp(DataPath(name));
    std::size_t taken = 0;  // of each type the first thousands; they repeat
    for (const std::string_view line : SplitWords(log, "\n")) {
      const auto header = ParseHeader(line);
      if (!header) continue;
      const bool fixed = header->type == record_type::kSyscall ||
                         header->type == record_type::kCwd || header->type == record_type::kPath ||
                         header->type == record_type::kProctitle ||
                         header->type == record_type::kBprmFcaps;
      if (!fixed || ++taken > 20'000) continue;
      const std::string record(line.substr(0, EnrichmentBegin(line, header->type)));
      std::vector<SeenField> expected = ByLibauparse(record);
      ASSERT_FALSE(expected.empty()) << record;
      if (expected.front().name == "type") expected.erase(expected.begin());
      EXPECT_EQ(ByWords(std::string_view(record).substr(header->body_begin)), expected) << record;
      ++compared;
    }
  }
  EXPECT_GT(compared, 40'000u);
}

}  // namespace
}  // namespace tld
