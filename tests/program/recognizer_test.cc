// SPDX-License-Identifier: Apache-2.0
#include "program/recognizer.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>
#include <sstream>

#include "tests/support.h"

namespace tld {
namespace {

using testing_support::ExecRecords;
using testing_support::ParseEvent;
using testing_support::RuleText;
using testing_support::TemporaryDirectory;
using testing_support::TestPolicy;

const char kRules[] =
    "<list field=\"audit.program\" lookup=\"match_key\">etc/lists/suspicious-programs</list>";

TestPolicy PolicyWith(const std::string& list) {
  return TestPolicy(RuleText("id=\"1\" level=\"3\"", kRules), {{"suspicious-programs", list}});
}

std::vector<std::string> Names(const std::vector<ListedProgram>& programs) {
  std::vector<std::string> names;
  for (const ListedProgram& program : programs) {
    names.push_back(program.name + ' ' + std::to_string(program.rank));
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST(ListedPrograms, AProgramOfSeveralNamesIsListedOnlyWhenItsOwnOrAllAre) {
  const TemporaryDirectory directory;
  for (const char* name : {"kmod", "nc.openbsd", "inetutils-telnet", "other"}) {
    directory.Write(std::string("bin/") + name, name);
  }
  for (const auto& [link, target] :
       std::vector<std::pair<const char*, const char*>>{{"insmod", "kmod"},
                                                        {"lsmod", "kmod"},
                                                        {"nc", "nc.openbsd"},
                                                        {"telnet", "inetutils-telnet"}}) {
    std::filesystem::create_symlink(target, directory / (std::string("bin/") + link));
  }
  const TestPolicy policy = PolicyWith("insmod:orange\nnc:yellow\nnc.openbsd:red\ntelnet:orange\n");
  const auto programs =
      FindListedPrograms(policy.policy()->ruleset.lists.at(0), {directory / "bin"});
  EXPECT_EQ(Names(programs), (std::vector<std::string>{"nc.openbsd 4", "telnet 3"}));
}

TEST(ListedPrograms, HardLinksAreNamesToo) {
  const TemporaryDirectory directory;
  directory.Write("bin/busybox", "busybox");
  std::filesystem::create_hard_link(directory / "bin/busybox", directory / "bin/ls");
  directory.Write("bin/nc", "nc");
  std::filesystem::create_hard_link(directory / "bin/nc", directory / "bin/netcat");
  const TestPolicy policy = PolicyWith("busybox:orange\nnc:red\nnetcat:red\n");
  EXPECT_EQ(Names(FindListedPrograms(policy.policy()->ruleset.lists.at(0), {directory / "bin"})),
            (std::vector<std::string>{"nc 4"}));
}

TEST(ListedPrograms, ColoursRankAsTheRulesLookAtThem) {
  EXPECT_GT(RankOf("red"), RankOf("orange"));
  EXPECT_GT(RankOf("orange"), RankOf("yellow"));
  EXPECT_GT(RankOf("yellow"), RankOf("blue"));
  EXPECT_GT(RankOf("blue"), 0);
  EXPECT_EQ(RankOf("RED,old"), RankOf("red"));
}

/// A recognizer that knows one program of this machine, and the witness's end of its socket.
class RecognizerTest : public testing::Test {
 protected:
  RecognizerTest() : policy_(PolicyWith("ls:red\n")) {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends_), 0);
    recognizer_.emplace(ends_[0], [this](RawEvent&& raw) { found_.push_back(std::move(raw)); });
    recognizer_->SetPolicy(*policy_.policy());
    EXPECT_EQ(recognizer_->programs(), 1u);
    EXPECT_EQ(Next().kind, WitnessQuestion::Kind::kSizes);
    const WitnessQuestion learn = Next();
    EXPECT_EQ(learn.kind, WitnessQuestion::Kind::kLearn);
    EXPECT_EQ(BaseNameOf(rest_), "ls");
    Answer(learn.id, Unseen::kSeen, 'l');
  }
  ~RecognizerTest() override {
    close(ends_[0]);
    close(ends_[1]);
  }

  static std::string BaseNameOf(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
  }
  /// The next question; kind kLook and id 0 when there is none.
  WitnessQuestion Next() {
    char buffer[70000];
    WitnessQuestion question;
    const ssize_t n = recv(ends_[1], buffer, sizeof buffer, 0);
    if (n < static_cast<ssize_t>(sizeof question)) return {};
    std::memcpy(&question, buffer, sizeof question);
    rest_.assign(buffer + sizeof question, static_cast<std::size_t>(n) - sizeof question);
    return question;
  }
  void Answer(std::uint64_t id, Unseen unseen, char hash) {
    WitnessAnswer answer;
    answer.id = id;
    answer.unseen = unseen;
    answer.sha256.fill(static_cast<std::uint8_t>(hash));
    EXPECT_EQ(send(ends_[1], &answer, sizeof answer, 0), static_cast<ssize_t>(sizeof answer));
    recognizer_->ReadAnswers();
  }
  std::uint64_t Count(Unseen what) const {
    return recognizer_->counters().by_answer[static_cast<std::size_t>(what)];
  }
  void Run(const std::string& comm, const std::string& exe, std::int64_t now_ms = 0) {
    recognizer_->Consider(ParseEvent(ExecRecords(comm, exe)), now_ms);
  }

  TestPolicy policy_;
  int ends_[2];
  std::optional<Recognizer> recognizer_;
  std::vector<RawEvent> found_;
  std::string rest_;
};

TEST_F(RecognizerTest, ASameHashIsToldAndAnotherIsNot) {
  Run("x", "/srv/x");
  const WitnessQuestion question = Next();
  EXPECT_EQ(question.kind, WitnessQuestion::Kind::kLook);
  EXPECT_EQ(rest_, "/srv/x");
  Answer(question.id, Unseen::kSeen, 'o');
  EXPECT_TRUE(found_.empty());
  Run("x", "/srv/x");
  Answer(Next().id, Unseen::kSeen, 'l');
  ASSERT_EQ(found_.size(), 1u);
  EXPECT_EQ(found_[0].MainRecord().type_name, "TLD_IDENTITY");
  EXPECT_NE(found_[0].text.find("name=\"ls\" via=sha256 sha256=6c6c6c"), std::string::npos);
  EXPECT_NE(found_[0].text.find("type=EXECVE"), std::string::npos);
  EXPECT_EQ(recognizer_->counters().recognized, 1u);
}

TEST_F(RecognizerTest, WhatANameHasToldIsNotAskedAgain) {
  Run("ls", "/srv/ls");
  EXPECT_EQ(Next().id, 0u);
  EXPECT_EQ(recognizer_->counters().asked, 0u);
}

TEST_F(RecognizerTest, WhatCallsItselfAScriptIsAskedAsAProgramToo) {
  std::string log = ExecRecords("x", "/srv/copy");
  const std::size_t begin = log.find("a0=\"");
  log.replace(begin, log.find('\n', begin) - begin, "a0=\"./-v\" a1=\"./-v\"");
  const std::size_t name = log.find("name=\"", log.find("type=PATH"));
  log.replace(name, log.find(' ', name) - name, "name=\"./-v\"");
  recognizer_->Consider(ParseEvent(log), 0);
  EXPECT_TRUE(Next().id != 0 && rest_.ends_with("/-v")) << rest_;
  const WitnessQuestion second = Next();
  EXPECT_EQ(rest_, "/srv/copy");
  Answer(second.id, Unseen::kSeen, 'l');
  EXPECT_EQ(found_.size(), 1u);
}

TEST_F(RecognizerTest, AnAnswerThatNobodyAskedForChangesNothing) {
  Answer(12345, Unseen::kSeen, 'l');
  EXPECT_TRUE(found_.empty());
  Run("x", "/srv/x");
  const std::uint64_t id = Next().id;
  Answer(id, static_cast<Unseen>(200), 'l');
  EXPECT_EQ(Count(Unseen::kFailed), 1u);
  Answer(id, Unseen::kSeen, 'l');  // a second one
  EXPECT_TRUE(found_.empty());
}

TEST_F(RecognizerTest, AWitnessThatBeginsAnewLosesWhatWasAskedAndIsTaughtAgain) {
  Run("x", "/srv/x");
  const std::uint64_t id = Next().id;
  Answer(0, Unseen::kFailed, 0);
  EXPECT_EQ(Count(Unseen::kNoAnswer), 1u);
  EXPECT_EQ(recognizer_->waiting(), 0u);
  EXPECT_EQ(Next().kind, WitnessQuestion::Kind::kSizes);
  Answer(id, Unseen::kSeen, 'l');
  EXPECT_TRUE(found_.empty());
}

TEST_F(RecognizerTest, WhatIsNotAnsweredInTimeIsGivenUp) {
  Run("x", "/srv/x", 1000);
  recognizer_->KeepHouse(5000);
  EXPECT_EQ(recognizer_->waiting(), 1u);
  recognizer_->KeepHouse(6500);
  EXPECT_EQ(recognizer_->waiting(), 0u);
  EXPECT_EQ(Count(Unseen::kNoAnswer), 1u);
  EXPECT_EQ(recognizer_->Unwitnessed(), 1u);
}

TEST_F(RecognizerTest, AWitnessThatTakesNothingCostsABoundedMemory) {
  for (std::size_t i = 0; i < 2 * Recognizer::kMostWaiting; ++i) Run("x", "/srv/x");
  EXPECT_LE(recognizer_->waiting(), Recognizer::kMostWaiting);
  EXPECT_GT(Count(Unseen::kBusy), 0u);
  EXPECT_EQ(recognizer_->waiting() + Count(Unseen::kBusy), recognizer_->counters().asked);
}

TEST_F(RecognizerTest, AFullSocketDelaysTheTeachingAndNothingMore) {
  for (std::size_t i = 0; i < 2 * Recognizer::kMostWaiting; ++i) Run("x", "/srv/x");
  WitnessAnswer anew;
  ASSERT_EQ(send(ends_[1], &anew, sizeof anew, 0), static_cast<ssize_t>(sizeof anew));
  recognizer_->ReadAnswers();  // no room for the sizes
  while (Next().id != 0) {
  }
  recognizer_->KeepHouse(1);
  EXPECT_EQ(Next().kind, WitnessQuestion::Kind::kSizes);
}

TEST_F(RecognizerTest, FailedCommandsAndOtherHostsAreNotAsked) {
  std::string failed = ExecRecords("x", "/srv/x");
  failed.replace(failed.find("success=yes"), 11, "success=no ");
  recognizer_->Consider(ParseEvent(failed), 0);
  std::string elsewhere;
  std::istringstream lines(ExecRecords("x", "/srv/x"));
  for (std::string line; std::getline(lines, line);) elsewhere += "node=elsewhere " + line + '\n';
  recognizer_->Consider(ParseEvent(elsewhere), 0);
  EXPECT_EQ(recognizer_->counters().asked, 0u);
}

}  // namespace
}  // namespace tld
