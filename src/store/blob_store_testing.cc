#include "store/blob_store_testing.h"

#include <gmock/gmock.h>

#include <set>

namespace reprise {

void BlobStoreTest::Reopen() {
  store_.reset();
  auto opened = GetParam().open(place_.path(), pool_);
  ASSERT_TRUE(opened) << opened.error().message;
  store_ = std::move(*opened);
}

namespace {

std::string EveryByte(std::size_t length) {
  std::string bytes(length, '\0');
  for (std::size_t i = 0; i < length; ++i) bytes[i] = static_cast<char>(i * 131 + i / 251);
  return bytes;
}

TEST_P(BlobStoreTest, GivesBackWhatWasPut) {
  for (std::size_t length : {0, 1, 255, 65'536, 65'537, 3'000'000}) {
    const std::string bytes = EveryByte(length);
    const auto digest = runner_.Run(store_->Put(ShareBytes(bytes)));
    ASSERT_TRUE(digest) << digest.error().message;
    EXPECT_EQ(*digest, Sha256(bytes));
    const auto got = runner_.Run(store_->Get(*digest));
    ASSERT_TRUE(got) << got.error().message;
    ASSERT_TRUE(*got);
    EXPECT_TRUE(***got == bytes) << length;
  }
}

TEST_P(BlobStoreTest, FindsNothingUnderAnUnknownDigest) {
  const auto got = runner_.Run(store_->Get(Sha256("never put")));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_FALSE(*got);
}

TEST_P(BlobStoreTest, RemovesOnceAndForGood) {
  const auto digest = runner_.Run(store_->Put(ShareBytes("an image")));
  ASSERT_TRUE(digest);
  EXPECT_TRUE(runner_.Run(store_->Has(*digest)).value());
  EXPECT_TRUE(runner_.Run(store_->Remove(*digest)));
  EXPECT_FALSE(runner_.Run(store_->Has(*digest)).value());
  EXPECT_TRUE(runner_.Run(store_->Remove(*digest)));
  EXPECT_TRUE(runner_.Run(store_->Remove(Sha256("never put"))));
  EXPECT_FALSE(runner_.Run(store_->Has(Sha256("never put"))).value());
  auto got = runner_.Run(store_->Get(*digest));
  ASSERT_TRUE(got);
  EXPECT_FALSE(*got);
  ASSERT_TRUE(runner_.Run(store_->Put(ShareBytes("an image"))));
  got = runner_.Run(store_->Get(*digest));
  ASSERT_TRUE(got);
  EXPECT_TRUE(*got);
}

TEST_P(BlobStoreTest, FindsEverythingAfterReopening) {
  std::vector<Digest> digests;
  for (std::size_t i = 0; i < 50; ++i) {
    digests.push_back(runner_.Run(store_->Put(ShareBytes(EveryByte(i * 997)))).value());
  }
  Reopen();
  for (std::size_t i = 0; i < digests.size(); ++i) {
    const auto got = runner_.Run(store_->Get(digests[i]));
    ASSERT_TRUE(got && *got) << i;
    EXPECT_TRUE(***got == EveryByte(i * 997));
  }
}

TEST_P(BlobStoreTest, ListsEveryBlobUnderItsFirstByte) {
  std::set<Digest> put, listed;
  for (std::size_t i = 0; i < 300; ++i) {
    put.insert(runner_.Run(store_->Put(ShareBytes(EveryByte(i)))).value());
  }
  const Digest removed = *put.begin();
  ASSERT_TRUE(runner_.Run(store_->Remove(removed)));
  put.erase(removed);
  for (int first = 0; first < 256; ++first) {
    const auto part = runner_.Run(store_->List(static_cast<std::uint8_t>(first)));
    ASSERT_TRUE(part) << part.error().message;
    for (const Digest& digest : *part) {
      EXPECT_EQ(digest.bytes[0], first);
      EXPECT_TRUE(listed.insert(digest).second);
    }
  }
  EXPECT_EQ(listed, put);
}

TEST_P(BlobStoreTest, ManyMayPutTheSameBytesAtOnce) {
  const SharedBytes bytes = ShareBytes(EveryByte(100'000));
  std::vector<Task<Result<Digest>>> puts;
  for (int i = 0; i < 40; ++i) puts.push_back(store_->Put(bytes));
  for (const auto& put : runner_.RunAll(std::move(puts))) {
    ASSERT_TRUE(put) << put.error().message;
    EXPECT_EQ(*put, Sha256(*bytes));
  }
  const auto got = runner_.Run(store_->Get(Sha256(*bytes)));
  ASSERT_TRUE(got && *got);
  EXPECT_TRUE(***got == *bytes);
}

Task<Result<void>> PutGetRemove(BlobStore& store, SharedBytes bytes, int turn) {
  const Digest digest = Sha256(*bytes);
  for (int i = 0; i < 20; ++i) {
    auto put = co_await store.Put(bytes);
    if (!put) co_return std::unexpected(put.error());
    auto got = co_await store.Get(digest);
    if (!got) co_return std::unexpected(got.error());
    if (*got && ***got != *bytes) co_return Fail(Code::kInternal, "other bytes than were put");
    if ((i + turn) % 2 == 0) continue;
    auto removed = co_await store.Remove(digest);
    if (!removed) co_return removed;
  }
  co_return Result<void>();
}

// Whatever the order, bytes are found whole or not at all, and nothing fails.
TEST_P(BlobStoreTest, PutAndRemoveOfTheSameBytesMayOverlap) {
  const SharedBytes bytes = ShareBytes(EveryByte(70'000));
  std::vector<Task<Result<void>>> tasks;
  for (int i = 0; i < 8; ++i) tasks.push_back(PutGetRemove(*store_, bytes, i));
  for (const auto& result : runner_.RunAll(std::move(tasks))) {
    EXPECT_TRUE(result) << result.error().message;
  }
  ASSERT_TRUE(runner_.Run(store_->Put(bytes)));
  const auto got = runner_.Run(store_->Get(Sha256(*bytes)));
  ASSERT_TRUE(got && *got);
  EXPECT_TRUE(***got == *bytes);
}

TEST_P(BlobStoreTest, ProbeSucceeds) {
  const auto probe = runner_.Run(store_->Probe());
  EXPECT_TRUE(probe) << probe.error().message;
}

}  // namespace
}  // namespace reprise
