#include "cache/entry_table.h"

#include <algorithm>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace reprise {
namespace {

template <class Shards, class Key>
auto& ShardOf(Shards& shards, const Key& key) {
  // The table inside the shard uses the low bits of the same hash.
  return shards[(std::hash<Key>{}(key) >> 40) % shards.size()];
}

// Ids are sequential, and their hash is themselves.
template <class Shards>
auto& ShardOf(Shards& shards, const std::uint64_t& id) {
  return shards[id % shards.size()];
}

template <class Shards, class Key>
auto Lookup(const Shards& shards, const Key& key) {
  const auto& shard = ShardOf(shards, key);
  std::shared_lock lock(shard.mutex);
  const auto found = shard.map.find(key);
  return found == shard.map.end() ? typename decltype(shard.map)::mapped_type{} : found->second;
}

template <class Shards, class Key, class Value>
void Insert(Shards& shards, const Key& key, const Value& value) {
  auto& shard = ShardOf(shards, key);
  std::unique_lock lock(shard.mutex);
  shard.map.insert_or_assign(key, value);
}

template <class Shards, class Key>
void Erase(Shards& shards, const Key& key) {
  auto& shard = ShardOf(shards, key);
  std::unique_lock lock(shard.mutex);
  shard.map.erase(key);
}

bool HasImage(const CachedEntry& entry, const std::string& id) {
  const auto& images = entry.record().images;
  return std::any_of(images.begin(), images.end(),
                     [&](const auto& image) { return image.id == id; });
}

}  // namespace

std::shared_ptr<const CachedEntry> CachedEntry::FromStore(Entry&& record) {
  auto usage = std::make_shared<EntryUsage>();
  usage->hits = record.hits;
  usage->last_used_ms = record.last_used_ms;
  return std::make_shared<const CachedEntry>(std::move(record), std::move(usage));
}

ImageKey EntryTable::KeyOf(std::string_view image_id) {
  const XXH128_hash_t hash = XXH3_128bits(image_id.data(), image_id.size());
  return {hash.low64, hash.high64};
}

EntryPtr EntryTable::Find(const Digest& fingerprint) const {
  return Lookup(by_fingerprint_, fingerprint);
}

EntryPtr EntryTable::FindById(std::uint64_t id) const {
  return Lookup(by_id_, id);
}

std::optional<EntryTable::ImageRef> EntryTable::FindImage(std::string_view image_id) const {
  EntryPtr entry = FindById(Lookup(by_image_, KeyOf(image_id)));
  if (!entry) return std::nullopt;
  for (const StoredImage& image : entry->record().images) {
    if (image.id == image_id) return ImageRef{entry, &image};
  }
  return std::nullopt;
}

void EntryTable::Reserve(std::size_t entries) {
  // Hashes are not spread quite evenly.
  const std::size_t each = entries / kShards + entries / kShards / 8;
  const auto reserve = [each](auto& shards) {
    for (auto& shard : shards) {
      std::unique_lock lock(shard.mutex);
      shard.map.reserve(each);
    }
  };
  reserve(by_fingerprint_);
  reserve(by_id_);
  reserve(by_image_);
}

void EntryTable::Put(const EntryPtr& entry) {
  const Entry& record = entry->record();
  const EntryPtr old = FindById(record.id);
  Insert(by_id_, record.id, entry);
  Insert(by_fingerprint_, record.fingerprint, entry);
  for (const StoredImage& image : record.images) Insert(by_image_, KeyOf(image.id), record.id);
  if (old) {
    RemoveImages(*old, entry.get());
  } else {
    ++size_;
  }
}

EntryPtr EntryTable::Remove(std::uint64_t id) {
  EntryPtr entry = FindById(id);
  if (!entry) return nullptr;
  Erase(by_fingerprint_, entry->record().fingerprint);
  Erase(by_id_, id);
  --size_;
  RemoveImages(*entry, nullptr);
  return entry;
}

void EntryTable::RemoveImages(const CachedEntry& entry, const CachedEntry* successor) {
  for (const StoredImage& image : entry.record().images) {
    if (!successor || !HasImage(*successor, image.id)) Erase(by_image_, KeyOf(image.id));
  }
}

std::vector<EntryPtr> EntryTable::All() const {
  std::vector<EntryPtr> all;
  for (const auto& shard : by_id_) {
    std::shared_lock lock(shard.mutex);
    for (const auto& [id, entry] : shard.map) all.push_back(entry);
  }
  return all;
}

std::vector<EntryPtr> EntryTable::Part(std::size_t part) const {
  std::vector<EntryPtr> entries;
  const auto& shard = by_id_[part];
  std::shared_lock lock(shard.mutex);
  entries.reserve(shard.map.size());
  for (const auto& [id, entry] : shard.map) entries.push_back(entry);
  return entries;
}

}  // namespace reprise
