// SPDX-License-Identifier: Apache-2.0
// Runs the tests of a program. Besides GoogleTest's own output it speaks the formats of cmocka,
// chosen by CMOCKA_MESSAGE_OUTPUT (STDOUT, TAP, SUBUNIT, XML) and CMOCKA_XML_FILE, and adds the
// totals to the file named by TLD_TOTALS, for the line at the end of `make check`.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Outcome {
  std::string name;
  std::string message;  // of the failures
  bool failed = false;
  double seconds = 0;
};

std::string Name(const testing::TestInfo& info) {
  return std::string(info.test_suite_name()) + '.' + info.name();
}

/// A skipped test counts as failed: what cannot run everywhere belongs to the live tests, which say
/// so as a program.
Outcome OutcomeOf(const testing::TestInfo& info) {
  Outcome outcome{Name(info), "", !info.result()->Passed(),
                  static_cast<double>(info.result()->elapsed_time()) / 1000};
  for (int i = 0; i < info.result()->total_part_count(); ++i) {
    const testing::TestPartResult& part = info.result()->GetTestPartResult(i);
    if (part.passed()) continue;
    outcome.message += std::string(part.file_name() == nullptr ? "?" : part.file_name()) + ':' +
                       std::to_string(part.line_number()) + ": " + part.message() + '\n';
  }
  return outcome;
}

/// Prints one format, to one stream, test by test.
class Printer : public testing::EmptyTestEventListener {
 public:
  void OnTestEnd(const testing::TestInfo& info) override { outcomes_.push_back(OutcomeOf(info)); }

 protected:
  std::size_t Failed() const {
    return static_cast<std::size_t>(std::count_if(outcomes_.begin(), outcomes_.end(),
                                                  [](const Outcome& o) { return o.failed; }));
  }
  std::vector<Outcome> outcomes_;
};

class StandardPrinter : public Printer {
  void OnTestProgramEnd(const testing::UnitTest&) override {
    std::printf("[==========] Running %zu test(s).\n", outcomes_.size());
    for (const Outcome& o : outcomes_) {
      std::printf("[ RUN      ] %s\n", o.name.c_str());
      if (o.failed) std::fputs(o.message.c_str(), stderr);
      std::printf(o.failed ? "[  FAILED  ] %s\n" : "[       OK ] %s\n", o.name.c_str());
    }
    std::printf("[==========] %zu test(s) run.\n[  PASSED  ] %zu test(s).\n", outcomes_.size(),
                outcomes_.size() - Failed());
    if (Failed() > 0) std::printf("[  FAILED  ] %zu test(s)\n", Failed());
  }
};

class TapPrinter : public Printer {
  void OnTestProgramEnd(const testing::UnitTest&) override {
    std::printf("TAP version 13\n1..%zu\n", outcomes_.size());
    for (std::size_t i = 0; i < outcomes_.size(); ++i) {
      const Outcome& o = outcomes_[i];
      std::printf("%s %zu - %s\n", o.failed ? "not ok" : "ok", i + 1, o.name.c_str());
      std::istringstream lines(o.message);
      for (std::string line; std::getline(lines, line);) std::printf("# %s\n", line.c_str());
    }
  }
};

class SubunitPrinter : public Printer {
  void OnTestProgramEnd(const testing::UnitTest&) override {
    for (const Outcome& o : outcomes_) {
      std::printf("test: %s\n", o.name.c_str());
      if (o.failed) {
        std::printf("failure: %s [\n%s]\n", o.name.c_str(), o.message.c_str());
      } else {
        std::printf("success: %s\n", o.name.c_str());
      }
    }
  }
};

class XmlPrinter : public Printer {
  void OnTestProgramEnd(const testing::UnitTest&) override {
    const char* path = std::getenv("CMOCKA_XML_FILE");
    std::string name = path == nullptr ? "" : path;
    if (const std::size_t at = name.find("%g"); at != std::string::npos) {
      name.replace(at, 2, program_invocation_short_name);
    }
    std::FILE* out = name.empty() ? stderr : std::fopen(name.c_str(), "w");
    if (out == nullptr) return;
    double seconds = 0;
    for (const Outcome& o : outcomes_) seconds += o.seconds;
    std::fprintf(out,
                 "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<testsuites>\n"
                 "  <testsuite name=\"%s\" time=\"%.3f\" tests=\"%zu\" failures=\"%zu\" "
                 "errors=\"0\" skipped=\"0\" >\n",
                 program_invocation_short_name, seconds, outcomes_.size(), Failed());
    for (const Outcome& o : outcomes_) {
      std::fprintf(out, "    <testcase name=\"%s\" time=\"%.3f\" >\n", o.name.c_str(), o.seconds);
      if (o.failed) {
        std::fprintf(out, "      <failure><![CDATA[%s]]></failure>\n", Cdata(o.message).c_str());
      }
      std::fprintf(out, "    </testcase>\n");
    }
    std::fprintf(out, "  </testsuite>\n</testsuites>\n");
    if (out != stderr) std::fclose(out);
  }

  static std::string Cdata(std::string text) {
    for (std::size_t at; (at = text.find("]]>")) != std::string::npos;) text.replace(at, 3, "]] >");
    return text;
  }
};

/// Appends `PASSED FAILED` to the totals.
class TotalsWriter : public Printer {
  void OnTestProgramEnd(const testing::UnitTest&) override {
    const char* path = std::getenv("TLD_TOTALS");
    if (path == nullptr) return;
    if (std::FILE* out = std::fopen(path, "a")) {
      std::fprintf(out, "%zu %zu\n", outcomes_.size() - Failed(), Failed());
      std::fclose(out);
    }
  }
};

/// The formats asked for, in upper case.
std::vector<std::string> Formats() {
  const char* value = std::getenv("CMOCKA_MESSAGE_OUTPUT");
  std::vector<std::string> formats;
  std::istringstream words(value == nullptr ? "" : value);
  for (std::string word; std::getline(words, word, ',');) {
    std::transform(word.begin(), word.end(), word.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    formats.push_back(word);
  }
  return formats;
}

testing::TestEventListener* MakePrinter(const std::string& format) {
  if (format == "STDOUT" || format == "STANDARD") return new StandardPrinter;
  if (format == "TAP") return new TapPrinter;
  if (format == "SUBUNIT") return new SubunitPrinter;
  if (format == "XML") return new XmlPrinter;
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // as in the plugin
  testing::InitGoogleTest(&argc, argv);
  testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
  listeners.Append(new TotalsWriter);
  bool own_output = true;
  for (const std::string& format : Formats()) {
    if (testing::TestEventListener* printer = MakePrinter(format)) {
      listeners.Append(printer);
      own_output = false;
    }
  }
  if (!own_output) delete listeners.Release(listeners.default_result_printer());
  return RUN_ALL_TESTS();
}
