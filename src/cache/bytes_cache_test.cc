#include "cache/bytes_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

namespace reprise {
namespace {

constexpr std::size_t kShards = 8;

SharedBytes Bytes(std::size_t size, char fill = 'x') {
  return ShareBytes(std::string(size, fill));
}

// Keys that fall into the same shard as the first.
std::vector<std::string> KeysOfOneShard(std::size_t count) {
  std::vector<std::string> keys;
  for (int i = 0; keys.size() < count; ++i) {
    const std::string key = "key" + std::to_string(i);
    if (std::hash<std::string>{}(key) % kShards == 3) keys.push_back(key);
  }
  return keys;
}

TEST(BytesCacheTest, GivesWhatWasPut) {
  BytesCache cache(kShards * 1000);
  EXPECT_EQ(cache.Get("a"), nullptr);
  cache.Put("a", Bytes(10, 'a'));
  cache.Put("b", Bytes(20, 'b'));
  EXPECT_EQ(*cache.Get("a"), std::string(10, 'a'));
  EXPECT_EQ(cache.size_bytes(), 30u);
  cache.Put("a", Bytes(5, 'c'));
  EXPECT_EQ(*cache.Get("a"), std::string(5, 'c'));
  EXPECT_EQ(cache.size_bytes(), 25u);
  cache.Remove("a");
  cache.Remove("never there");
  EXPECT_EQ(cache.Get("a"), nullptr);
  EXPECT_EQ(cache.size_bytes(), 20u);
}

TEST(BytesCacheTest, LeastRecentlyUsedGoesFirst) {
  BytesCache cache(kShards * 1000);
  const auto keys = KeysOfOneShard(5);
  for (int i = 0; i < 4; ++i) cache.Put(keys[i], Bytes(250));
  EXPECT_NE(cache.Get(keys[0]), nullptr);
  cache.Put(keys[4], Bytes(250));
  EXPECT_NE(cache.Get(keys[0]), nullptr);
  EXPECT_EQ(cache.Get(keys[1]), nullptr);
  EXPECT_NE(cache.Get(keys[2]), nullptr);
}

TEST(BytesCacheTest, WhatIsSentAsItIsIsKeptAsAFile) {
  BytesCache cache(kShards << 20);
  const std::string image(BytesCache::kMinFile, 'i');
  EXPECT_EQ(cache.GetFile("image"), nullptr);
  cache.Put("image", ShareBytes(image));
  const FileBytesPtr file = cache.GetFile("image");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->view(), image);
  EXPECT_TRUE(FileMemory::Find(file->data()));
  EXPECT_EQ(cache.GetFile("image"), file);
  EXPECT_EQ(cache.size_bytes(), image.size());  // once
  EXPECT_EQ(*cache.Get("image"), image);
  EXPECT_EQ(cache.size_bytes(), 2 * image.size());  // both forms were asked for
  cache.Remove("image");
  EXPECT_EQ(cache.size_bytes(), 0u);
  EXPECT_EQ(file->view(), image);
}

TEST(BytesCacheTest, SmallOnesAreNoFiles) {
  BytesCache cache(kShards << 20);
  cache.Put("icon", Bytes(BytesCache::kMinFile - 1));
  EXPECT_EQ(cache.GetFile("icon"), nullptr);
  EXPECT_NE(cache.Get("icon"), nullptr);
}

TEST(BytesCacheTest, FilesLeaveWithTheLeastRecentlyUsed) {
  const std::size_t size = BytesCache::kMinFile;
  BytesCache cache(kShards * 5 * size);
  const auto keys = KeysOfOneShard(20);
  for (const std::string& key : keys) {
    cache.Put(key, Bytes(size));
    EXPECT_TRUE(cache.GetFile(key));
    EXPECT_LE(cache.size_bytes(), 5 * size);
  }
  EXPECT_EQ(cache.GetFile(keys[14]), nullptr);
  EXPECT_TRUE(cache.GetFile(keys[15]));
}

TEST(BytesCacheTest, WhatIsTooLargeIsNotKept) {
  BytesCache cache(kShards * 1000);
  cache.Put("a", Bytes(251));
  EXPECT_EQ(cache.Get("a"), nullptr);
  cache.Put("a", Bytes(250));
  EXPECT_NE(cache.Get("a"), nullptr);
  BytesCache none(0);
  none.Put("a", Bytes(1));
  EXPECT_EQ(none.size_bytes(), 0u);
}

TEST(BytesCacheTest, ConcurrentUseKeepsTheBudgetAndTheRightBytes) {
  BytesCache cache(kShards * 1000);
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&cache, seed] {
      std::mt19937 random(seed);
      for (int i = 0; i < 5000; ++i) {
        const char letter = static_cast<char>('a' + random() % 26);
        const std::string key = std::string("key ") + letter;
        switch (random() % 4) {
          case 0:
            cache.Put(key, Bytes(100 + letter, letter));
            break;
          case 1:
            cache.Remove(key);
            break;
          default:
            if (const SharedBytes bytes = cache.Get(key)) ASSERT_EQ(bytes->front(), letter);
        }
        ASSERT_LE(cache.size_bytes(), kShards * 1000);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace reprise
