#include "index/saved_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "index/vector_index_testing.h"

namespace reprise {
namespace {

using ::testing::HasSubstr;
using Bytes = std::vector<std::byte>;

constexpr std::size_t kDimensions = 24;

VectorIndexOptions Options() {
  return {.dimensions = kDimensions, .exact_limit = 50};
}

Bytes Saved(VectorIndex& index) {
  Bytes bytes;
  EXPECT_TRUE(index.Save([&bytes](std::span<const std::byte> piece) {
    bytes.insert(bytes.end(), piece.begin(), piece.end());
    return Result<void>();
  }));
  return bytes;
}

// A graph with equal vectors, a zero one, replaced and removed keys, and a tail that only scans
// see.
std::unique_ptr<VectorIndex> Sample(const Vectors& vectors) {
  auto index = MakeVectorIndex(Options());
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    EXPECT_TRUE(index->Add(i, vectors[i / 3 * 3]));  // each three times
  }
  EXPECT_TRUE(index->Add(7777, std::vector<Half>(kDimensions, 0)));
  for (std::size_t i = 0; i < vectors.size(); i += 5) index->Remove(i);
  for (std::size_t i = 1; i < vectors.size(); i += 7) EXPECT_TRUE(index->Add(i, vectors[i]));
  for (std::size_t i = 0; i < 20; ++i) EXPECT_TRUE(index->Append(10'000 + i, vectors[i]));
  return index;
}

void ExpectSameAnswers(const VectorIndex& a, const VectorIndex& b, const Vectors& queries) {
  EXPECT_EQ(a.size(), b.size());
  EXPECT_EQ(a.scans_all(), b.scans_all());
  for (const auto& query : queries) {
    const auto left = a.Search(query, 5), right = b.Search(query, 5);
    ASSERT_EQ(left.size(), right.size());
    for (std::size_t i = 0; i < left.size(); ++i) {
      EXPECT_EQ(left[i].key, right[i].key);
      EXPECT_EQ(left[i].cosine, right[i].cosine);
    }
  }
}

TEST(SavedIndex, AnswersAsTheOneThatWasSaved) {
  for (std::size_t count : {0, 1, 30, 600}) {
    const Vectors vectors = RandomClusters(count, kDimensions, 20, 0.5, 3);
    const auto index = count == 600 ? Sample(vectors) : MakeVectorIndex(Options());
    for (std::size_t i = 0; count != 600 && i < count; ++i) {
      ASSERT_TRUE(index->Add(i, vectors[i]));
    }
    const Bytes bytes = Saved(*index);
    const auto loaded = LoadVectorIndex(Options(), bytes);
    ASSERT_TRUE(loaded) << loaded.error().message;
    ExpectSameAnswers(*index, **loaded, vectors);
    EXPECT_EQ(Saved(**loaded), bytes);
  }
}

// Both are changed in the same way, until the index moves to a new generation.
TEST(SavedIndex, GoesOnAsTheOneThatWasSaved) {
  const Vectors vectors = RandomClusters(600, kDimensions, 20, 0.5, 3);
  const Vectors later = RandomClusters(1500, kDimensions, 20, 0.5, 4);
  const auto index = Sample(vectors);
  const auto loaded = LoadVectorIndex(Options(), Saved(*index));
  ASSERT_TRUE(loaded) << loaded.error().message;
  for (VectorIndex* changed : {index.get(), loaded->get()}) {
    while (changed->Settle(10)) {
    }
    for (std::size_t i = 0; i < later.size(); ++i) {
      ASSERT_TRUE(changed->Add(i % 800, later[i]));
      if (i % 3 == 0) changed->Remove(i % 500);
    }
  }
  ExpectSameAnswers(*index, **loaded, vectors);
  ExpectSameAnswers(*index, **loaded, later);
}

TEST(SavedIndex, TheSinksFailureIsReturned) {
  const auto index = Sample(RandomClusters(200, kDimensions, 20, 0.5, 3));
  int pieces = 0;
  const auto saved = index->Save([&pieces](std::span<const std::byte>) -> Result<void> {
    if (++pieces < 3) return {};
    return Fail(Code::kUnavailable, "disk full");
  });
  ASSERT_FALSE(saved);
  EXPECT_THAT(saved.error().message, HasSubstr("disk full"));
  EXPECT_EQ(pieces, 3);
}

TEST(SavedIndex, WritersGoOnWhileItIsWritten) {
  const Vectors vectors = RandomClusters(300, kDimensions, 20, 0.5, 3);
  const auto index = MakeVectorIndex(Options());
  for (std::size_t i = 0; i < 200; ++i) ASSERT_TRUE(index->Add(i, vectors[i]));
  Bytes bytes;
  std::size_t next = 200;
  ASSERT_TRUE(index->Save([&](std::span<const std::byte> piece) {
    bytes.insert(bytes.end(), piece.begin(), piece.end());
    index->Remove(next - 200);
    auto added = index->Add(next, vectors[next]);
    ++next;
    return added;
  }));
  const auto loaded = LoadVectorIndex(Options(), bytes);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ((*loaded)->size(), 200u);
  EXPECT_EQ((*loaded)->Search(vectors[0], 1).at(0).key, 0u);
}

TEST(SavedIndex, ForeignBytesAreRefused) {
  const Vectors vectors = RandomClusters(200, kDimensions, 20, 0.5, 3);
  const Bytes bytes = Saved(*Sample(vectors));
  auto other_dimensions = Options(), other_links = Options();
  other_dimensions.dimensions = kDimensions + 1;
  other_links.connectivity = 8;
  Bytes other_version = bytes, longer = bytes;
  other_version[7] ^= std::byte{1};
  longer.push_back({});
  for (const auto& refused :
       {LoadVectorIndex(other_dimensions, bytes), LoadVectorIndex(other_links, bytes),
        LoadVectorIndex(Options(), other_version), LoadVectorIndex(Options(), longer)}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kCorrupt);
    EXPECT_THAT(refused.error().message, HasSubstr("has to be built anew"));
  }
}

TEST(SavedIndex, CutShortAnywhereIsRefused) {
  const Bytes bytes = Saved(*Sample(RandomClusters(120, kDimensions, 20, 0.5, 3)));
  for (std::size_t size = 0; size < bytes.size(); size += size < 200 ? 1 : 37) {
    EXPECT_FALSE(LoadVectorIndex(Options(), std::span(bytes).first(size))) << size;
  }
}

TEST(SavedIndex, KnowsItsKeys) {
  auto index = Sample(RandomClusters(120, kDimensions, 20, 0.5, 3));
  index->Remove(7);
  const auto loaded = LoadVectorIndex(Options(), Saved(*index));
  ASSERT_TRUE(loaded);
  std::vector<std::uint64_t> keys = (*loaded)->Keys();
  EXPECT_EQ(keys.size(), index->size());
  EXPECT_FALSE(std::ranges::find(keys, 7u) != keys.end());
}

// What is not refused still answers.
TEST(SavedIndex, DamagedBytesNeverBringItDown) {
  const Vectors vectors = RandomClusters(150, kDimensions, 20, 0.5, 3);
  const Bytes bytes = Saved(*Sample(vectors));
  std::mt19937 random(11);
  std::size_t refused = 0;
  for (int round = 0; round < 2000; ++round) {
    Bytes damaged = bytes;
    // Half of them in the rows and the metas, which are behind the codes.
    const std::size_t from = round % 2 == 0 ? 0 : bytes.size() / 2;
    for (int i = 0; i <= round % 3; ++i) {
      const std::uint32_t value = random() % 4 == 0 ? random() : random() % 200;
      const std::size_t at = from + random() % (damaged.size() - from - sizeof value) / 4 * 4;
      std::memcpy(&damaged[at], &value, sizeof value);
    }
    const auto loaded = LoadVectorIndex(Options(), damaged);
    if (!loaded) {
      ++refused;
      continue;
    }
    for (std::size_t i = 0; i < vectors.size(); i += 10) {
      EXPECT_LE((*loaded)->Search(vectors[i], 10).size(), 10u);
    }
    ASSERT_TRUE((*loaded)->Add(5, vectors[5]));
    (*loaded)->Settle(100);
    (*loaded)->Remove(5);
  }
  EXPECT_GT(refused, 100u);
}

}  // namespace
}  // namespace reprise
