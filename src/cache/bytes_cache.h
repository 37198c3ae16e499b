// Bytes kept in memory up to a budget, least recently used out first: images as stored and as
// rendered for delivery. Those that go out as they are, and are not small, are kept as a file that
// the kernel sends without a copy. Safe for any thread.
#pragma once

#include <array>
#include <cstddef>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/bytes.h"
#include "base/file_memory.h"

namespace reprise {

class BytesCache {
 public:
  // Smaller ones are copied in less time than a call of sendfile takes.
  static constexpr std::size_t kMinFile = 16u << 10;

  explicit BytesCache(std::size_t budget_bytes);

  SharedBytes Get(const std::string& key);  // null: a miss
  // The same bytes, to be sent as they are; null: a miss, or use Get. From then on they are kept in
  // this form, and in the other too when that is asked for again.
  FileBytesPtr GetFile(const std::string& key);
  // Keeps nothing that is larger than a quarter of a shard's budget.
  void Put(const std::string& key, SharedBytes bytes);
  void Remove(const std::string& key);
  std::size_t size_bytes() const;

 private:
  struct Item {
    std::string key;
    SharedBytes bytes;  // null: only `file` has them
    FileBytesPtr file;
    std::size_t size_bytes() const {
      return (bytes ? bytes->size() : 0) + (file ? file->size() : 0);
    }
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
  // Makes the shard's item the most recent; null: there is none.
  static Item* Touch(Shard& shard, const std::string& key);
  void Shrink(Shard& shard) const;

  const std::shared_ptr<FileMemory> files_;  // null: the system has none
  const std::size_t shard_budget_;
  std::array<Shard, kShards> shards_;
};

}  // namespace reprise
