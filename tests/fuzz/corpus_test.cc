// SPDX-License-Identifier: Apache-2.0
// The fuzz targets on their corpora, and on each file with some bytes changed. What a target does
// not accept ends the program.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <random>

#include "tests/fuzz/targets.h"
#include "tests/support.h"

namespace tld {
namespace {

using Target = std::function<void(std::string_view)>;

constexpr int kNeighbours = 100;
constexpr std::size_t kLargest = 64 * 1024;  // of a file; larger ones say nothing more

std::string Neighbour(std::string text, std::mt19937& random) {
  for (int changes = 1 + static_cast<int>(random() % 4); changes > 0 && !text.empty(); --changes) {
    const std::size_t at = random() % text.size();
    const std::size_t length = 1 + random() % 16;
    switch (random() % 4) {
      case 0:
        text[at] = static_cast<char>(random());
        break;
      case 1:
        text.erase(at, length);
        break;
      case 2:
        text.insert(random() % text.size(), text.substr(at, length));
        break;
      default:
        text.resize(at);
    }
  }
  return text;
}

/// Runs the target on all files of the directories, relative to the checkout.
void RunCorpus(const Target& target, const std::vector<std::string>& directories,
               const std::string& suffix = "") {
  std::mt19937 random(7);
  std::size_t files = 0;
  for (const std::string& directory : directories) {
    for (const auto& entry :
         std::filesystem::directory_iterator(testing_support::Top() + '/' + directory)) {
      const std::string path = entry.path();
      if (!entry.is_regular_file() || !path.ends_with(suffix) || entry.file_size() > kLargest) {
        continue;
      }
      const std::string text = testing_support::Slurp(path);
      target(text);
      for (int i = 0; i < kNeighbours; ++i) target(Neighbour(text, random));
      ++files;
    }
  }
  EXPECT_GT(files, 0u);
}

TEST(Corpus, Records) { RunCorpus(FuzzRecords, {"tests/data/events"}, ".log"); }

TEST(Corpus, Rules) { RunCorpus(FuzzRules, {"tests/data/bad", "rules/detect", "conf"}, ".xml"); }

TEST(Corpus, Lists) { RunCorpus(FuzzList, {"lists", "tests/data/lists"}); }

TEST(Corpus, Settings) { RunCorpus(FuzzConfig, {"conf", "tests/data/settings"}, ".conf"); }

TEST(Corpus, OsRegex) { RunCorpus(FuzzOsRegex, {"tests/data/osregex"}); }

TEST(Corpus, Stored) { RunCorpus(FuzzStored, {"tests/data/documents"}); }

TEST(Corpus, Queries) { RunCorpus(FuzzQuery, {"tests/data/queries"}); }

}  // namespace
}  // namespace tld
