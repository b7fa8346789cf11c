// SPDX-License-Identifier: Apache-2.0
#include "deliver/store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "deliver/store_reader.h"
#include "tests/deliver/faults.h"
#include "tests/support.h"

namespace tld {
namespace {

using testing_support::ExecRecords;
using testing_support::TemporaryDirectory;

constexpr std::int64_t kDay = std::int64_t{86'400} * 1'000'000;
constexpr std::int64_t kNow = std::int64_t{1'700'000'000} * 1'000'000;

class StoreTest : public testing::Test {
 protected:
  StoreTest() : event_(testing_support::ParseEvent(ExecRecords("nc", "/usr/bin/nc.openbsd"))) {
    rule_.id = "100210";
    rule_.level = 12;
    sender_.host = "host1";
    sender_.instance = 7;
    options_.path = directory_ / "alerts.db";
  }

  void Add(Store& store, std::int64_t time_us = kNow, const std::string& document = "{}") {
    Alert alert;
    alert.rule = &rule_;
    alert.event = &event_;
    alert.seq = ++seq_;
    alert.time_us = time_us;
    store.Add(alert, sender_, document, now_ms_);
  }

  void Tick(Store& store, std::int64_t pass_ms = Store::kApartMs, std::int64_t now_us = kNow) {
    now_ms_ += pass_ms;
    store.Tick(now_ms_, now_us);
  }

  /// The numbers of all alerts in the file, as another process reads them.
  std::vector<std::int64_t> Stored() const {
    std::vector<std::int64_t> stored;
    Result<Database> database = Database::Open(options_.path, Database::Mode::kRead);
    EXPECT_TRUE(database) << database.message();
    if (!database) return stored;
    Result<Statement> rows = database->Prepare("SELECT seq FROM alert ORDER BY id");
    EXPECT_TRUE(rows) << rows.message();
    while (rows && rows->Step() == 100) stored.push_back(rows->Number(0));
    return stored;
  }

  std::vector<std::int64_t> UpTo(std::int64_t last, std::int64_t first = 1) const {
    std::vector<std::int64_t> numbers;
    for (std::int64_t i = first; i <= last; ++i) numbers.push_back(i);
    return numbers;
  }

  TemporaryDirectory directory_;
  Store::Options options_;
  Event event_;
  Rule rule_;
  Sender sender_;
  std::uint64_t seq_ = 0;
  std::int64_t now_ms_ = 1'000'000;
};

TEST_F(StoreTest, CommitsABatchAfterItsTimeWithWhatPeopleSearchBy) {
  Store store(options_);
  EXPECT_EQ(store.WaitMs(now_ms_), std::nullopt);
  Add(store, kNow, "{\"a\":1}");
  EXPECT_EQ(store.WaitMs(now_ms_), Store::kBatchMs);
  Tick(store, Store::kBatchMs - 1);
  EXPECT_FALSE(std::filesystem::exists(options_.path));
  Tick(store, 1);
  EXPECT_EQ(store.counters().stored, 1u);
  EXPECT_EQ(store.pending(), 0u);
  Result<Database> database = Database::Open(options_.path, Database::Mode::kRead);
  ASSERT_TRUE(database);
  Result<Statement> row = database->Prepare(
      "SELECT instance || ' ' || seq || ' ' || time_us || ' ' || rule || ' ' || level || ' ' || "
      "host "
      "|| ' ' || auid || ' ' || command || ' ' || exe || ' ' || document FROM alert");
  ASSERT_TRUE(row);
  row->Step();
  EXPECT_EQ(row->Text(0),
            "0000000000000007 1 1700000000000000 100210 12 host1 1000 nc /usr/bin/nc.openbsd "
            "{\"a\":1}");
  EXPECT_EQ(database->Ask("PRAGMA user_version"), Store::kSchema);
}

TEST_F(StoreTest, CommitsAreApartUnderLoad) {
  Store store(options_);
  Add(store);
  Tick(store, Store::kBatchMs);
  EXPECT_EQ(store.commits(), 1u);
  Add(store);
  EXPECT_EQ(store.WaitMs(now_ms_), Store::kApartMs);
  Tick(store, Store::kApartMs - 1);
  EXPECT_EQ(store.commits(), 1u);
  Add(store);
  EXPECT_EQ(store.WaitMs(now_ms_), 1);  // not for the one that came just now
  Tick(store, 1);
  EXPECT_EQ(store.commits(), 2u);
  EXPECT_EQ(Stored(), UpTo(3));
  Add(store, kNow, std::string(Store::kMuchBytes, 'x'));
  EXPECT_EQ(store.WaitMs(now_ms_), Store::kBatchMs);
}

TEST_F(StoreTest, OneOfANewerVersionIsLeftAlone) {
  {
    Store store(options_);
    Add(store);
    Tick(store);
    Result<Database> database = Database::Open(options_.path, Database::Mode::kWrite);
    ASSERT_TRUE(database && database->Run("PRAGMA user_version=99"));
  }
  Store store(options_);
  Add(store);
  Tick(store);
  EXPECT_NE(store.problem().find("newer version"), std::string::npos) << store.problem();
  EXPECT_EQ(store.pending(), 1u);
  EXPECT_EQ(Stored(), UpTo(1));
}

TEST_F(StoreTest, WhatCannotBeWrittenWaitsAndIsWrittenLater) {
  options_.path = directory_ / "missing/alerts.db";
  Store store(options_);
  Add(store);
  Tick(store);
  EXPECT_NE(store.problem().find("cannot be opened"), std::string::npos) << store.problem();
  EXPECT_EQ(store.pending(), 1u);
  std::filesystem::create_directory(directory_ / "missing");
  Add(store);
  Tick(store);  // not tried yet
  EXPECT_EQ(store.pending(), 2u);
  Tick(store, 1000);
  EXPECT_EQ(store.problem(), "");
  EXPECT_EQ(Stored(), UpTo(2));
}

TEST_F(StoreTest, OneThatIsLockedForAMomentIsNoProblem) {
  Result<Database> other = Database::Open(options_.path, Database::Mode::kWrite);
  ASSERT_TRUE(other && other->Run("BEGIN EXCLUSIVE"));
  Store store(options_);
  Add(store);
  Tick(store);
  EXPECT_EQ(store.problem(), "");
  EXPECT_EQ(store.pending(), 1u);
  Tick(store, 1000);
  Tick(store, 1000);
  EXPECT_EQ(store.problem(),
            "the alert store cannot be written: " + options_.path + ": database is locked");
  ASSERT_TRUE(other->Run("COMMIT"));
  Tick(store, 1000);
  EXPECT_EQ(store.problem(), "");
  EXPECT_EQ(Stored(), UpTo(1));
}

TEST_F(StoreTest, TheLastAlertsWaitUntilItIsUnlocked) {
  Result<Database> other = Database::Open(options_.path, Database::Mode::kWrite);
  ASSERT_TRUE(other && other->Run("BEGIN EXCLUSIVE"));
  Store store(options_);
  Add(store);
  std::thread unlock([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    other->Run("COMMIT");
  });
  store.Flush();
  unlock.join();
  EXPECT_EQ(store.pending(), 0u);
  EXPECT_EQ(Stored(), UpTo(1));
}

TEST_F(StoreTest, WhatWaitsIsBoundedAndTheRestCounted) {
  options_.path = directory_ / "missing/alerts.db";
  Store store(options_);
  const std::string document(32'000, 'x');
  for (int i = 0; i < 1000; ++i) Add(store, kNow, document);
  EXPECT_GT(store.pending(), 200u);
  EXPECT_LT(store.pending(), 300u);
  EXPECT_EQ(store.counters().lost + store.pending(), 1000u);
}

TEST_F(StoreTest, WhatWaitsWhenTheStoreIsSwitchedOffIsCountedAsLost) {
  options_.path = directory_ / "missing/alerts.db";
  Store store(options_);
  for (int i = 0; i < 3; ++i) Add(store);
  options_.path.clear();
  store.Configure(options_);
  EXPECT_EQ(store.pending(), 0u);
  EXPECT_EQ(store.counters().lost, 3u);
}

TEST_F(StoreTest, ADamagedFileIsSetAsideAndANewOneBegun) {
  for (const std::size_t keep : {std::size_t{0}, std::size_t{100}, std::size_t{5000}}) {
    {
      Store store(options_);
      for (int i = 0; i < 50; ++i) Add(store);
      Tick(store);
    }
    {
      std::fstream file(options_.path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(static_cast<std::streamoff>(keep));
      file << std::string(100'000, '\x5a');
    }
    Store store(options_);
    Add(store);
    Tick(store);
    // Damage is believed when it stays.
    for (int tries = 0; tries < 2; ++tries) Tick(store, 1000);
    EXPECT_EQ(store.counters().set_aside, 1u) << keep;
    EXPECT_EQ(store.problem(), "") << keep;
    EXPECT_EQ(Stored().size(), 1u) << keep;
    EXPECT_TRUE(std::filesystem::exists(options_.path + ".corrupt"));
  }
}

TEST_F(StoreTest, OneThatIsCutGoesOn) {
  {
    Store store(options_);
    for (int i = 0; i < 50; ++i) Add(store);
    Tick(store);
  }
  std::filesystem::resize_file(options_.path, 10'000);
  Store store(options_);
  for (int i = 0; i < 50; ++i) Add(store);
  Tick(store);
  for (int tries = 0; tries < 2; ++tries) Tick(store, 1000);
  EXPECT_EQ(store.pending(), 0u) << store.problem();
  EXPECT_EQ(store.problem(), "");
}

TEST_F(StoreTest, TheFileNeverBecomesLargerThanItMay) {
  options_.size_bytes = 1 << 20;
  options_.most_bytes = 2 << 20;
  Store store(options_);
  for (int i = 0; i < 2000; ++i) {
    Add(store, kNow, std::string(4000, 'd'));
    Tick(store);
    Tick(store, 1000);
    ASSERT_LE(std::filesystem::file_size(options_.path), options_.most_bytes);
  }
  EXPECT_GT(store.counters().removed, 0u);
}

TEST_F(StoreTest, AlertsGoAfterTheirDaysWhateverTheirEventsTimeOrTheClockSays) {
  options_.days = 10;
  {
    Store store(options_);
    Tick(store);
    Add(store, kNow - 1000 * kDay);  // a node whose clock is wrong
    Tick(store, 60'000, kNow);
    Tick(store, 60'000, kNow + 400 * kDay);  // our clock is set, and set back
    Tick(store, 60'000, kNow - 400 * kDay);
    EXPECT_EQ(Stored(), UpTo(1));
  }
  // Another run, eight days later.
  Store store(options_);
  Tick(store, 1, kNow + 8 * kDay);
  Add(store);
  Tick(store, 60'000, 0);
  EXPECT_EQ(Stored(), UpTo(2));
  Tick(store, 3 * kDay / 1000, 0);
  EXPECT_EQ(Stored(), UpTo(2, 2));
  EXPECT_EQ(store.counters().removed, 1u);
}

TEST_F(StoreTest, ManyLesserAlertsRemoveNoSevereOne) {
  options_.size_bytes = 1u << 20;
  Store store(options_);
  Add(store);
  rule_.level = Store::kSevere - 1;
  const std::string document(4000, 'd');
  for (int i = 0; i < 2000; ++i) {
    Add(store, kNow, document);
    if (i % 50 == 0) Tick(store, 250);
  }
  for (int i = 0; i < 20; ++i) Tick(store, 1000);
  const std::vector<std::int64_t> left = Stored();
  EXPECT_LT(left.size(), 400u);
  EXPECT_EQ(left.front(), 1);
  EXPECT_EQ(left.back(), 2001);
  EXPECT_EQ(store.counters().removed_severe, 0u);
  rule_.level = Store::kSevere;
  for (int i = 0; i < 2000; ++i) {
    Add(store, kNow, document);
    if (i % 50 == 0) Tick(store, 250);
  }
  for (int i = 0; i < 20; ++i) Tick(store, 1000);
  EXPECT_GT(store.counters().removed_severe, 1000u);
  EXPECT_GT(Stored().front(), 2001);
  // Lesser ones that come later go first again.
  const std::uint64_t before = store.counters().removed_severe;
  for (int i = 0; i < 400; ++i) {
    rule_.level = i < 200 ? Store::kSevere - 1 : Store::kSevere;
    Add(store, kNow, document);
  }
  for (int i = 0; i < 20; ++i) Tick(store, 1000);
  for (const std::int64_t seq : Stored()) EXPECT_TRUE(seq <= 4001 || seq > 4201) << seq;
  EXPECT_EQ(store.counters().removed_severe, before);
}

TEST_F(StoreTest, WhatIsStillToBeDeliveredStaysUntilTheFileIsFull) {
  options_.size_bytes = 1u << 20;
  options_.most_bytes = 4u << 20;
  options_.days = 7;
  Store store(options_);
  store.KeepAfter(0);
  const std::string document(4000, 'd');
  for (int i = 0; i < 500; ++i) Add(store, kNow, document);
  Tick(store);
  Tick(store, 60'000, kNow + 8 * kDay);
  EXPECT_EQ(Stored(), UpTo(500));  // too much, and too old since the clock of the store has moved
  store.KeepAfter(200);
  Tick(store, 60'000);
  for (int i = 0; i < 20; ++i) Tick(store, 1000);
  EXPECT_EQ(Stored(), UpTo(500, 201));
  EXPECT_EQ(store.counters().removed, 200u);
  EXPECT_EQ(store.counters().removed_undelivered, 0u);
  for (int i = 0; i < 3000; ++i) {
    Add(store, kNow, document);
    if (i % 50 == 0) Tick(store, 250);
  }
  for (int i = 0; i < 20; ++i) Tick(store, 1000);
  const std::vector<std::int64_t> left = Stored();
  EXPECT_GT(store.counters().removed_undelivered, 500u);
  EXPECT_EQ(store.counters().lost, 0u);
  ASSERT_FALSE(left.empty());
  EXPECT_EQ(left.back(), 3500);  // the newest are there
  EXPECT_LE(std::filesystem::file_size(options_.path), 4u << 20);
}

TEST_F(StoreTest, ANumberIsNeverGivenTwice) {
  options_.days = 1;
  std::int64_t last = 0;
  for (int run = 0; run < 3; ++run) {
    Store store(options_);
    Add(store);
    Add(store);
    Tick(store);
    Tick(store, 1, kNow);
    Tick(store, 3 * kDay / 1000, kNow);  // all are too old
    Result<Database> database = Database::Open(options_.path, Database::Mode::kRead);
    ASSERT_TRUE(database);
    EXPECT_EQ(database->Ask("SELECT count(*) FROM alert"), 1);
    const std::int64_t now = database->Ask("SELECT max(id) FROM alert");
    EXPECT_GE(now, last + 2);
    last = now;
  }
}

TEST_F(StoreTest, AFileOfTheFirstVersionIsTakenOver) {
  {
    Store store(options_);
    Add(store);
    Tick(store);
  }
  {
    Result<Database> database = Database::Open(options_.path, Database::Mode::kWrite);
    ASSERT_TRUE(database && database->Run("DROP TABLE store; PRAGMA user_version=1"));
  }
  Store store(options_);
  Add(store);
  Tick(store);
  EXPECT_EQ(store.problem(), "");
  EXPECT_EQ(Stored(), UpTo(2));
  Result<StoreReader> reader = StoreReader::Open(options_.path);
  ASSERT_TRUE(reader) << reader.message();
  EXPECT_EQ(reader->identity().size(), 16u);
}

TEST_F(StoreTest, IsReadWhileItIsWrittenAfterACrashAndWhenItWasClosedWell) {
  const auto numbers = [&] {
    std::vector<std::int64_t> found;
    Result<StoreReader> reader = StoreReader::Open(options_.path);
    EXPECT_TRUE(reader) << reader.message();
    if (!reader) return found;
    const auto alerts = reader->After(0, 100);
    EXPECT_TRUE(alerts) << alerts.message();
    for (const StoredAlert& alert : *alerts) found.push_back(static_cast<std::int64_t>(alert.seq));
    return found;
  };
  auto store = std::make_unique<Store>(options_);
  Add(*store);
  Tick(*store);
  EXPECT_EQ(numbers(), UpTo(1));
  // What a crash leaves: the database with its log.
  const std::string crashed = directory_ / "crashed";
  std::filesystem::create_directory(crashed);
  for (const char* suffix : {"", "-wal"}) {
    std::filesystem::copy(options_.path + suffix, crashed + "/alerts.db" + suffix);
  }
  store.reset();
  EXPECT_FALSE(FileExists(options_.path + "-wal"));
  EXPECT_EQ(numbers(), UpTo(1));
  Result<StoreReader> lying = StoreReader::Open(options_.path);
  ASSERT_TRUE(lying);
  EXPECT_FALSE(lying->Outdated());
  store = std::make_unique<Store>(options_);
  Add(*store);
  Tick(*store);
  EXPECT_TRUE(lying->Outdated());
  options_.path = crashed + "/alerts.db";
  EXPECT_EQ(numbers(), UpTo(1));
}

/// Each call of SQLite fails once, at each time that it is made: what was added is stored in the
/// end, each once and in order.
TEST_F(StoreTest, AFailingCallLosesNothing) {
  testing_support::WatchThisThread();
  const std::pair<const char*, int> calls[] = {
      {"open", EMFILE}, {"pwrite", EIO},    {"pwrite", ENOSPC}, {"pread", EIO},
      {"fsync", EIO},   {"ftruncate", EIO}, {"unlink", EACCES}};
  std::size_t failures = 0;
  for (const auto& [call, error] : calls) {
    for (int nth = 1; nth <= 60; ++nth) {
      const std::string name = call + std::to_string(error) + "-" + std::to_string(nth);
      options_.path = directory_ / (name + ".db");
      seq_ = 0;
      testing_support::FailCall(call, nth, error);
      {
        Store store(options_);
        for (int batch = 0; batch < 4; ++batch) {
          for (int i = 0; i < 5; ++i) Add(store);
          Tick(store);
          Tick(store, 1000);
          failures += store.problem().empty() ? 0 : 1;
        }
        Tick(store, 1000);
        EXPECT_EQ(store.pending(), 0u) << name << ' ' << store.problem();
        EXPECT_EQ(store.counters().lost, 0u);
        EXPECT_EQ(store.counters().set_aside, 0u) << name;
      }
      const int calls_seen = testing_support::CallsSeen();
      testing_support::FailCall("", 0, 0);
      ASSERT_EQ(Stored(), UpTo(20)) << name;
      if (calls_seen < nth) break;  // there is no nth call
    }
  }
  RecordProperty("failures", static_cast<int>(failures));
}

TEST_F(StoreTest, AKilledWriterLeavesWhatItHadCommitted) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    Store store(options_);
    for (int i = 0; i < 100; ++i) {
      Add(store);
      Tick(store);
    }
    Add(store);  // an open batch
    static_cast<void>(write(ready[1], "x", 1) + 1);
    pause();
    _exit(0);
  }
  char byte;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_EQ(Stored(), UpTo(100));  // while it lives
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(ready[0]);
  close(ready[1]);
  EXPECT_EQ(Stored(), UpTo(100));
  seq_ = 100;
  Store store(options_);
  Add(store);
  Tick(store);
  EXPECT_EQ(Stored(), UpTo(101));
}

/// As after a crash while a reader held the log.
TEST_F(StoreTest, ALargeLogThatIsFoundIsNoReasonToStoreNothing) {
  {
    Store store(options_);
    Add(store);
    Tick(store);
    Result<Database> reader = Database::Open(options_.path, Database::Mode::kRead);
    ASSERT_TRUE(reader && reader->Run("BEGIN") && reader->Run("SELECT seq FROM alert"));
    Add(store);
    Tick(store);
    for (const char* suffix : {"", "-wal"}) {
      std::filesystem::copy_file(options_.path + suffix,
                                 directory_ / (std::string("copy.db") + suffix));
    }
  }
  options_.path = directory_ / "copy.db";
  std::filesystem::resize_file(options_.path + "-wal", 65u << 20);
  Store store(options_);
  Add(store);
  Tick(store);
  EXPECT_EQ(store.problem(), "");
  EXPECT_EQ(Stored(), UpTo(3));
}

TEST_F(StoreTest, AReaderDoesNotHoldTheWriterUp) {
  Store store(options_);
  for (int i = 0; i < 100; ++i) Add(store);
  Tick(store);
  Result<Database> database = Database::Open(options_.path, Database::Mode::kRead);
  ASSERT_TRUE(database);
  Result<Statement> rows = database->Prepare("SELECT seq FROM alert");
  ASSERT_TRUE(rows);
  rows->Step();  // in the middle of reading
  Add(store);
  Tick(store);
  EXPECT_EQ(store.pending(), 0u) << store.problem();
}

}  // namespace
}  // namespace tld
