// SPDX-License-Identifier: Apache-2.0
// Any bytes as a stored document or as a query: one record comes out, or none, and never a crash.
#include <rapidjson/document.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "alert/query.h"
#include "alert/stored.h"
#include "base/text.h"
#include "deliver/search.h"
#include "program/hunt_report.h"
#include "tests/fuzz/targets.h"

namespace tld {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

/// Nothing in it ends a line or moves a terminal's cursor.
void RequireOneLine(const std::string& text) {
  Require(IsUtf8(text));
  Require(Shown(text) == text);
}

}  // namespace

void FuzzStored(std::string_view bytes) {
  StoredAlert alert;
  alert.instance = "0123456789abcdef";
  alert.seq = 7;
  alert.time_us = 1'700'000'000'123'456;
  alert.rule = "100210";
  alert.level = 12;
  alert.host = bytes.substr(0, 80);
  alert.document = bytes;
  for (const Payload payload : {Payload::kEvent, Payload::kText, Payload::kCef, Payload::kJson}) {
    // Shorter than any document is: what goes out as it is comes from us, and is no matter here.
    const auto text = FormatStored(payload, alert, payload == Payload::kJson ? 1 : 900);
    if (!text) continue;
    RequireOneLine(*text);
    if (payload == Payload::kJson || payload == Payload::kEvent) {
      rapidjson::Document document;
      document.Parse<rapidjson::kParseIterativeFlag>(text->data(), text->size());
      Require(!document.HasParseError());
    }
    const std::string framed = FrameRfc5424(alert, 3, *text);
    RequireOneLine(framed);
    Require(framed.ends_with("] " + *text));
    RequireOneLine(FrameRfc3164(alert, 3, *text));
  }
  InGroups(alert.document, {"audit"});
}

void FuzzQuery(std::string_view bytes) {
  // The first line is the query, the rest the document.
  const std::size_t end = std::min(bytes.find('\n'), bytes.size());
  const Result<Query> query = Query::Parse(bytes.substr(0, end), 1'700'000'000'000'000);
  if (!query) {
    Require(query.error().at <= end);
    return;
  }
  const auto condition = TranslateQuery(query->root());
  if (condition) {
    const auto places = std::count(condition->text.begin(), condition->text.end(), '?');
    Require(static_cast<std::size_t>(places) == condition->texts.size());
  }
  const std::string document(bytes.substr(std::min(end + 1, bytes.size())));
  SearchDocument(document, *query, {}, [](const Found& found) {
    RequireOneLine(HuntLine(HuntShape::kText, found.alert, *found.document, false));
    RequireOneLine(HuntLine(HuntShape::kCsv, found.alert, *found.document, false));
  });
}

}  // namespace tld
