#include "cache/bytes_cache.h"

#include "base/log.h"

namespace reprise {

namespace {

// Room for the budget in pieces that do not quite fit what others have left.
std::shared_ptr<FileMemory> MakeFiles(std::size_t budget_bytes) {
  auto files = FileMemory::Create(2 * budget_bytes);
  if (files) return std::move(*files);
  log::warn("{}; images are copied to sockets instead", files.error().message);
  return nullptr;
}

}  // namespace

BytesCache::BytesCache(std::size_t budget_bytes)
    : files_(MakeFiles(budget_bytes)), shard_budget_(budget_bytes / kShards) {}

SharedBytes BytesCache::Get(const std::string& key) {
  Shard& shard = ShardOf(key);
  std::lock_guard lock(shard.mutex);
  Item* const item = Touch(shard, key);
  if (!item) return nullptr;
  if (item->bytes) return item->bytes;
  const SharedBytes bytes = ShareBytes(std::string(item->file->view()));
  item->bytes = bytes;
  shard.bytes += bytes->size();
  Shrink(shard);
  return bytes;
}

FileBytesPtr BytesCache::GetFile(const std::string& key) {
  Shard& shard = ShardOf(key);
  std::lock_guard lock(shard.mutex);
  Item* const item = Touch(shard, key);
  if (!item || item->file) return item ? item->file : nullptr;
  if (!files_ || item->bytes->size() < kMinFile) return nullptr;
  item->file = files_->Copy(*item->bytes);
  if (item->file) item->bytes.reset();
  return item->file;
}

void BytesCache::Put(const std::string& key, SharedBytes bytes) {
  if (bytes->size() > shard_budget_ / 4) return;
  Shard& shard = ShardOf(key);
  std::lock_guard lock(shard.mutex);
  if (const auto found = shard.index.find(key); found != shard.index.end()) {
    Drop(shard, found->second);
  }
  shard.bytes += bytes->size();
  shard.recent.push_front({.key = key, .bytes = std::move(bytes), .file = nullptr});
  shard.index[key] = shard.recent.begin();
  Shrink(shard);
}

BytesCache::Item* BytesCache::Touch(Shard& shard, const std::string& key) {
  const auto found = shard.index.find(key);
  if (found == shard.index.end()) return nullptr;
  shard.recent.splice(shard.recent.begin(), shard.recent, found->second);
  return &*found->second;
}

// Never the most recent, which somebody is looking at.
void BytesCache::Shrink(Shard& shard) const {
  while (shard.bytes > shard_budget_ && shard.recent.size() > 1) {
    Drop(shard, std::prev(shard.recent.end()));
  }
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
  shard.bytes -= item->size_bytes();
  shard.index.erase(item->key);
  shard.recent.erase(item);
}

}  // namespace reprise
