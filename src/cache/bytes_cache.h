// Bytes of images kept in memory up to a budget, least recently used out first: as stored, and what
// was made of them for delivery. What goes out as it is, and is not small, is kept as a file that
// the kernel sends without a copy. Safe for any thread.
#pragma once

#include <array>
#include <cstddef>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/file_memory.h"

namespace reprise {

class BytesCache {
 public:
  // Smaller ones are copied in less time than a call of sendfile takes.
  static constexpr std::size_t kMinFile = 16u << 10;

  explicit BytesCache(std::size_t budget_bytes);

  // One form of the image whose stored bytes have the digest `image`; the form "" are these bytes.
  // Null: a miss.
  SharedBytes Get(const Digest& image, std::string_view form = {});
  // Whether it is there as stored.
  bool Has(const Digest& image);
  // The same bytes, to be sent as they are; null: a miss, or use Get. From then on they are kept
  // like this, and in the other way too when that is asked for again.
  FileBytesPtr GetFile(const Digest& image, std::string_view form = {});
  // Keeps nothing that is larger than a quarter of a shard's budget.
  void Put(const Digest& image, std::string_view form, SharedBytes bytes);
  // The same for GetFile; keeps nothing that would be no file.
  void PutFile(const Digest& image, std::string_view form, std::string_view bytes);
  // All forms of it.
  void Remove(const Digest& image);
  std::size_t size_bytes() const;

 private:
  struct Item {
    Digest image;
    std::string form;
    SharedBytes bytes;  // null: only `file` has them
    FileBytesPtr file;
    std::size_t size_bytes() const {
      return (bytes ? bytes->size() : 0) + (file ? file->size() : 0);
    }
  };
  using Items = std::list<Item>;
  struct Shard {
    mutable std::mutex mutex;
    Items recent;  // most recently used first
    std::unordered_map<Digest, std::vector<Items::iterator>> images;
    std::size_t bytes = 0;
  };
  static constexpr std::size_t kShards = 8;

  Shard& ShardOf(const Digest& image) { return shards_[std::hash<Digest>{}(image) % kShards]; }
  static void Insert(Shard& shard, Item item);
  static void Drop(Shard& shard, Items::iterator item);
  static Items::iterator Find(Shard& shard, const Digest& image, std::string_view form);
  // Makes the shard's item the most recent; null: there is none.
  static Item* Touch(Shard& shard, const Digest& image, std::string_view form);
  void Shrink(Shard& shard) const;

  const std::shared_ptr<FileMemory> files_;  // null: the system has none
  const std::size_t shard_budget_;
  std::array<Shard, kShards> shards_;
};

}  // namespace reprise
