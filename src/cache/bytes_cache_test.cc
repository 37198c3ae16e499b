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

Digest Key(std::string_view name) {
  return Sha256(name);
}

// Keys that fall into one shard.
std::vector<Digest> KeysOfOneShard(std::size_t count) {
  std::vector<Digest> keys;
  for (int i = 0; keys.size() < count; ++i) {
    const Digest key = Key("key" + std::to_string(i));
    if (std::hash<Digest>{}(key) % kShards == 3) keys.push_back(key);
  }
  return keys;
}

TEST(BytesCacheTest, GivesWhatWasPut) {
  BytesCache cache(kShards * 1000);
  EXPECT_EQ(cache.Get(Key("a")), nullptr);
  cache.Put(Key("a"), "", Bytes(10, 'a'));
  cache.Put(Key("b"), "", Bytes(20, 'b'));
  EXPECT_EQ(*cache.Get(Key("a")), std::string(10, 'a'));
  EXPECT_EQ(cache.size_bytes(), 30u);
  cache.Put(Key("a"), "", Bytes(5, 'c'));
  EXPECT_EQ(*cache.Get(Key("a")), std::string(5, 'c'));
  EXPECT_EQ(cache.size_bytes(), 25u);
  cache.Remove(Key("a"));
  cache.Remove(Key("never there"));
  EXPECT_EQ(cache.Get(Key("a")), nullptr);
  EXPECT_EQ(cache.size_bytes(), 20u);
}

TEST(BytesCacheTest, LeastRecentlyUsedGoesFirst) {
  BytesCache cache(kShards * 1000);
  const auto keys = KeysOfOneShard(5);
  for (int i = 0; i < 4; ++i) cache.Put(keys[i], "", Bytes(250));
  EXPECT_NE(cache.Get(keys[0]), nullptr);
  cache.Put(keys[4], "", Bytes(250));
  EXPECT_NE(cache.Get(keys[0]), nullptr);
  EXPECT_EQ(cache.Get(keys[1]), nullptr);
  EXPECT_NE(cache.Get(keys[2]), nullptr);
}

TEST(BytesCacheTest, WhatIsSentAsItIsIsKeptAsAFile) {
  BytesCache cache(kShards << 20);
  const std::string image(BytesCache::kMinFile, 'i');
  EXPECT_EQ(cache.GetFile(Key("image")), nullptr);
  cache.Put(Key("image"), "", ShareBytes(image));
  const FileBytesPtr file = cache.GetFile(Key("image"));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->view(), image);
  EXPECT_TRUE(FileMemory::Find(file->data()));
  EXPECT_EQ(cache.GetFile(Key("image")), file);
  EXPECT_EQ(cache.size_bytes(), image.size());  // once
  EXPECT_EQ(*cache.Get(Key("image")), image);
  EXPECT_EQ(cache.size_bytes(), 2 * image.size());  // both forms were asked for
  cache.Remove(Key("image"));
  EXPECT_EQ(cache.size_bytes(), 0u);
  EXPECT_EQ(file->view(), image);
}

TEST(BytesCacheTest, AnImageLeavesInAllItsForms) {
  BytesCache cache(kShards << 20);
  const std::string text(BytesCache::kMinFile, 't');
  cache.Put(Key("image"), "", Bytes(10, 'a'));
  cache.Put(Key("image"), "small", Bytes(5, 'b'));
  cache.PutFile(Key("image"), "text", text);
  cache.Put(Key("other"), "small", Bytes(7, 'c'));
  EXPECT_EQ(*cache.Get(Key("image")), std::string(10, 'a'));
  EXPECT_EQ(*cache.Get(Key("image"), "small"), std::string(5, 'b'));
  EXPECT_EQ(cache.GetFile(Key("image"), "text")->view(), text);
  EXPECT_EQ(cache.Get(Key("image"), "large"), nullptr);
  cache.Remove(Key("image"));
  EXPECT_EQ(cache.Get(Key("image")), nullptr);
  EXPECT_EQ(cache.Get(Key("image"), "small"), nullptr);
  EXPECT_EQ(cache.GetFile(Key("image"), "text"), nullptr);
  EXPECT_EQ(cache.size_bytes(), 7u);
}

TEST(BytesCacheTest, FilesAreOfSomeSize) {
  BytesCache cache(kShards * 8 * BytesCache::kMinFile);
  const std::string large(2 * BytesCache::kMinFile + 1, 'x');
  cache.PutFile(Key("small"), "", std::string(BytesCache::kMinFile - 1, 'x'));
  cache.PutFile(Key("too large"), "", large);
  EXPECT_EQ(cache.size_bytes(), 0u);
  cache.PutFile(Key("large"), "", std::string_view(large).substr(1));
  EXPECT_EQ(cache.GetFile(Key("large"))->size(), large.size() - 1);
}

TEST(BytesCacheTest, SmallOnesAreNoFiles) {
  BytesCache cache(kShards << 20);
  cache.Put(Key("icon"), "", Bytes(BytesCache::kMinFile - 1));
  EXPECT_EQ(cache.GetFile(Key("icon")), nullptr);
  EXPECT_NE(cache.Get(Key("icon")), nullptr);
}

TEST(BytesCacheTest, FilesLeaveWithTheLeastRecentlyUsed) {
  const std::size_t size = BytesCache::kMinFile;
  BytesCache cache(kShards * 5 * size);
  const auto keys = KeysOfOneShard(20);
  for (const Digest& key : keys) {
    cache.Put(key, "", Bytes(size));
    EXPECT_TRUE(cache.GetFile(key));
    EXPECT_LE(cache.size_bytes(), 5 * size);
  }
  EXPECT_EQ(cache.GetFile(keys[14]), nullptr);
  EXPECT_TRUE(cache.GetFile(keys[15]));
}

TEST(BytesCacheTest, WhatIsTooLargeIsNotKept) {
  BytesCache cache(kShards * 1000);
  cache.Put(Key("a"), "", Bytes(251));
  EXPECT_EQ(cache.Get(Key("a")), nullptr);
  cache.Put(Key("a"), "", Bytes(250));
  EXPECT_NE(cache.Get(Key("a")), nullptr);
  BytesCache none(0);
  none.Put(Key("a"), "", Bytes(1));
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
        const Digest key = Key(std::string("key ") + letter);
        switch (random() % 4) {
          case 0:
            cache.Put(key, "", Bytes(100 + letter, letter));
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
