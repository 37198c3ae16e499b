#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "cache/snapshot_testing.h"
#include "store/sqlite.h"

namespace reprise {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string BytesOf(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void SetBytes(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

std::size_t CountFiles(const fs::path& directory) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& file : fs::directory_iterator(directory)) ++count;
  return count;
}

class SnapshotTest : public testing::Test {
 protected:
  SnapshotTest() { Reopen(); }

  void Reopen(std::string embedder = "e") {
    node_.reset();
    node_ = std::make_unique<SnapshotNode>(data_.path(), std::move(embedder));
  }
  // Twenty entries, one of them without a vector, and a snapshot of them.
  void Fill() {
    for (int i = 1; i <= 20; ++i) node_->Put(i, i != 7);
    node_->WriteSnapshot();
    ASSERT_TRUE(fs::exists(node_->File()));
  }
  void ExpectFromStore() {
    const LoadReport report = node_->LoadAndCompare();
    EXPECT_FALSE(report.from_snapshot);
  }
  void ExpectFromSnapshot(std::uint64_t replayed) {
    const LoadReport report = node_->LoadAndCompare();
    EXPECT_TRUE(report.from_snapshot);
    EXPECT_EQ(report.replayed, replayed);
  }
  // As another program would.
  void Execute(const char* sql) {
    auto other =
        SqliteConnection::Open(node_->database(), SqliteConnection::Mode::kReadWrite, 1000);
    ASSERT_TRUE(other);
    const auto done = other->Execute(sql);
    ASSERT_TRUE(done) << done.error().message;
  }

  ScratchDirectory data_;
  std::unique_ptr<SnapshotNode> node_;
};

TEST_F(SnapshotTest, WithoutOneTheStoreIsRead) {
  node_->LoadAndCompare();
  for (int i = 1; i <= 20; ++i) node_->Put(i);
  node_->Remove(3);
  ExpectFromStore();
}

TEST_F(SnapshotTest, HasAllThatWasStored) {
  Fill();
  ExpectFromSnapshot(0);
  EXPECT_EQ(node_->State().changed, 0u);
}

TEST_F(SnapshotTest, WhatChangesAfterwardsIsReplayed) {
  Fill();
  node_->Put(21);
  node_->Put(5);
  node_->Put(7);  // with a vector now
  node_->Remove(9);
  node_->Use(11);
  node_->SetVector(7);
  ExpectFromSnapshot(4);
  Reopen();
  ExpectFromSnapshot(4);
  node_->WriteSnapshot();
  ExpectFromSnapshot(0);
  EXPECT_EQ(CountFiles(node_->place().directory), 1u);
}

// What the next one has is no longer among the changes since the one that is read.
TEST_F(SnapshotTest, OneThatIsReplacedWhileItIsReadIsNotUsed) {
  Fill();
  const LoadReport report = node_->LoadAndCompare([this] {
    node_->Put(5);
    node_->WriteSnapshot();
  });
  EXPECT_TRUE(report.from_snapshot);
}

TEST_F(SnapshotTest, AnotherEmbedderReadsTheStore) {
  Fill();
  Reopen("another");
  ExpectFromStore();
  node_->WriteSnapshot();
  ExpectFromSnapshot(0);
}

TEST_F(SnapshotTest, MissingFileIsRebuiltAndWrittenAgain) {
  Fill();
  fs::remove(node_->File());
  ExpectFromStore();
  Reopen();
  node_->WriteSnapshot();
  ExpectFromSnapshot(0);
}

TEST_F(SnapshotTest, DamagedFileIsRebuilt) {
  Fill();
  const std::string bytes = BytesOf(node_->File());
  std::mt19937 random(5);
  for (int i = 0; i < 60; ++i) {
    std::string damaged = bytes;
    damaged[random() % bytes.size()] ^= static_cast<char>(1 << i % 8);
    SetBytes(node_->File(), damaged);
    ExpectFromStore();
  }
  for (int i = 0; i < 20; ++i) {
    SetBytes(node_->File(), bytes.substr(0, random() % bytes.size()));
    ExpectFromStore();
  }
  SetBytes(node_->File(), bytes);
  ExpectFromSnapshot(0);
}

TEST_F(SnapshotTest, FileOfAnotherStoreIsRebuilt) {
  Fill();
  ScratchDirectory elsewhere;
  std::string foreign;
  {
    SnapshotNode other(elsewhere.path());
    for (int i = 1; i <= 20; ++i) other.Put(i);
    other.WriteSnapshot();
    foreign = BytesOf(other.File());
  }
  SetBytes(node_->File(), foreign);
  ExpectFromStore();
}

TEST_F(SnapshotTest, OlderDatabaseThatWasPutBackIsRebuilt) {
  Fill();
  node_.reset();
  const fs::path database = data_.path() / "reprise.db", backup = data_.path() / "backup";
  fs::copy_file(database, backup);
  Reopen();
  node_->Remove(2);
  node_->Put(30);
  node_->WriteSnapshot();
  node_.reset();
  fs::rename(backup, database);
  Reopen();
  ExpectFromStore();
}

// A backup of the database alone, or of both: they belong together for ever.
TEST_F(SnapshotTest, CopiesOfBothAreUsed) {
  Fill();
  node_->Put(30);
  node_.reset();
  ScratchDirectory copy;
  fs::copy(data_.path(), copy.path() / "data", fs::copy_options::recursive);
  SnapshotNode other(copy.path() / "data");
  const LoadReport report = other.LoadAndCompare();
  EXPECT_TRUE(report.from_snapshot);
}

TEST_F(SnapshotTest, StoreThatWasChangedBehindItsBackIsRead) {
  Fill();
  Execute(
      "DROP TRIGGER entries_deleted; DROP TRIGGER images_deleted; DROP TRIGGER tags_deleted;"
      "DROP TRIGGER vectors_deleted; DELETE FROM entries WHERE id = 4");
  ExpectFromStore();
}

TEST_F(SnapshotTest, ChangesByOtherProgramsAreReplayed) {
  Fill();
  Execute(
      "DELETE FROM entries WHERE id = 4;"
      "UPDATE entries SET prompt = 'edited' WHERE id = 5; DELETE FROM vectors WHERE entry = 6");
  ExpectFromSnapshot(2);
}

// ---- a crash between any two steps ----

TEST_F(SnapshotTest, FileThatWasNeverNamedIsRemoved) {
  Fill();
  SetBytes(node_->place().FileOf("orphan"), BytesOf(node_->File()));
  SetBytes(node_->place().FileOf("half"), BytesOf(node_->File()).substr(0, 500));
  node_->Put(25);
  Reopen();
  ExpectFromSnapshot(1);
  EXPECT_EQ(CountFiles(node_->place().directory), 1u);
}

TEST_F(SnapshotTest, OldFileThatWasNotRemovedYetIsRemoved) {
  Fill();
  const fs::path old = node_->File();
  const std::string bytes = BytesOf(old);
  node_->Put(25);
  node_->WriteSnapshot();
  SetBytes(old, bytes);
  Reopen();
  ExpectFromSnapshot(0);
  EXPECT_FALSE(fs::exists(old));
}

TEST_F(SnapshotTest, ChangesThatWereNotForgottenYetAreNotReplayed) {
  for (int i = 1; i <= 20; ++i) node_->Put(i);
  Execute("CREATE TABLE kept AS SELECT * FROM changes");
  node_->WriteSnapshot();
  Execute("INSERT INTO changes(seq, entry) SELECT seq, entry FROM kept");
  node_->Put(3);
  ExpectFromSnapshot(1);
}

TEST_F(SnapshotTest, OneThatIsGivenUpLeavesTheOldInForce) {
  Fill();
  node_->Put(25);
  node_->FinishSnapshot(std::chrono::milliseconds(0));
  const LoadReport report = node_->LoadAndCompare();
  EXPECT_TRUE(report.from_snapshot);
  EXPECT_EQ(CountFiles(node_->place().directory), 1u);
}

// Anything may happen between and during snapshots.
// Otherwise every start would bring the same vectors into a graph once more.
TEST_F(SnapshotTest, IsDueAgainWhenVectorsHaveComeIntoAGraph) {
  for (int i = 0; i < 3300; ++i) node_->Put(3 * i + 1);  // of one partition
  node_.reset();
  constexpr std::uint64_t kLeast = 500;
  node_ = std::make_unique<SnapshotNode>(data_.path(), "e", kLeast);  // appends them
  ASSERT_GT(node_->semantic().unsettled_vectors(), 3000u);
  node_->WriteSnapshot();
  const auto unsettled = node_->File();
  node_->WriteSnapshot();
  EXPECT_EQ(node_->File(), unsettled) << "nothing is new";
  node_ = nullptr;
  node_ = std::make_unique<SnapshotNode>(data_.path(), "e", kLeast);  // the same from the file
  ASSERT_GT(node_->semantic().unsettled_vectors(), 3000u);
  while (node_->semantic().Settle(100)) {
    EXPECT_EQ(node_->File(), unsettled);
  }
  EXPECT_EQ(node_->semantic().unsettled_vectors(), 0u);
  node_->WriteSnapshot();
  const auto settled = node_->File();
  EXPECT_NE(settled, unsettled);
  node_->WriteSnapshot();
  EXPECT_EQ(node_->File(), settled);
  node_ = nullptr;
  node_ = std::make_unique<SnapshotNode>(data_.path(), "e", kLeast);
  EXPECT_EQ(node_->semantic().unsettled_vectors(), 0u);
}

// They are most of what a start would do again; changes wait for the pause.
TEST_F(SnapshotTest, GraphsThatHaveBeenCompletedDoNotWaitForThePause) {
  for (int i = 0; i < 3300; ++i) node_->Put(3 * i + 1);
  node_ = nullptr;
  node_ = std::make_unique<SnapshotNode>(data_.path(), "e", 500, std::chrono::hours(1));
  ASSERT_GT(node_->semantic().unsettled_vectors(), 3000u);
  node_->KickSnapshot();
  const auto first = node_->State().snapshot;
  ASSERT_NE(first, "");
  for (int i = 3300; i < 4000; ++i) node_->Put(3 * i + 1);
  node_->KickSnapshot();
  EXPECT_EQ(node_->State().snapshot, first) << "changes wait";
  while (node_->semantic().Settle(100)) {
  }
  node_->free_disk = SnapshotNode::kKeepFree;
  node_->KickSnapshot();
  EXPECT_EQ(node_->State().snapshot, first) << "there is no room";
  node_->free_disk = 1ULL << 40;
  node_->KickSnapshot();
  EXPECT_EQ(node_->State().snapshot, first) << "one that failed waits";
}

TEST_F(SnapshotTest, GraphsThatHaveBeenCompletedAreWrittenOnce) {
  for (int i = 0; i < 3300; ++i) node_->Put(3 * i + 1);
  node_ = nullptr;
  node_ = std::make_unique<SnapshotNode>(data_.path(), "e", 500, std::chrono::hours(1));
  node_->KickSnapshot();
  const auto first = node_->State().snapshot;
  while (node_->semantic().Settle(100)) {
  }
  node_->KickSnapshot();
  const auto second = node_->State().snapshot;
  EXPECT_NE(second, first);
  node_->KickSnapshot();
  EXPECT_EQ(node_->State().snapshot, second);
}

// The notes of what has changed go when a snapshot is written: they must not wait for a number of
// entries that the limits never let the store have.
TEST_F(SnapshotTest, IsDueWhereFewAreStoredButManyComeAndGo) {
  node_ = nullptr;
  node_ = std::make_unique<SnapshotNode>(data_.path(), "e", 10);
  node_->Put(1);
  node_->WriteSnapshot();
  EXPECT_EQ(node_->State().snapshot, "") << "one change";
  for (int i = 0; i < 12; ++i) {
    node_->Remove(1);
    node_->Put(1);
  }
  node_->WriteSnapshot();
  EXPECT_NE(node_->State().snapshot, "");
  auto database =
      SqliteConnection::Open(node_->database(), SqliteConnection::Mode::kReadOnly, 1000);
  ASSERT_TRUE(database);
  EXPECT_EQ(database->QueryInteger("SELECT count(*) FROM changes").value(), 0);
}

TEST_F(SnapshotTest, NoneIsWrittenWhereTheDiskHasNoRoom) {
  for (int i = 1; i <= 20; ++i) node_->Put(i);
  node_->free_disk = SnapshotNode::kKeepFree + 20;
  node_->WriteSnapshot();
  EXPECT_EQ(node_->State().snapshot, "");
  EXPECT_FALSE(fs::exists(node_->place().directory));
  node_->free_disk = 1 << 30;
  node_->WriteSnapshot();
  ExpectFromSnapshot(0);
}

TEST_F(SnapshotTest, LoadsWhatIsStoredWhateverHappened) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    std::mt19937 random(seed);
    for (int step = 0; step < 150; ++step) {
      const int number = static_cast<int>(random() % 40) + 1;
      switch (random() % 12) {
        case 0:
        case 1:
        case 2:
          node_->Put(number);
          break;
        case 3:
          node_->Put(number, false);
          break;
        case 4:
        case 5:
          node_->Remove(number);
          break;
        case 6:
          node_->Use(number);
          break;
        case 7:
          node_->SetVector(number);
          break;
        case 8:
          node_->keeper().Kick();  // under way while the next steps happen
          break;
        case 9:
          if (random() % 4 == 0) Reopen();
          break;
        case 10:
          if (random() % 4 == 0) node_->WriteSnapshot();
          break;
        default:
          if (random() % 4 == 0) node_->LoadAndCompare();
      }
      ASSERT_FALSE(HasFailure()) << "seed " << seed << ", step " << step;
    }
    node_->WriteSnapshot();
    node_->LoadAndCompare();
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace reprise
