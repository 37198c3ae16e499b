#include "index/vector_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "index/vector_code.h"
#include "index/vector_index_testing.h"

namespace reprise {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::size_t kTestDimensions = 32;
// Of 12 bits in 32 dimensions, where an element's share is largest.
constexpr double kCosineError = 5e-4;

VectorIndexOptions Small(std::size_t exact_limit, std::size_t dimensions = kTestDimensions) {
  return {.dimensions = dimensions, .exact_limit = exact_limit};
}

std::unique_ptr<VectorIndex> Filled(const VectorIndexOptions& options, const Vectors& vectors) {
  auto index = MakeVectorIndex(options);
  for (std::size_t i = 0; i < vectors.size(); ++i) EXPECT_TRUE(index->Add(i, vectors[i]));
  return index;
}

// The share of `vectors` that a search for themselves finds first (or ties with what is found).
double SelfRecall(const VectorIndex& index, const Vectors& vectors) {
  std::size_t found = 0;
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    const auto nearest = index.Search(vectors[i], 1);
    found += !nearest.empty() && nearest[0].cosine >= Cosine(vectors[i], vectors[i]) - kCosineError;
  }
  return static_cast<double>(found) / static_cast<double>(vectors.size());
}

TEST(VectorIndex, EmptyFindsNothing) {
  const auto index = MakeVectorIndex(Small(10));
  std::mt19937 random(1);
  EXPECT_THAT(index->Search(RandomUnit(kTestDimensions, random), 5), IsEmpty());
  EXPECT_EQ(index->size(), 0u);
}

TEST(VectorIndex, RefusesWhatItCannotHold) {
  const auto index = MakeVectorIndex(Small(10));
  const std::vector<Half> shorter(kTestDimensions - 1, 0x3c00);
  const auto refused = index->Add(1, shorter);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
  EXPECT_THAT(refused.error().message, HasSubstr("31 dimensions"));
  for (Half bad : {0x7c00, 0xfc00, 0x7e00}) {
    std::vector<Half> vector(kTestDimensions, 0);
    vector[5] = bad;
    EXPECT_FALSE(index->Add(1, vector));
    EXPECT_THAT(index->Search(vector, 1), IsEmpty());
  }
  EXPECT_THAT(index->Search(shorter, 1), IsEmpty());
  EXPECT_EQ(index->size(), 0u);
}

TEST(VectorIndex, NearestFirstAndNoMoreThanAsked) {
  for (std::size_t exact_limit : {1000, 50}) {
    const auto vectors = RandomClusters(400, kTestDimensions, 20, 0.5, 5);
    const auto index = Filled(Small(exact_limit), vectors);
    EXPECT_EQ(index->size(), vectors.size());
    const auto found = index->Search(vectors[7], 10);
    ASSERT_EQ(found.size(), 10u);
    EXPECT_EQ(found[0].key, 7u);
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_NEAR(found[i].cosine, Cosine(vectors[7], vectors[found[i].key]), kCosineError);
      if (i > 0) EXPECT_LE(found[i].cosine, found[i - 1].cosine);
    }
    EXPECT_THAT(index->Search(vectors[7], 0), IsEmpty());
    EXPECT_EQ(index->Search(vectors[7], 1000).size(), 400u);
  }
}

TEST(VectorIndex, SizesAroundTheExactLimit) {
  constexpr std::size_t kLimit = 100;
  for (std::size_t count : {kLimit - 1, kLimit, kLimit + 1, kLimit + 40, 2 * kLimit}) {
    const auto vectors = RandomClusters(count, kTestDimensions, 10, 0.5, 11);
    const auto index = Filled(Small(kLimit), vectors);
    EXPECT_EQ(index->size(), count);
    EXPECT_EQ(SelfRecall(*index, vectors), 1.0) << count;
  }
}

TEST(VectorIndex, ZeroAndEqualVectorsAreOrdinary) {
  for (std::size_t exact_limit : {10'000, 50}) {
    auto vectors = RandomClusters(600, kTestDimensions, 20, 0.5, 13);
    for (std::size_t i = 0; i < 200; ++i) vectors[i].assign(kTestDimensions, 0);
    for (std::size_t i = 200; i < 400; ++i) vectors[i] = vectors[200];
    const auto index = Filled(Small(exact_limit), vectors);
    EXPECT_EQ(index->size(), vectors.size());
    const Vectors rest(vectors.begin() + 400, vectors.end());
    EXPECT_GE(SelfRecall(*index, rest), 0.98);
    EXPECT_EQ(index->Search(vectors[0], 3).size(), 3u);
  }
}

TEST(VectorIndex, ReplacedKeyIsFoundWithItsNewVectorOnly) {
  for (std::size_t exact_limit : {10'000, 50}) {
    const auto vectors = RandomClusters(500, kTestDimensions, 20, 0.5, 17);
    const auto later = RandomClusters(500, kTestDimensions, 20, 0.5, 18);
    const auto index = Filled(Small(exact_limit), vectors);
    for (std::size_t i = 0; i < later.size(); ++i) ASSERT_TRUE(index->Add(i, later[i]));
    EXPECT_EQ(index->size(), later.size());
    std::size_t found = 0;
    for (std::size_t i = 0; i < later.size(); ++i) {
      const auto nearest = index->Search(later[i], 1);
      found += nearest[0].key == i;
      for (const Neighbour& neighbour : index->Search(vectors[i], 5)) {
        EXPECT_NEAR(neighbour.cosine, Cosine(vectors[i], later[neighbour.key]), kCosineError);
      }
    }
    EXPECT_GE(found, 490u);
  }
}

// Random writes against a map: what is found is always what the map has.
TEST(VectorIndex, FollowsAModelThroughRandomWrites) {
  for (std::size_t exact_limit : {10'000, 40}) {
    std::mt19937 random(23);
    const auto index = MakeVectorIndex(Small(exact_limit));
    std::map<std::uint64_t, std::vector<Half>> model;
    std::size_t searches = 0, found = 0;
    for (int step = 0; step < 6000; ++step) {
      const std::uint64_t key = random() % 400;
      // The share of removals rises and falls, so that the index grows, shrinks and moves.
      if (random() % 100 < (step / 1500 % 2 == 0 ? 20u : 70u)) {
        index->Remove(key);
        model.erase(key);
      } else {
        auto vector = RandomUnit(kTestDimensions, random);
        ASSERT_TRUE(index->Add(key, vector));
        model.insert_or_assign(key, std::move(vector));
      }
      ASSERT_EQ(index->size(), model.size());
      if (model.empty()) continue;
      const auto wanted = std::next(model.begin(), random() % model.size());
      const auto nearest = index->Search(wanted->second, 3);
      ++searches;
      found += !nearest.empty() && nearest[0].key == wanted->first;
      for (const Neighbour& neighbour : nearest) {
        ASSERT_TRUE(model.contains(neighbour.key)) << "removed key " << neighbour.key;
        ASSERT_NEAR(neighbour.cosine, Cosine(wanted->second, model[neighbour.key]), kCosineError);
      }
    }
    EXPECT_GE(static_cast<double>(found), 0.99 * static_cast<double>(searches));
  }
}

TEST(VectorIndex, RemovingEverythingLeavesItUsable) {
  const auto vectors = RandomClusters(1000, kTestDimensions, 20, 0.5, 29);
  const auto index = Filled(Small(100), vectors);
  const std::size_t full = index->memory_bytes();
  for (std::size_t i = 0; i < vectors.size(); ++i) index->Remove(i);
  index->Remove(4711);
  EXPECT_EQ(index->size(), 0u);
  EXPECT_THAT(index->Search(vectors[0], 5), IsEmpty());
  EXPECT_LT(index->memory_bytes(), full / 2);
  ASSERT_TRUE(index->Add(1, vectors[1]));
  EXPECT_EQ(index->Search(vectors[1], 5).size(), 1u);
}

// The differential test of the graph: 20,000 vectors, default options, against brute force.
TEST(VectorIndex, GraphRecallAgainstBruteForce) {
#ifdef __OPTIMIZE__
  constexpr std::size_t kCount = 20'000;
#else
  constexpr std::size_t kCount = 5'000;
#endif
  const auto vectors = RandomClusters(kCount, 256, 500, 0.8, 31);
  const auto index = Filled(Small(500, 256), vectors);
  std::mt19937 random(37);
  constexpr std::size_t kQueries = 200;
  std::size_t found = 0;
  for (std::size_t i = 0; i < kQueries; ++i) {
    const auto query = Near(vectors[random() % kCount], 0.5, random);
    const auto nearest = index->Search(query, 1);
    ASSERT_EQ(nearest.size(), 1u);
    const std::size_t best = NearestByBruteForce(vectors, query).front();
    EXPECT_NEAR(nearest[0].cosine, Cosine(query, vectors[nearest[0].key]), 2e-4);
    found += Cosine(query, vectors[nearest[0].key]) >= Cosine(query, vectors[best]) - 1e-6;
  }
  EXPECT_GE(static_cast<double>(found) / kQueries, 0.98);
}

// Against brute force over what is left, before and after the index has moved to a new generation.
TEST(VectorIndex, TheTenNearestAreFoundAmongTheRemoved) {
  const auto vectors = RandomClusters(3000, kTestDimensions, 60, 0.6, 47);
  const auto index = Filled(Small(100), vectors);
  std::mt19937 random(53);
  for (std::size_t removed_of_ten : {4, 8}) {
    Vectors left;
    std::vector<std::size_t> keys;
    for (std::size_t i = 0; i < vectors.size(); ++i) {
      if (i % 10 < removed_of_ten) {
        index->Remove(i);
      } else {
        left.push_back(vectors[i]);
        keys.push_back(i);
      }
    }
    constexpr std::size_t kQueries = 100, kNeighbours = 10;
    std::size_t found = 0;
    for (std::size_t q = 0; q < kQueries; ++q) {
      const auto query = Near(vectors[random() % vectors.size()], 0.4, random);
      const auto exact = NearestByBruteForce(left, query, kNeighbours);
      const double tenth = Cosine(query, left[exact.back()]);
      for (const Neighbour& neighbour : index->Search(query, kNeighbours)) {
        ASSERT_GE(neighbour.key % 10, removed_of_ten);
        found += Cosine(query, vectors[neighbour.key]) >= tenth - kCosineError;
      }
    }
    EXPECT_GE(static_cast<double>(found) / (kQueries * kNeighbours), 0.97) << removed_of_ten;
  }
}

TEST(VectorIndex, WhatIsAppendedIsFoundBeforeWhileAndAfterItIsSettled) {
  const Vectors vectors = RandomClusters(1500, kTestDimensions, 60, 0.4, 5);
  const auto index = MakeVectorIndex(Small(100));
  for (std::size_t i = 0; i < vectors.size(); ++i) ASSERT_TRUE(index->Append(i, vectors[i]));
  EXPECT_EQ(index->size(), vectors.size());
  EXPECT_EQ(SelfRecall(*index, vectors), 1) << "everything is scanned";
  const std::size_t before = index->memory_bytes();
  int turns = 1;
  while (index->Settle(50)) {
    if (++turns % 8 == 0) EXPECT_GE(SelfRecall(*index, vectors), 0.99) << turns;
  }
  EXPECT_EQ(turns, 30);
  EXPECT_GT(index->memory_bytes(), before);
  EXPECT_GE(SelfRecall(*index, vectors), 0.99);
  EXPECT_FALSE(index->Settle(100));
}

TEST(VectorIndex, SettlingGoesOnWhileVectorsComeAndGo) {
  const Vectors vectors = RandomClusters(1200, kTestDimensions, 60, 0.4, 6);
  const auto index = MakeVectorIndex(Small(50));
  for (std::size_t i = 0; i < 800; ++i) ASSERT_TRUE(index->Append(i, vectors[i]));
  for (std::size_t i = 0; i < 400; ++i) {
    ASSERT_TRUE(index->Add(800 + i, vectors[800 + i]));
    index->Remove(2 * i);
    index->Settle(3);
  }
  while (index->Settle(100)) {
  }
  EXPECT_EQ(index->size(), 800u);
  for (std::size_t i = 0; i < 1200; ++i) {
    const bool removed = i < 800 && i % 2 == 0;
    for (const Neighbour& found : index->Search(vectors[i], 5)) {
      EXPECT_TRUE(found.key >= 800 || found.key % 2 == 1) << found.key;
    }
    const auto nearest = index->Search(vectors[i], 1);
    ASSERT_FALSE(nearest.empty());
    if (!removed) EXPECT_GE(nearest[0].cosine, 0.99) << i;
  }
}

TEST(VectorIndex, AFewAppendedVectorsNeedNoSettling) {
  const auto index = MakeVectorIndex(Small(10));
  std::mt19937 random(1);
  for (std::size_t i = 0; i < 10; ++i)
    ASSERT_TRUE(index->Append(i, RandomUnit(kTestDimensions, random)));
  EXPECT_FALSE(index->Settle(1));
  EXPECT_FALSE(index->Append(10, std::vector<Half>(kTestDimensions - 1, 0x3c00)));
}

TEST(VectorIndex, ReadersFindEveryAddedVectorWhileTheWriterWorks) {
  const auto vectors = RandomClusters(3000, kTestDimensions, 100, 0.5, 41);
  const auto index = MakeVectorIndex(Small(200));
  // Keys below `added` are there; odd ones between `removed` and `added` may be leaving.
  std::atomic<std::size_t> added = 0, searches = 0, found = 0, ghosts = 0;
  std::atomic<bool> stop = false;
  auto read = [&](std::uint32_t seed) {
    std::mt19937 random(seed);
    while (!stop) {
      const std::size_t known = added;
      if (known == 0) continue;
      const std::size_t key = random() % known / 2 * 2;  // even keys are never removed
      const auto nearest = index->Search(vectors[key], 2);
      ++searches;
      found += !nearest.empty() && nearest[0].key == key;
      for (const auto& neighbour : nearest) ghosts += neighbour.key >= vectors.size();
    }
  };
  std::vector<std::thread> readers;
  for (std::uint32_t i = 0; i < 3; ++i) readers.emplace_back(read, i);
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    ASSERT_TRUE(index->Add(i, vectors[i]));
    added = i + 1;
    if (i % 2 == 1) index->Remove(i);
    if (i % 7 == 0) ASSERT_TRUE(index->Add(i / 2 * 2, vectors[i / 2 * 2]));  // replace by the same
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(index->size(), vectors.size() / 2);
  EXPECT_EQ(ghosts, 0u);
  EXPECT_GE(static_cast<double>(found), 0.99 * static_cast<double>(searches));
}

// Keys that stay are found by every search, while others come and go so often that the index moves
// to new generations, and while it is saved.
TEST(VectorIndex, ReadersFindWhatStaysWhileTheIndexMoves) {
  constexpr std::size_t kStaying = 200, kPassing = 300;
  const auto staying = RandomClusters(kStaying, kTestDimensions, 40, 0.5, 59);
  const auto passing = RandomClusters(kPassing, kTestDimensions, 40, 0.5, 61);
  const auto index = Filled(Small(100), staying);
  std::atomic<std::size_t> searches = 0, found = 0, ghosts = 0;
  std::atomic<bool> stop = false;
  auto read = [&](std::uint32_t seed) {
    std::mt19937 random(seed);
    while (!stop) {
      const std::size_t key = random() % kStaying;
      const auto nearest = index->Search(staying[key], 5);
      ++searches;
      found += !nearest.empty() && nearest[0].key == key;
      for (const auto& neighbour : nearest) ghosts += neighbour.key >= kStaying + kPassing;
    }
  };
  std::vector<std::thread> readers;
  for (std::uint32_t i = 0; i < 2; ++i) readers.emplace_back(read, i);
  for (int round = 0; round < 8; ++round) {
    for (std::size_t i = 0; i < kPassing; ++i) {
      ASSERT_TRUE(index->Add(kStaying + i, passing[i]));
    }
    for (std::size_t i = 0; i < kPassing; ++i) index->Remove(kStaying + i);
    std::size_t saved = 0;
    ASSERT_TRUE(index->Save([&saved](std::span<const std::byte> piece) {
      saved += piece.size();
      return Result<void>();
    }));
    EXPECT_GT(saved, kStaying * kTestDimensions);
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(index->size(), kStaying);
  EXPECT_EQ(ghosts, 0u);
  EXPECT_GE(static_cast<double>(found), 0.99 * static_cast<double>(searches));
}

TEST(VectorIndex, WritersExcludeOneAnother) {
  const auto vectors = RandomClusters(800, kTestDimensions, 50, 0.5, 43);
  const auto index = MakeVectorIndex(Small(100));
  std::vector<std::thread> writers;
  for (std::size_t first = 0; first < 4; ++first) {
    writers.emplace_back([&, first] {
      for (std::size_t i = first; i < vectors.size(); i += 4) {
        EXPECT_TRUE(index->Add(i, vectors[i]));
      }
    });
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(index->size(), vectors.size());
  EXPECT_GE(SelfRecall(*index, vectors), 0.99);
}

}  // namespace
}  // namespace reprise
