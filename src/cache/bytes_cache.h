// Bytes kept in memory up to a budget, least recently used out first: images as stored and as
// rendered for delivery. Safe for any thread.
#pragma once

#include <array>
#include <cstddef>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/bytes.h"

namespace reprise {

class BytesCache {
 public:
  explicit BytesCache(std::size_t budget_bytes) : shard_budget_(budget_bytes / kShards) {}

  SharedBytes Get(const std::string& key);  // null: a miss
  // Keeps nothing that is larger than a quarter of a shard's budget.
  void Put(const std::string& key, SharedBytes bytes);
  void Remove(const std::string& key);
  std::size_t size_bytes() const;

 private:
  struct Item {
    std::string key;
    SharedBytes bytes;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::list<Item> recent;  // most recently used first
    std::unordered_map<std::string, std::list<Item>::iterator> index;
    std::size_t bytes = 0;
  };
  static constexpr std::size_t kShards = 8;

  Shard& ShardOf(const std::string& key) {
    return shards_[std::hash<std::string>{}(key) % kShards];
  }
  static void Drop(Shard& shard, std::list<Item>::iterator item);

  const std::size_t shard_budget_;
  std::array<Shard, kShards> shards_;
};

}  // namespace reprise
