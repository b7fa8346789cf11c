// SPDX-License-Identifier: Apache-2.0
// The examples of docs/writing-rules.md do what it says.
#include <gtest/gtest.h>

#include <sstream>

#include "base/text.h"
#include "tests/support.h"

namespace tld {
namespace {

using testing_support::Slurp;
using testing_support::TemporaryDirectory;
using testing_support::Top;
using Strings = std::vector<std::string>;

/// A fenced block, with the comment that stands before it.
struct Block {
  std::string comment;
  std::string text;
};

std::vector<Block> ReadBlocks(const std::string& path) {
  std::vector<Block> blocks;
  std::istringstream text(Slurp(path));
  std::string comment;
  bool inside = false;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("```")) {
      inside = !inside;
      if (inside) blocks.push_back({comment, {}});
      comment.clear();
    } else if (inside) {
      blocks.back().text += line + '\n';
    } else if (line.starts_with("<!-- ") && line.ends_with(" -->")) {
      comment = line.substr(5, line.size() - 9);
    }
  }
  return blocks;
}

TEST(WritingRules, EveryExampleAnswersAsItSays) {
  TemporaryDirectory directory;
  directory.Write("lists/none", "");
  PolicySource source;
  source.config_file = directory.Write("tld-audisp.conf", "");
  source.list_directories = {directory / "lists", Top() + "/lists"};
  std::size_t examples = 0;
  for (const Block& block : ReadBlocks(Top() + "/docs/writing-rules.md")) {
    const auto words = SplitWords(block.comment, " ");
    ASSERT_FALSE(words.empty()) << block.text;
    if (words[0] == "list") {
      directory.Write("lists/" + std::string(words.at(1)), block.text);
    } else if (words[0] == "example") {
      source.rule_paths = {Top() + "/rules/detect", Top() + "/conf/local_rules.xml",
                           directory.Write("zz-local.xml", block.text)};
    } else {
      ASSERT_EQ(words[0], "answers");
      const LoadedPolicy loaded = LoadPolicy(source, 1);
      EXPECT_EQ(testing_support::Codes(loaded.diagnostics), Strings{}) << block.comment;
      const Strings expected(words.begin() + 1, words.end());
      EXPECT_EQ(testing_support::Answers(loaded.policy, block.text), expected) << block.comment;
      ++examples;
    }
  }
  EXPECT_EQ(examples, 6u);
}

}  // namespace
}  // namespace tld
