#include "store/repair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "store/blob_store.h"
#include "store/entry_store.h"
#include "store/sqlite.h"
#include "store/store_testing.h"

namespace reprise {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

using Counts = std::map<std::string, std::uint64_t>;

// A data directory with three entries: "one" and "two" with an image each, "three" with two.
class RepairTest : public ::testing::Test {
 protected:
  RepairTest() {
    WorkerPool pool(1, 16);
    auto blobs = OpenFileBlobStore(blobs_, pool).value();
    auto entries = OpenSqliteEntryStore(database_).value();
    for (const auto& [name, images] :
         {std::pair("one", 1), std::pair("two", 1), std::pair("three", 2)}) {
      Entry entry{
          .scope = "s", .fingerprint = Sha256(name), .compatibility = Sha256("c"), .prompt = name};
      for (int i = 0; i < images; ++i) {
        const std::string bytes = std::string(name) + std::to_string(i);
        const Digest digest = runner_.Run(blobs->Put(ShareBytes(bytes))).value();
        entry.images.push_back({.id = Sha256(bytes).Hex().substr(0, 32),
                                .blob = digest,
                                .media_type = "image/png",
                                .bytes = bytes.size()});
        files_[bytes] = blobs_ / digest.Hex().substr(0, 2) / digest.Hex().substr(2);
      }
      ids_[name] = runner_.Run(entries->Put(entry, {.embedder = "e", .values = {1, 2}})).value();
    }
    pool.Join();
  }

  // As another program would, without foreign keys.
  void Sql(const std::string& sql) {
    auto connection =
        SqliteConnection::Open(database_, SqliteConnection::Mode::kReadWrite, 1000).value();
    ASSERT_TRUE(connection.Execute("PRAGMA foreign_keys = OFF"));
    const auto done = connection.Execute(sql.c_str());
    ASSERT_TRUE(done) << done.error().message;
  }

  RepairReport Run(bool repair, bool checksums = true) {
    auto report = RepairStore(database_, blobs_, {.repair = repair, .checksums = checksums});
    EXPECT_TRUE(report) << report.error().message;
    return report.value_or(RepairReport{});
  }

  static Counts Found(const RepairReport& report) {
    Counts counts;
    for (const RepairFinding& finding : report.findings) {
      if (finding.count > 0) counts[finding.what] = finding.count;
    }
    return counts;
  }

  // Looking finds it and changes nothing, repairing mends it, and then nothing is left to mend.
  void Expect(const Counts& damage, std::uint64_t entries, std::uint64_t images) {
    EXPECT_EQ(Found(Run(false)), damage);
    EXPECT_EQ(Found(Run(false)), damage);
    const RepairReport repaired = Run(true);
    EXPECT_EQ(Found(repaired), damage);
    EXPECT_EQ(repaired.entries, entries);
    EXPECT_EQ(repaired.images, images);
    EXPECT_EQ(repaired.files, images);
    const Counts after = Found(Run(false));
    EXPECT_EQ(after.size(), after.count("quarantined_files"));
  }

  TaskRunner runner_;
  TemporaryDirectory directory_;
  const fs::path database_ = directory_.path() / "reprise.db", blobs_ = directory_.path() / "blobs";
  std::map<std::string, fs::path> files_;  // by their bytes
  std::map<std::string, std::uint64_t> ids_;
};

TEST_F(RepairTest, NothingIsWrong) {
  const RepairReport report = Run(true);
  EXPECT_EQ(report.damages(), 0u);
  EXPECT_EQ(report.entries, 3u);
  EXPECT_EQ(report.images, 4u);
  EXPECT_EQ(report.files, 4u);
  EXPECT_EQ(report.bytes, 4u + 4 + 6 + 6);
}

TEST_F(RepairTest, NothingIsStoredYet) {
  EXPECT_EQ(RepairStore(directory_.path() / "other.db", directory_.path() / "x", {})->damages(),
            0u);
}

TEST_F(RepairTest, ImagesWithoutAFileGoAndTheirEntryWithTheLast) {
  fs::remove(files_["one0"]);
  fs::remove(files_["three0"]);
  Expect({{"images_without_file", 2}, {"entries_without_images", 1}}, 2, 2);
}

TEST_F(RepairTest, DamagedImagesGoToQuarantine) {
  std::ofstream(files_["one0"]) << "onE0";
  std::ofstream(files_["three1"]) << "short";
  Expect({{"images_damaged", 2}, {"entries_without_images", 1}}, 2, 2);
  EXPECT_EQ(std::distance(fs::directory_iterator(blobs_ / "quarantine"), {}), 2);
  EXPECT_EQ(Found(Run(true)), (Counts{{"quarantined_files", 2}}));
  EXPECT_TRUE(fs::is_empty(blobs_ / "quarantine"));
}

TEST_F(RepairTest, WithoutChecksumsLengthsHaveToDo) {
  std::ofstream(files_["one0"]) << "onE0";
  EXPECT_EQ(Found(Run(false, false)), Counts{});
  std::ofstream(files_["two0"]) << "short";
  EXPECT_EQ(Found(Run(false, false)),
            (Counts{{"images_damaged", 1}, {"entries_without_images", 1}}));
}

// A row that is wrong about a file costs neither the file nor the other rows that name it.
TEST_F(RepairTest, ALengthThatIsNotTheFilesIsCorrected) {
  const std::string of_three = " WHERE entry = " + std::to_string(ids_["three"]);
  Sql("UPDATE images SET bytes = 1 WHERE entry = " + std::to_string(ids_["one"]));
  Sql("UPDATE images SET blob = (SELECT blob FROM images WHERE position = 0 AND entry = " +
      std::to_string(ids_["one"]) + "), bytes = 4" + of_three + " AND position = 1");
  fs::remove(files_["three1"]);
  for (const bool checksums : {true, false}) {
    EXPECT_EQ(Found(Run(false, checksums)), (Counts{{"images_of_other_length", 1}}));
  }
  EXPECT_EQ(Run(true).images, 4u);
  EXPECT_EQ(Found(Run(false)), Counts{});
  EXPECT_TRUE(fs::exists(files_["one0"]));
}

TEST_F(RepairTest, FilesThatNoImageNamesGo) {
  Sql("DELETE FROM entries WHERE prompt = 'two'; DELETE FROM images WHERE entry NOT IN (SELECT id "
      "FROM "
      "entries); DELETE FROM vectors WHERE entry NOT IN (SELECT id FROM entries)");
  std::ofstream(blobs_ / "tmp" / "7") << "half";
  Expect({{"files_without_image", 1}, {"unfinished_files", 1}}, 2, 3);
  EXPECT_FALSE(fs::exists(files_["two0"]));
}

TEST_F(RepairTest, AFolderThatIsNotThereCostsNoImage) {
  fs::rename(blobs_, blobs_.string() + ".away");
  for (const bool repair : {false, true}) {
    const auto report = RepairStore(database_, blobs_, {.repair = repair, .checksums = true});
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, Code::kConflict);
    EXPECT_THAT(report.error().message, testing::HasSubstr("4 images"));
  }
  fs::rename(blobs_.string() + ".away", blobs_);
  EXPECT_EQ(Found(Run(true)), Counts{});
}

TEST_F(RepairTest, FilesOfOthersStay) {
  const fs::path notes = files_["one0"].parent_path() / "notes.txt";
  std::ofstream(notes) << "mine";
  const RepairReport report = Run(true);
  EXPECT_EQ(Found(report), (Counts{{"files_of_no_store", 1}}));
  EXPECT_THAT(report.findings[0].meaning.empty(), false);
  EXPECT_TRUE(fs::exists(notes));
}

TEST_F(RepairTest, RowsOfNothingGo) {
  Sql("INSERT INTO vectors VALUES(777, 'e', x'0102'); INSERT INTO tags VALUES(777, 0, 't');"
      "INSERT INTO reviews VALUES(777, 1);"
      "INSERT INTO batch_items(batch, position, name, request, status, result, change)"
      " VALUES(777, 0, 'n', '{}', 0, '', 0);"
      "UPDATE vectors SET value = x'010203' WHERE entry = " +
      std::to_string(ids_["two"]));
  Expect({{"vectors_of_no_entry", 1},
          {"tags_of_no_entry", 1},
          {"reviews_of_no_entry", 1},
          {"items_of_no_batch", 1},
          {"vectors_malformed", 1}},
         3, 4);
}

TEST_F(RepairTest, ImagesOfNoEntryGoWithTheirFiles) {
  Sql("DELETE FROM entries WHERE prompt = 'three'");
  Expect({{"images_of_no_entry", 2}, {"vectors_of_no_entry", 1}, {"files_without_image", 2}}, 2, 2);
}

TEST_F(RepairTest, AGatewayThatRunsIsLeftAlone) {
  const auto entries = OpenSqliteEntryStore(database_);
  const auto report = RepairStore(database_, blobs_, {.repair = true});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Code::kConflict);
}

TEST_F(RepairTest, ADamagedDatabaseIsSaidToBeOne) {
  {
    std::fstream file(database_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 * 2);
    file << std::string(4096, 'x');
  }
  const auto report = RepairStore(database_, blobs_, {.repair = true});
  ASSERT_FALSE(report);
}

TEST_F(RepairTest, ProgressEndsWithAll) {
  std::vector<std::size_t> done;
  ASSERT_TRUE(RepairStore(database_, blobs_, {.progress = [&](std::size_t at, std::size_t all) {
                            EXPECT_EQ(all, 4u);
                            done.push_back(at);
                          }}));
  EXPECT_THAT(done, ElementsAre(1, 2, 3, 4));
}

}  // namespace
}  // namespace reprise
