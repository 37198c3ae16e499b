// Every entry in memory: what an exact hit is answered from. Safe for any thread; readers of
// different shards never meet, and nothing here waits for a disk.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/digest.h"
#include "cache/analyzed_prompts.h"
#include "prompt/prompt.h"
#include "store/entry_store.h"

namespace reprise {

// A hash of an image's id: what is found under it still has to be compared.
struct ImageKey {
  std::uint64_t low = 0, high = 0;
  bool operator==(const ImageKey&) const = default;
};

}  // namespace reprise

template <>
struct std::hash<reprise::ImageKey> {
  std::size_t operator()(const reprise::ImageKey& key) const noexcept { return key.low; }
};

namespace reprise {

// What outlives a replacement of the entry it belongs to.
struct EntryUsage {
  std::atomic<std::uint64_t> hits = 0;
  std::atomic<std::uint64_t> unflushed_hits = 0;
  std::atomic<std::int64_t> last_used_ms = 0;
  std::atomic<std::uint32_t> rotation = 0;  // where the next reply starts in the pool
  std::atomic<bool> indexed = false;        // the semantic tier has its vector
};

inline bool ExpiredAt(const StoredImage& image, std::int64_t now_ms) {
  return image.expires_ms != 0 && image.expires_ms <= now_ms;
}

// An entry as it was at some moment; never changes, so it may be read without locks. A change is a
// new object under the same id.
class CachedEntry {
 public:
  CachedEntry(Entry record, std::shared_ptr<EntryUsage> usage)
      : record_(std::move(record)), usage_(std::move(usage)) {}

  // As it comes from the store, with its use so far.
  static std::shared_ptr<const CachedEntry> FromStore(Entry&& record);

  const Entry& record() const { return record_; }
  EntryUsage& usage() const { return *usage_; }
  const std::shared_ptr<EntryUsage>& shared_usage() const { return usage_; }
  // Whether its last image has.
  bool ExpiredAt(std::int64_t now_ms) const {
    return record_.expires_ms != 0 && record_.expires_ms <= now_ms;
  }

 private:
  const Entry record_;
  const std::shared_ptr<EntryUsage> usage_;
};

using EntryPtr = std::shared_ptr<const CachedEntry>;

class EntryTable {
 public:
  EntryPtr Find(const Digest& fingerprint) const;  // null: a miss
  EntryPtr FindById(std::uint64_t id) const;

  struct ImageRef {
    EntryPtr entry;
    const StoredImage* image = nullptr;  // lives as long as `entry`
  };
  std::optional<ImageRef> FindImage(std::string_view image_id) const;

  // Makes room for so many, for start-up.
  void Reserve(std::size_t entries);

  // Inserts, or replaces the entry of the same id. One change at a time for each id.
  void Put(const EntryPtr& entry);
  // Gives what was removed, or null.
  EntryPtr Remove(std::uint64_t id);

  // The analysed prompt of an entry, which is kept for a while.
  std::shared_ptr<const Prompt> PromptOf(const CachedEntry& entry) const {
    return prompts_.Of(entry.record().id, entry.record().prompt);
  }

  std::vector<EntryPtr> All() const;
  std::size_t size() const { return size_.load(std::memory_order_relaxed); }

  // All entries in kParts parts, for who has to look at every one without keeping anybody waiting.
  static constexpr std::size_t kParts = 64;
  std::vector<EntryPtr> Part(std::size_t part) const;

 private:
  static ImageKey KeyOf(std::string_view image_id);

  template <class Key, class Value>
  struct Shard {
    mutable std::shared_mutex mutex;
    std::unordered_map<Key, Value> map;
  };
  static constexpr std::size_t kShards = kParts;
  template <class Key, class Value>
  using Sharded = std::array<Shard<Key, Value>, kShards>;

  void RemoveImages(const CachedEntry& entry, const CachedEntry* successor);

  Sharded<Digest, EntryPtr> by_fingerprint_;
  Sharded<std::uint64_t, EntryPtr> by_id_;
  Sharded<ImageKey, std::uint64_t> by_image_;
  mutable AnalyzedPrompts prompts_;
  std::atomic<std::size_t> size_ = 0;
};

}  // namespace reprise
