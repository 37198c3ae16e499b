#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "store/entry_store_testing.h"
#include "store/sqlite.h"

namespace reprise {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::SizeIs;

INSTANTIATE_TEST_SUITE_P(Sqlite, EntryStoreTest,
                         ::testing::Values(EntryStoreFactory{"Sqlite", [](const fs::path& place) {
                                                               return OpenSqliteEntryStore(
                                                                   place / "reprise.db");
                                                             }}));

class SqliteEntryStoreTest : public ::testing::Test {
 protected:
  // Runs statements on the file behind the store's back.
  void Execute(const char* sql) {
    auto connection = SqliteConnection::Open(file_, SqliteConnection::Mode::kReadWrite, 1000);
    ASSERT_TRUE(connection) << connection.error().message;
    const auto done = connection->Execute(sql);
    ASSERT_TRUE(done) << done.error().message;
  }
  Error OpenError() {
    auto opened = OpenSqliteEntryStore(file_);
    EXPECT_FALSE(opened);
    return opened ? Error{} : opened.error();
  }
  std::unique_ptr<EntryStore> Open(SqliteEntryStoreOptions options = {}) {
    auto opened = OpenSqliteEntryStore(file_, options);
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }

  TemporaryDirectory place_;
  const fs::path file_ = place_.path() / "deep" / "reprise.db";
  TaskRunner runner_;
};

TEST_F(SqliteEntryStoreTest, NewerSchemaIsRefusedAndLeftAlone) {
  { auto store = Open(); }
  Execute("PRAGMA user_version = 99");
  const Error error = OpenError();
  EXPECT_EQ(error.code, Code::kConflict);
  EXPECT_THAT(error.message, HasSubstr("schema version 99"));
  EXPECT_THAT(error.message, HasSubstr(file_.string()));
}

TEST_F(SqliteEntryStoreTest, ImagesOfTheFirstSchemaExpireWithTheirEntry) {
  Entry entry = SampleEntry(1);
  { ASSERT_TRUE(runner_.Run(Open()->Put(entry, SampleVector(1)))); }
  Execute(kDropHistory);
  Execute(
      "DROP TABLE batch_items; DROP TABLE batches;"
      "DROP TABLE tenant_spending; DROP TABLE api_keys; DROP TABLE secrets;"
      "DROP TABLE corrections; DROP TABLE reviews; DROP TABLE observations; DROP TABLE spending;"
      "ALTER TABLE images DROP COLUMN expires_ms; PRAGMA user_version = 1");
  const auto all = ReadAll(*Open());
  ASSERT_THAT(all, SizeIs(1));
  for (StoredImage& image : entry.images) image.expires_ms = entry.expires_ms;
  ExpectEqual(all[0].first, entry);
}

TEST_F(SqliteEntryStoreTest, DatabaseOfAnotherProgramIsRefused) {
  fs::create_directories(file_.parent_path());
  Execute("CREATE TABLE bookmarks(url)");
  EXPECT_EQ(OpenError().code, Code::kConflict);
}

TEST_F(SqliteEntryStoreTest, FileThatIsNoDatabaseIsRefused) {
  fs::create_directories(file_.parent_path());
  std::ofstream(file_) << std::string(4096, 'x');
  const Error error = OpenError();
  EXPECT_EQ(error.code, Code::kCorrupt);
  EXPECT_THAT(error.message, HasSubstr(file_.string()));
}

TEST_F(SqliteEntryStoreTest, SecondOpenerIsRefusedUntilTheFirstIsGone) {
  auto first = Open();
  const Error error = OpenError();
  EXPECT_EQ(error.code, Code::kConflict);
  EXPECT_THAT(error.message, HasSubstr("locked by process"));
  first.reset();
  EXPECT_TRUE(Open());
}

TEST_F(SqliteEntryStoreTest, UnusableDirectorySaysWhy) {
  std::ofstream(place_.path() / "deep") << "in the way";
  const Error error = OpenError();
  EXPECT_EQ(error.code, Code::kUnavailable);
  EXPECT_THAT(error.message, HasSubstr((place_.path() / "deep").string()));
}

TEST_F(SqliteEntryStoreTest, FullQueueSaysSo) {
  const auto store = Open({.queue = 0});
  const auto put = runner_.Run(store->Put(SampleEntry(1), {}));
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, Code::kOverloaded);
}

TEST_F(SqliteEntryStoreTest, LockedFileIsUnavailable) {
  const auto store = Open({.busy_timeout_ms = 20});
  auto other = SqliteConnection::Open(file_, SqliteConnection::Mode::kReadWrite, 1000);
  ASSERT_TRUE(other && other->Execute("BEGIN IMMEDIATE"));
  const auto put = runner_.Run(store->Put(SampleEntry(1), {}));
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, Code::kUnavailable);
  EXPECT_THAT(put.error().message, HasSubstr("SQLite code 5"));
  ASSERT_TRUE(other->Execute("ROLLBACK"));
  EXPECT_TRUE(runner_.Run(store->Put(SampleEntry(1), {})));
}

// The page limit makes SQLite report a full disk.
TEST_F(SqliteEntryStoreTest, FullDiskFailsWritesAndKeepsWhatWasThere) {
  auto connection =
      SqliteConnection::Open(place_.path() / "full.db", SqliteConnection::Mode::kReadWrite, 1000);
  ASSERT_TRUE(connection);
  ASSERT_TRUE(connection->Execute("CREATE TABLE t(x); PRAGMA max_page_count = 4;"));
  const auto full = connection->Execute("INSERT INTO t VALUES(zeroblob(100000))");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::kUnavailable);
  EXPECT_THAT(full.error().message, HasSubstr("free some space"));
}

TEST_F(SqliteEntryStoreTest, DamagedDigestIsCorrupt) {
  {
    auto store = Open();
    ASSERT_TRUE(runner_.Run(store->Put(SampleEntry(1), {})));
  }
  Execute("UPDATE entries SET compatibility = x'00'");
  const auto store = Open();
  const auto read = store->ForEach([](Entry&&, StoredVector&&) {});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kCorrupt);
}

// The images of the entries behind them would be lost: a start removes files that no image names.
TEST_F(SqliteEntryStoreTest, RowsOfNoEntryHideNobodysImages) {
  {
    auto store = Open();
    for (int i = 1; i <= 6; ++i) ASSERT_TRUE(runner_.Run(store->Put(SampleEntry(i), {})));
  }
  Execute("PRAGMA foreign_keys = OFF; DELETE FROM entries WHERE id IN (1, 3)");
  std::size_t entries = 0;
  const auto count = [&](Entry&& entry, StoredVector&&) {
    ++entries;
    EXPECT_THAT(entry.images, SizeIs(SampleEntry(1).images.size())) << entry.id;
    EXPECT_THAT(entry.tags, SizeIs(SampleEntry(1).tags.size())) << entry.id;
  };
  ASSERT_TRUE(Open()->ForEach(count));
  EXPECT_EQ(entries, 4u);
}

// What was accepted before the store is destroyed is committed.
TEST_F(SqliteEntryStoreTest, DestructorDrainsTheQueue) {
  auto store = Open();
  std::atomic<int> done = 0;
  asio::io_context context;
  for (int i = 0; i < 50; ++i) {
    asio::co_spawn(
        Strand(context), store->Put(SampleEntry(i), {}),
        [&done](std::exception_ptr, Result<std::uint64_t> id) { done += id.has_value(); });
  }
  context.poll();  // each task is now waiting for its commit
  store.reset();
  context.restart();
  context.run();
  EXPECT_EQ(done, 50);
  EXPECT_THAT(ReadAll(*Open()), SizeIs(50));
}

}  // namespace
}  // namespace reprise
