#include "cache/bytes_cache.h"

namespace reprise {

SharedBytes BytesCache::Get(const std::string& key) {
  Shard& shard = ShardOf(key);
  std::lock_guard lock(shard.mutex);
  const auto found = shard.index.find(key);
  if (found == shard.index.end()) return nullptr;
  shard.recent.splice(shard.recent.begin(), shard.recent, found->second);
  return found->second->bytes;
}

void BytesCache::Put(const std::string& key, SharedBytes bytes) {
  if (bytes->size() > shard_budget_ / 4) return;
  Shard& shard = ShardOf(key);
  std::lock_guard lock(shard.mutex);
  if (const auto found = shard.index.find(key); found != shard.index.end()) {
    Drop(shard, found->second);
  }
  shard.bytes += bytes->size();
  shard.recent.push_front({key, std::move(bytes)});
  shard.index[key] = shard.recent.begin();
  while (shard.bytes > shard_budget_) Drop(shard, std::prev(shard.recent.end()));
}

void BytesCache::Remove(const std::string& key) {
  Shard& shard = ShardOf(key);
  std::lock_guard lock(shard.mutex);
  if (const auto found = shard.index.find(key); found != shard.index.end()) {
    Drop(shard, found->second);
  }
}

std::size_t BytesCache::size_bytes() const {
  std::size_t bytes = 0;
  for (const Shard& shard : shards_) {
    std::lock_guard lock(shard.mutex);
    bytes += shard.bytes;
  }
  return bytes;
}

void BytesCache::Drop(Shard& shard, std::list<Item>::iterator item) {
  shard.bytes -= item->bytes->size();
  shard.index.erase(item->key);
  shard.recent.erase(item);
}

}  // namespace reprise
