// SPDX-License-Identifier: Apache-2.0
#include "program/recognizer.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <sstream>

#include "tests/support.h"

namespace tld {
namespace {

using testing_support::ExecRecords;
using testing_support::ParseEvent;
using testing_support::RuleText;
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

FoundFile File(const std::string& name, const std::string& path, std::uint64_t inode) {
  return {name, "/usr/bin/" + path, 1, inode, 100};
}

TEST(ListedPrograms, AProgramOfSeveralNamesIsListedOnlyWhenItsOwnOrAllAre) {
  const TestPolicy policy = PolicyWith("insmod:orange\nnc:yellow\nnc.openbsd:red\ntelnet:orange\n");
  const auto programs = ListedPrograms(
      policy.policy()->ruleset.lists.at(0),
      {File("insmod", "kmod", 1), File("kmod", "kmod", 1), File("lsmod", "kmod", 1),
       File("nc", "nc.openbsd", 2), File("nc.openbsd", "nc.openbsd", 2), File("other", "other", 3),
       File("inetutils-telnet", "inetutils-telnet", 4), File("telnet", "inetutils-telnet", 4)});
  EXPECT_EQ(Names(programs), (std::vector<std::string>{"nc.openbsd 4", "telnet 3"}));
}

TEST(ListedPrograms, HardLinksAreNamesToo) {
  const TestPolicy policy = PolicyWith("busybox:orange\nnc:red\nnetcat:red\n");
  EXPECT_EQ(Names(ListedPrograms(policy.policy()->ruleset.lists.at(0),
                                 {File("busybox", "busybox", 1), File("ls", "ls", 1),
                                  File("nc", "nc", 2), File("netcat", "netcat", 2)})),
            (std::vector<std::string>{"nc 4"}));
}

TEST(WitnessTalk, FilesComeBackAsTheyWereAndHalfOfOneIsNone) {
  const FoundFile file{"two words", "/srv/two words", 7, 8, 9};
  std::string text;
  AppendFile(text, file);
  AppendFile(text, {"b", "/srv/b", 1, 2, 3});
  std::string_view rest = text;
  FoundFile found;
  ASSERT_TRUE(NextFile(rest, found));
  EXPECT_EQ(found.name + found.path, file.name + file.path);
  EXPECT_EQ(found.device * 100 + found.inode * 10 + found.size, 789u);
  ASSERT_TRUE(NextFile(rest, found));
  EXPECT_EQ(found.path, "/srv/b");
  EXPECT_FALSE(NextFile(rest, found));
  for (std::size_t size = 0; size < 24 + file.name.size() + file.path.size() + 2; ++size) {
    std::string_view half(text.data(), size);
    EXPECT_FALSE(NextFile(half, found)) << size;
  }
}

TEST(ListedPrograms, ColoursRankAsTheRulesLookAtThem) {
  EXPECT_GT(RankOf("red"), RankOf("orange"));
  EXPECT_GT(RankOf("orange"), RankOf("yellow"));
  EXPECT_GT(RankOf("yellow"), RankOf("blue"));
  EXPECT_GT(RankOf("blue"), 0);
  EXPECT_EQ(RankOf("RED,old"), RankOf("red"));
}

/// A recognizer that knows one program, ls, and the witness's end of its socket.
class RecognizerTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kDevice = 0x801;

  RecognizerTest() : policy_(PolicyWith("ls:red\n")) {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends_), 0);
    recognizer_.emplace(ends_[0], [this](RawEvent&& raw) { found_.push_back(std::move(raw)); });
    recognizer_->SetPolicy(*policy_.policy());
    BeListed();
    BeTaught();
  }
  /// What a whole scan asks: each directory has ls.
  void BeListed(std::int64_t changed_ns = 5) {
    for (int i = 0; i < kDirectories; ++i) {
      const WitnessQuestion list = Next();
      EXPECT_EQ(list.kind, WitnessQuestion::Kind::kList);
      EXPECT_LT(list.time_ns, 0);
      Say(list.id, false, changed_ns, {});
      Say(list.id, true, changed_ns, {"ls", "/usr/bin/ls", kDevice, 77, 1000});
    }
    EXPECT_EQ(recognizer_->programs().all().size(), 1u);
  }
  void BeTaught() {
    EXPECT_EQ(Next().kind, WitnessQuestion::Kind::kSizes);
    const WitnessQuestion learn = Next();
    EXPECT_EQ(learn.kind, WitnessQuestion::Kind::kLearn);
    EXPECT_EQ(rest_, "/usr/bin/ls");
    AnswerLearn(learn.id, 1000, 'l');
  }
  ~RecognizerTest() override {
    close(ends_[0]);
    close(ends_[1]);
  }

  /// More than there is room for; what is left is less than the sizes need.
  void AskMuch() {
    for (std::size_t i = 0; i < Recognizer::kMostWaiting; ++i) Run("x", "/srv/x");
  }

  static constexpr int kDirectories = 7;

  void Send(WitnessAnswer answer, std::string_view rest) {
    answer.bytes = static_cast<std::uint32_t>(rest.size());
    std::string message(reinterpret_cast<const char*>(&answer), sizeof answer);
    message += rest;
    EXPECT_EQ(send(ends_[1], message.data(), message.size(), 0),
              static_cast<ssize_t>(message.size()));
    recognizer_->ReadAnswers();
  }
  void Say(std::uint64_t id, bool last, std::int64_t changed_ns, const FoundFile& file) {
    WitnessAnswer answer;
    answer.id = id;
    answer.unseen = Unseen::kSeen;
    answer.last = last;
    answer.time_ns = changed_ns;
    std::string files;
    if (!file.name.empty()) AppendFile(files, file);
    Send(answer, files);
  }
  void AnswerLearn(std::uint64_t id, std::uint64_t size, char hash) {
    WitnessAnswer answer;
    answer.id = id;
    answer.unseen = Unseen::kSeen;
    answer.inode = 77;
    answer.size = size;
    answer.sha256.fill(static_cast<std::uint8_t>(hash));
    Send(answer, {});
  }
  void Tell(std::uint64_t id, Unseen unseen, bool removed) {
    WitnessAnswer answer;
    answer.id = id;
    answer.unseen = unseen;
    answer.removed = removed;
    Send(answer, {});
  }
  /// The next question; kind kLook and id 0 when there is none.
  WitnessQuestion Next() {
    if (asked_.empty()) {
      recognizer_->SendQuestions();
      char buffer[kMostQuestionBytes];
      const ssize_t n = recv(ends_[1], buffer, sizeof buffer, 0);
      if (n > 0) asked_.assign(buffer, static_cast<std::size_t>(n));
    }
    WitnessQuestion question;
    if (asked_.size() < sizeof question) return {};
    std::memcpy(&question, asked_.data(), sizeof question);
    rest_ = asked_.substr(sizeof question, question.bytes);
    asked_.erase(0, sizeof question + rest_.size());
    return question;
  }
  void Answer(std::uint64_t id, Unseen unseen, char hash) {
    WitnessAnswer answer;
    answer.id = id;
    answer.unseen = unseen;
    answer.sha256.fill(static_cast<std::uint8_t>(hash));
    Send(answer, {});
  }
  std::uint64_t Count(Unseen what) const {
    return recognizer_->answers()[static_cast<std::size_t>(what)];
  }
  void Run(const std::string& comm, const std::string& exe, std::int64_t now_ms = 0) {
    recognizer_->Consider(ParseEvent(ExecRecords(comm, exe)), now_ms);
  }

  TestPolicy policy_;
  int ends_[2];
  std::optional<Recognizer> recognizer_;
  std::vector<RawEvent> found_;
  std::string asked_;  // questions that came together
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
  EXPECT_EQ(found_[0].TypeName(found_[0].MainRecord()), "TLD_IDENTITY");
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
  ASSERT_EQ(found_.size(), 1u);
  EXPECT_NE(found_[0].text.find("unseen=no_answer type=SYSCALL"), std::string::npos);
  EXPECT_EQ(recognizer_->waiting(), 0u);
  BeTaught();
  BeListed();
  BeTaught();
  Answer(id, Unseen::kSeen, 'l');
  EXPECT_EQ(found_.size(), 1u);
}

TEST_F(RecognizerTest, WhatIsNotAnsweredInTimeIsGivenUp) {
  Run("x", "/srv/x", 1000);
  recognizer_->KeepHouse(5000);
  EXPECT_EQ(recognizer_->waiting(), 1u);
  recognizer_->KeepHouse(6500);
  EXPECT_EQ(recognizer_->waiting(), 0u);
  EXPECT_EQ(Count(Unseen::kNoAnswer), 1u);
  EXPECT_EQ(recognizer_->Unwitnessed(), 1u);
  EXPECT_EQ(found_.size(), 1u);  // told by name
}

TEST_F(RecognizerTest, AWitnessThatTakesNothingCostsABoundedMemory) {
  for (std::size_t i = 0; i < 2 * Recognizer::kMostWaiting; ++i) Run("x", "/srv/x");
  EXPECT_LE(recognizer_->waiting(), Recognizer::kMostWaiting);
  EXPECT_GT(Count(Unseen::kBusy), 0u);
  EXPECT_EQ(found_.size(), Count(Unseen::kBusy));
  EXPECT_NE(found_[0].text.find("unseen=busy type=SYSCALL"), std::string::npos);
  EXPECT_EQ(recognizer_->waiting() + Count(Unseen::kBusy), recognizer_->counters().asked);
}

TEST_F(RecognizerTest, WithoutRoomTheDirectoriesAreListedLater) {
  AskMuch();
  recognizer_->SetPolicy(*policy_.policy());
  while (Next().id != 0) {
  }
  recognizer_->KeepHouse(1);
  BeListed();
  BeTaught();
}

TEST_F(RecognizerTest, WithoutRoomTheSizesAreToldLater) {
  recognizer_->SetPolicy(*policy_.policy());
  for (int i = 0; i < kDirectories; ++i) {
    const WitnessQuestion list = Next();
    if (i == kDirectories - 1) AskMuch();
    Say(list.id, true, 5, {"ls", "/usr/bin/ls", kDevice, 77, 1000});
  }
  while (Next().id != 0) {
  }
  recognizer_->KeepHouse(1);
  BeTaught();
}

TEST_F(RecognizerTest, ANewWitnessHearsNothingOfWhatTheOldOneWasAsked) {
  for (int i = 0; i < 10; ++i) Run("x", "/srv/x");
  Answer(0, Unseen::kFailed, 0);
  BeTaught();
  BeListed();
  BeTaught();
  EXPECT_EQ(Next().id, 0u);
  EXPECT_EQ(Count(Unseen::kNoAnswer), 10u);
}

TEST(WitnessClient, AsksNoMoreAtOnceThanTheSocketTakes) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
  const int small = 4096;  // of which the kernel makes twice as much
  setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  WitnessClient client(ends[0]);
  for (int turn = 0; turn < 5; ++turn) {
    std::size_t asked = 0;
    while (client.Ask({.id = 1}, "/srv/x")) ++asked;
    EXPECT_GT(asked, 100u);
    client.Send();
    char buffer[kMostQuestionBytes];
    EXPECT_EQ(recv(ends[1], buffer, sizeof buffer, 0),
              static_cast<ssize_t>(asked * (sizeof(WitnessQuestion) + 6)));
  }
  close(ends[0]);
  close(ends[1]);
}

TEST_F(RecognizerTest, SeveralAnswersComeTogether) {
  for (int i = 0; i < 3; ++i) Run("x", "/srv/x");
  std::string answers;
  for (int i = 0; i < 3; ++i) {
    WitnessAnswer answer;
    answer.id = Next().id;
    answer.unseen = Unseen::kOtherSize;
    answers.append(reinterpret_cast<const char*>(&answer), sizeof answer);
  }
  answers += "half of one";
  ASSERT_EQ(send(ends_[1], answers.data(), answers.size(), 0),
            static_cast<ssize_t>(answers.size()));
  recognizer_->ReadAnswers();
  EXPECT_EQ(recognizer_->waiting(), 0u);
  EXPECT_EQ(Count(Unseen::kOtherSize), 3u);
}

TEST_F(RecognizerTest, WhatTheSocketDoesNotTakeIsSentLater) {
  std::size_t asked = 0;
  for (; asked < 600; ++asked) {
    Run("x", "/srv/x" + std::to_string(asked));
    recognizer_->SendQuestions();
  }
  EXPECT_EQ(Count(Unseen::kBusy), 0u);
  for (std::size_t i = 0; i < asked; ++i) {
    ASSERT_NE(Next().id, 0u) << i;
    EXPECT_EQ(rest_, "/srv/x" + std::to_string(i));
  }
}

TEST_F(RecognizerTest, ADirectoryThatChangedIsListedAgainAndOneThatDidNotIsNot) {
  recognizer_->KeepHouse(20'000);
  for (int i = 0; i < kDirectories; ++i) {
    const WitnessQuestion list = Next();
    EXPECT_EQ(list.time_ns, 5);
    Say(list.id, false, 0, {});
    Say(list.id, true, 5, {});
  }
  EXPECT_EQ(Next().kind, WitnessQuestion::Kind::kLearn);
  recognizer_->KeepHouse(40'000);
  const WitnessQuestion list = Next();
  EXPECT_EQ(list.kind, WitnessQuestion::Kind::kList);
  Say(list.id, true, 6, {});
  BeListed(6);
  BeTaught();
}

TEST_F(RecognizerTest, AProgramThatIsWrittenAnewInItsPlaceIsKnownByItsNewContent) {
  recognizer_->KeepHouse(20'000);
  for (int i = 0; i < kDirectories; ++i) Say(Next().id, true, 5, {});
  AnswerLearn(Next().id, 2000, 'n');
  recognizer_->KeepHouse(21'000);
  EXPECT_EQ(Next().kind, WitnessQuestion::Kind::kSizes);
  EXPECT_EQ(rest_, std::string("\xd0\x07\0\0\0\0\0\0", 8));
  AnswerLearn(Next().id, 2000, 'n');
  Run("x", "/srv/x", 21'000);
  Answer(Next().id, Unseen::kSeen, 'n');
  EXPECT_EQ(found_.size(), 1u);
}

TEST_F(RecognizerTest, ADirectoryThatTheWitnessDiesOfIsLeftOutForAnHour) {
  recognizer_->KeepHouse(20'000);
  Say(Next().id, true, 5, {});
  Say(Next().id, false, 0, {});  // at the second one it stops
  Answer(0, Unseen::kFailed, 0);
  EXPECT_EQ(recognizer_->programs().avoided(), 0u);  // that may have been anything
  BeTaught();
  Say(Next().id, true, 5, {});
  Say(Next().id, false, 0, {});
  Answer(0, Unseen::kFailed, 0);
  EXPECT_EQ(recognizer_->programs().avoided(), 1u);
  EXPECT_EQ(Count(Unseen::kTooSlow), 1u);
  BeTaught();
  const auto listed = [&] {
    std::vector<std::string> directories;
    for (WitnessQuestion list = Next(); list.kind == WitnessQuestion::Kind::kList; list = Next()) {
      directories.push_back(rest_);
      Say(list.id, true, 5, {});
    }
    return directories;
  };
  EXPECT_EQ(listed(), (std::vector<std::string>{"/usr/local/sbin", "/usr/sbin", "/usr/bin", "/sbin",
                                                "/bin", "/usr/games"}));
  recognizer_->KeepHouse(20'000 + 3'600'000);
  EXPECT_EQ(listed().size(), 7u);
  EXPECT_EQ(recognizer_->programs().avoided(), 0u);
}

TEST_F(RecognizerTest, ALookThatTheWitnessDiesOfSaysNothingOfADirectory) {
  recognizer_->KeepHouse(20'000);
  EXPECT_EQ(Next().kind, WitnessQuestion::Kind::kList);
  Answer(0, Unseen::kFailed, 0);
  EXPECT_EQ(recognizer_->programs().avoided(), 0u);
}

TEST_F(RecognizerTest, AProgramWhoseFileWasRemovedIsToldWhenItRunsOn) {
  for (const bool runs : {true, false}) {
    found_.clear();
    Run("x", "/srv/x", 1000);
    const WitnessQuestion look = Next();
    Tell(look.id, Unseen::kGone, true);
    recognizer_->KeepHouse(1500);
    EXPECT_EQ(Next().id, 0u);
    recognizer_->KeepHouse(2000);
    const WitnessQuestion question = Next();
    EXPECT_EQ(question.kind, WitnessQuestion::Kind::kRuns);
    EXPECT_EQ(question.pid, 11u);
    EXPECT_EQ(question.time_ns, ParseEvent(ExecRecords("x", "/srv/x")).id().TimeMs() * 1'000'000);
    Tell(question.id, runs ? Unseen::kSeen : Unseen::kGone, false);
    ASSERT_EQ(found_.size(), runs ? 1u : 0u);
    EXPECT_EQ(runs, runs && found_[0].text.find("unseen=gone type=SYSCALL") != std::string::npos);
    EXPECT_EQ(recognizer_->waiting(), 0u);
  }
  EXPECT_EQ(Count(Unseen::kGone), 2u);
}

TEST_F(RecognizerTest, ProgramsThatRemoveThemselvesTakeFewPlaces) {
  for (int i = 0; i < 1000; ++i) {
    Run("x", "/srv/x", 1000);
    Tell(Next().id, Unseen::kGone, true);
  }
  EXPECT_EQ(recognizer_->waiting(), 512u);
  EXPECT_EQ(Count(Unseen::kBusy), 1000u - 512u);
  recognizer_->KeepHouse(2000);
  for (int i = 0; i < 512; ++i) Tell(Next().id, Unseen::kGone, false);
  EXPECT_EQ(recognizer_->waiting(), 0u);
  Run("x", "/srv/x", 2000);
  Tell(Next().id, Unseen::kGone, true);
  EXPECT_EQ(recognizer_->waiting(), 1u);
}

TEST_F(RecognizerTest, APathThatTheKernelDoesNotTellIsTold) {
  Run("x", "<too_long>");
  EXPECT_EQ(Next().id, 0u);
  EXPECT_EQ(recognizer_->Unwitnessed(), 1u);
}

TEST_F(RecognizerTest, AFileThatIsNotThereInAnotherNamespaceOrBelongsToTheSystemIsCountedAlone) {
  Run("x", "/srv/x", 1000);
  Tell(Next().id, Unseen::kGone, false);
  Run("x", "/usr/bin/x", 1000);
  Tell(Next().id, Unseen::kOtherFile, true);
  EXPECT_EQ(recognizer_->waiting(), 0u);
  recognizer_->KeepHouse(3000);
  EXPECT_EQ(Next().id, 0u);
}

TEST_F(RecognizerTest, CommandsBeforeAnyDirectoryIsListedAreCountedWhenThatLasts) {
  Recognizer blind(ends_[0], [](RawEvent&&) {});
  blind.SetPolicy(*policy_.policy());
  blind.Consider(ParseEvent(ExecRecords("x", "/srv/x")), 1000);
  blind.Consider(ParseEvent(ExecRecords("x", "/srv/x")), 5000);
  EXPECT_EQ(blind.Unwitnessed(), 0u);  // it has only just started
  blind.Consider(ParseEvent(ExecRecords("x", "/srv/x")), 7000);
  EXPECT_EQ(blind.Unwitnessed(), 1u);
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
