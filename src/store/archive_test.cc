#include "store/archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "store/archive_json.h"
#include "store/blob_store.h"
#include "store/store_testing.h"

namespace reprise {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const ArchiveProgress kQuiet = [](std::size_t, std::size_t) {};

Entry MakeEntry(const std::string& prompt) {
  return {.scope =
              "tenant\x1f"
              "space",
          .fingerprint = Sha256(prompt),
          .compatibility = Sha256("c"),
          .prompt = prompt,
          .model = "m",
          .bucket = "sq_md",
          .width = 512,
          .height = 768,
          .params = "{\"seed\":1}",
          .category = "cat",
          .tags = {"a", "b"},
          .created_ms = 10,
          .cost_usd = 0.04,
          .generation_ms = 1234,
          .hits = 7,
          .last_used_ms = 99};
}

// A data directory to put entries into and to read them from.
class Place {
 public:
  const fs::path& path() const { return directory_.path(); }

  void Put(Entry entry, const std::vector<std::string>& images, std::int64_t expires_ms = 0) {
    WorkerPool pool(1, 16);
    auto stores = OpenSqliteStores(path() / "reprise.db").value();
    auto blobs = OpenFileBlobStore(path() / "blobs", pool).value();
    for (const std::string& bytes : images) {
      const Digest digest = runner_.Run(blobs->Put(ShareBytes(bytes))).value();
      entry.images.push_back({.id = Sha256(entry.prompt + bytes).Hex().substr(0, 32),
                              .blob = digest,
                              .media_type = "image/png",
                              .width = 1,
                              .height = 2,
                              .bytes = bytes.size(),
                              .revised_prompt = "r",
                              .created_ms = 5,
                              .expires_ms = expires_ms});
    }
    entry.expires_ms = expires_ms;
    ASSERT_TRUE(runner_.Run(stores.entries->Put(entry, {.embedder = "e", .values = {1, 2, 3}})));
    pool.Join();
  }

  void Correct(const std::string& prompt) {
    auto stores = OpenSqliteStores(path() / "reprise.db").value();
    ASSERT_TRUE(runner_.Run(stores.trust->PutCorrection({.pair = Sha256(prompt),
                                                         .tenant = "t",
                                                         .entry = 1,
                                                         .entry_prompt = "x",
                                                         .prompt = prompt})));
  }

  // Every entry and vector as a line, without ids.
  std::vector<std::string> Lines() {
    auto stores = OpenSqliteStores(path() / "reprise.db").value();
    std::vector<std::string> lines;
    EXPECT_TRUE(stores.entries->ForEach([&](Entry&& entry, StoredVector&& vector) {
      entry.id = 0;
      lines.push_back(WriteEntryLine(entry, vector));
    }));
    EXPECT_TRUE(stores.trust->ForEachCorrection(
        [&](Correction&& correction) { lines.push_back(correction.prompt); }));
    return lines;
  }

  std::size_t Files() const {
    std::size_t files = 0;
    for (const auto& file : fs::recursive_directory_iterator(path() / "blobs")) {
      files += file.is_regular_file() && file.path().filename() != "lock";
    }
    return files;
  }

  std::string Export() {
    std::string archive;
    counts = ExportArchive(
        path(),
        [&](std::string_view bytes) -> Result<void> {
          archive += bytes;
          return {};
        },
        kQuiet);
    EXPECT_TRUE(counts) << counts.error().message;
    return archive;
  }

  Result<ArchiveCounts> Import(const std::string& archive,
                               ImportOptions options = {.now_ms = 100}) {
    std::size_t at = 0;
    counts = ImportArchive(
        path(),
        [&](char* buffer, std::size_t size) -> Result<std::size_t> {
          const std::size_t count = std::min(size, archive.size() - at);
          std::memcpy(buffer, archive.data() + at, count);
          at += count;
          return count;
        },
        options, kQuiet);
    return counts;
  }

  Result<ArchiveCounts> counts;

 private:
  TaskRunner runner_;
  TemporaryDirectory directory_;
};

TEST(Archive, WhatIsExportedIsImported) {
  Place from, to;
  from.Put(MakeEntry("one"), {"image 1", "image 2"});
  from.Put(MakeEntry("no \xff UTF-8"), {"image 1"});
  from.Correct("one and two");
  const std::string archive = from.Export();
  EXPECT_EQ(from.counts->entries, 2u);
  EXPECT_EQ(from.counts->images, 3u);
  EXPECT_EQ(from.counts->bytes, 14u) << "equal bytes once";
  ASSERT_TRUE(to.Import(archive));
  EXPECT_EQ(to.Lines(), from.Lines());
  EXPECT_EQ(to.Files(), 2u);
}

TEST(Archive, TwiceIsOnce) {
  Place from, to;
  from.Put(MakeEntry("one"), {"image 1"});
  from.Correct("x");
  const std::string archive = from.Export();
  ASSERT_TRUE(to.Import(archive));
  const auto lines = to.Lines();
  ASSERT_TRUE(to.Import(archive));
  EXPECT_EQ(to.counts->entries + to.counts->images + to.counts->corrections, 0u);
  EXPECT_EQ(to.Lines(), lines);
}

TEST(Archive, ImagesOfOneEntryAreJoined) {
  Place from, to;
  from.Put(MakeEntry("one"), {"image 1", "image 2"}, 5000);
  to.Put(MakeEntry("one"), {"image 1", "image 3"});
  ASSERT_TRUE(to.Import(from.Export()));
  EXPECT_EQ(to.counts->entries, 0u);
  EXPECT_EQ(to.counts->images, 1u);
  const auto entry = ReadEntryLine(to.Lines().at(0)).value().entry;
  EXPECT_EQ(entry.images.size(), 3u);
  EXPECT_EQ(entry.expires_ms, 0);
}

TEST(Archive, WhatHasExpiredOrFindsNoRoomIsLeftOut) {
  Place from;
  from.Put(MakeEntry("old"), {"image 0"}, 50);
  from.Put(MakeEntry("one"), {"image 1"});
  from.Put(MakeEntry("two"), {"image 22"});
  const std::string archive = from.Export();
  Place all, few, small;
  ASSERT_TRUE(all.Import(archive));
  EXPECT_EQ(all.counts->entries, 2u);
  EXPECT_EQ(all.counts->left_out, 1u);
  ASSERT_TRUE(few.Import(archive, {.max_entries = 1, .now_ms = 100}));
  EXPECT_EQ(few.counts->entries, 1u);
  EXPECT_EQ(few.Files(), 1u) << "no file without a row";
  ASSERT_TRUE(small.Import(archive, {.max_bytes = 14, .now_ms = 100, .entry_bytes = 0}));
  EXPECT_EQ(small.counts->entries, 1u);
}

TEST(Archive, AnImageThatCannotBeReadKeepsNoneFromTheArchive) {
  Place from, to;
  from.Put(MakeEntry("one"), {"image 1"});
  from.Put(MakeEntry("two"), {"image 2"});
  const std::string hex = Sha256("image 1").Hex();
  const fs::path file = from.path() / "blobs" / hex.substr(0, 2) / hex.substr(2);
  ASSERT_TRUE(fs::remove(file));
  fs::create_directory(file);  // reading it is an error of the system's
  ASSERT_TRUE(to.Import(from.Export()));
  EXPECT_EQ(from.counts->left_out, 1u);
  EXPECT_EQ(to.counts->images, 1u);
}

TEST(Archive, ImagesThatAreGoneOrDamagedAreLeftOut) {
  Place from, to;
  from.Put(MakeEntry("one"), {"image 1", "image 2"});
  from.Put(MakeEntry("two"), {"image 3"});
  for (const auto& file : fs::recursive_directory_iterator(from.path() / "blobs")) {
    const std::string hex =
        file.path().parent_path().filename().string() + file.path().filename().string();
    if (hex == Sha256("image 1").Hex() || hex == Sha256("image 3").Hex())
      fs::resize_file(file.path(), 3);
  }
  ASSERT_TRUE(to.Import(from.Export()));
  EXPECT_EQ(from.counts->left_out, 2u);
  EXPECT_EQ(to.counts->entries, 1u);
  EXPECT_EQ(to.counts->images, 1u);
}

TEST(Archive, AChangedImageIsRefused) {
  Place from, to;
  from.Put(MakeEntry("one"), {"image 1"});
  std::string archive = from.Export();
  archive[archive.find("image 1")] = 'I';
  const auto imported = to.Import(archive);
  ASSERT_FALSE(imported);
  EXPECT_EQ(imported.error().code, Code::kCorrupt);
  EXPECT_THAT(imported.error().message, HasSubstr("other bytes"));
}

TEST(Archive, WhatIsNoArchiveOfOursIsRefused) {
  Place to;
  std::string tar;
  TarWriter writer([&](std::string_view bytes) -> Result<void> {
    tar += bytes;
    return {};
  });
  ASSERT_TRUE(writer.Add("archive.json", R"({"format":"reprise","version":2})"));
  ASSERT_TRUE(writer.Finish());
  EXPECT_THAT(to.Import(tar).error().message, HasSubstr("version 2"));
  tar.clear();
  ASSERT_TRUE(writer.Add("passwd", "x"));
  ASSERT_TRUE(writer.Finish());
  EXPECT_THAT(to.Import(tar).error().message, HasSubstr("no archive"));
}

TEST(Archive, LinesThatAreNoneAreRefused) {
  for (const char* line : {"", "{", "[]", "{}", "null", R"({"id":1})"}) {
    EXPECT_EQ(ReadEntryLine(line).error().code, Code::kCorrupt) << line;
    EXPECT_EQ(ReadCorrectionLine(line).error().code, Code::kCorrupt) << line;
  }
}

TEST(Archive, NothingIsThereToExport) {
  TemporaryDirectory empty;
  EXPECT_EQ(ExportArchive(empty.path(), {}, kQuiet).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace reprise
