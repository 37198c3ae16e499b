#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "store/blob_store_testing.h"

namespace reprise {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

INSTANTIATE_TEST_SUITE_P(
    Files, BlobStoreTest,
    ::testing::Values(BlobStoreFactory{"Files",
                                       [](const fs::path& place, WorkerPool& pool) {
                                         return OpenFileBlobStore(place / "blobs", pool);
                                       }},
                      BlobStoreFactory{"SyncedBefore", [](const fs::path& place, WorkerPool& pool) {
                                         return OpenFileBlobStore(place / "blobs", pool,
                                                                  {.sync = SyncMode::kBefore});
                                       }}));

class FileBlobStoreTest : public ::testing::Test {
 protected:
  FileBlobStoreTest() { Reopen({}); }

  void Reopen(FileBlobStoreOptions options) {
    store_.reset();
    auto opened = OpenFileBlobStore(directory_, pool_, options);
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }
  Digest Put(const std::string& bytes) {
    return runner_.Run(store_->Put(ShareBytes(bytes))).value();
  }
  auto Get(const Digest& digest) { return runner_.Run(store_->Get(digest)); }
  fs::path FileOf(const Digest& digest) {
    return directory_ / digest.Hex().substr(0, 2) / digest.Hex().substr(2);
  }
  void Overwrite(const Digest& digest, const std::string& bytes) {
    std::ofstream(FileOf(digest), std::ios::binary) << bytes;
  }
  void ExpectQuarantined(const Digest& digest) {
    const auto got = Get(digest);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Code::kCorrupt);
    EXPECT_THAT(got.error().message, HasSubstr(digest.Hex()));
    EXPECT_FALSE(fs::exists(FileOf(digest)));
    EXPECT_TRUE(fs::exists(directory_ / "quarantine" / digest.Hex()));
    const auto later = Get(digest);
    ASSERT_TRUE(later);
    EXPECT_FALSE(*later);
  }

  TemporaryDirectory place_;
  const fs::path directory_ = place_.path() / "deep" / "blobs";
  TaskRunner runner_;
  WorkerPool pool_{2, 100};
  std::unique_ptr<BlobStore> store_;
  const std::string large_ = std::string(200'000, 'x');
};

TEST_F(FileBlobStoreTest, DamagedBlobIsQuarantined) {
  const Digest digest = Put("an image");
  Overwrite(digest, "an imagE");
  ExpectQuarantined(digest);
}

TEST_F(FileBlobStoreTest, TruncatedBlobIsQuarantined) {
  const Digest digest = Put(large_);
  fs::resize_file(FileOf(digest), 1000);
  ExpectQuarantined(digest);
}

TEST_F(FileBlobStoreTest, TruncationAfterAVerifiedReadIsNoticedAtOnce) {
  const Digest digest = Put(large_);
  ASSERT_TRUE(Get(digest));
  fs::resize_file(FileOf(digest), large_.size() - 1);
  ExpectQuarantined(digest);
}

TEST_F(FileBlobStoreTest, LaterReadsAreVerifiedBySample) {
  Reopen({.verify_one_in = 4});
  const Digest digest = Put(large_);
  ASSERT_TRUE(Get(digest));
  std::string damaged = large_;
  damaged[77] = 'y';
  Overwrite(digest, damaged);
  int reads = 0;
  while (Get(digest) && ++reads < 10) continue;
  EXPECT_LE(reads, 4);
  EXPECT_TRUE(fs::exists(directory_ / "quarantine" / digest.Hex()));
}

TEST_F(FileBlobStoreTest, PutRepairsADamagedBlob) {
  const Digest digest = Put("an image");
  Overwrite(digest, "rubbish");
  Put("an image");
  const auto got = Get(digest);
  ASSERT_TRUE(got && *got);
  EXPECT_EQ(***got, "an image");
}

TEST_F(FileBlobStoreTest, EqualBytesAreWrittenOnce) {
  const Digest digest = Put("an image");
  const auto before = fs::last_write_time(FileOf(digest));
  Put("an image");
  EXPECT_EQ(fs::last_write_time(FileOf(digest)), before);
}

TEST_F(FileBlobStoreTest, OpeningRemovesUnfinishedFiles) {
  store_.reset();
  std::ofstream(directory_ / "tmp" / "17") << "half an ima";
  Reopen({});
  EXPECT_TRUE(fs::is_empty(directory_ / "tmp"));
}

TEST_F(FileBlobStoreTest, NothingIsLeftInTheTemporaryDirectory) {
  for (int i = 0; i < 10; ++i) Put(std::to_string(i));
  EXPECT_TRUE(runner_.Run(store_->Probe()));
  EXPECT_TRUE(fs::is_empty(directory_ / "tmp"));
}

TEST_F(FileBlobStoreTest, SecondOpenerIsRefused) {
  const auto second = OpenFileBlobStore(directory_, pool_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
  EXPECT_THAT(second.error().message, HasSubstr("locked by process"));
}

// Permission bits do not stop root, a file in the way does.
TEST_F(FileBlobStoreTest, UnusableDirectorySaysWhy) {
  std::ofstream(place_.path() / "file") << "in the way";
  const auto opened = OpenFileBlobStore(place_.path() / "file" / "blobs", pool_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kUnavailable);
  EXPECT_THAT(opened.error().message, HasSubstr((place_.path() / "file").string()));
  EXPECT_THAT(opened.error().message, HasSubstr("another data directory"));
}

TEST_F(FileBlobStoreTest, UnwritableDirectoryFailsPutAndProbe) {
  fs::remove_all(directory_ / "tmp");
  std::ofstream(directory_ / "tmp") << "in the way";
  const auto put = runner_.Run(store_->Put(ShareBytes("an image")));
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, Code::kUnavailable);
  EXPECT_THAT(put.error().message, HasSubstr("Not a directory"));
  EXPECT_FALSE(runner_.Run(store_->Probe()));
}

TEST_F(FileBlobStoreTest, FullWorkerQueueSaysSo) {
  WorkerPool none(1, 0);
  auto store = OpenFileBlobStore(place_.path() / "other", none);
  ASSERT_TRUE(store);
  const auto put = runner_.Run((*store)->Put(ShareBytes("an image")));
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, Code::kOverloaded);
}

}  // namespace
}  // namespace reprise
