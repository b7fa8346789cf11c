// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

/// What holds for any bytes: each ends the program when it does not. `make fuzz` looks for such
/// bytes; corpus_test.cc runs the known ones and their neighbours.
namespace tld {

/// As records, live and offline.
void FuzzRecords(std::string_view bytes);
/// As a rule file, from its XML to lint.
void FuzzRules(std::string_view bytes);
/// As a list.
void FuzzList(std::string_view bytes);
/// As settings.
void FuzzConfig(std::string_view bytes);
/// As an osregex, a newline and a subject.
void FuzzOsRegex(std::string_view bytes);
/// As the document of a stored alert, in every format and frame.
void FuzzStored(std::string_view bytes);
/// As a query, a newline and a document.
void FuzzQuery(std::string_view bytes);

}  // namespace tld
