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

SharedBytes BytesCache::Get(const Digest& image, std::string_view form) {
  Shard& shard = ShardOf(image);
  std::lock_guard lock(shard.mutex);
  Item* const item = Touch(shard, image, form);
  if (!item) return nullptr;
  if (item->bytes) return item->bytes;
  const SharedBytes bytes = ShareBytes(std::string(item->file->view()));
  item->bytes = bytes;
  shard.bytes += bytes->size();
  Shrink(shard);
  return bytes;
}

bool BytesCache::Has(const Digest& image) {
  Shard& shard = ShardOf(image);
  std::lock_guard lock(shard.mutex);
  return Touch(shard, image, {}) != nullptr;
}

FileBytesPtr BytesCache::GetFile(const Digest& image, std::string_view form) {
  Shard& shard = ShardOf(image);
  std::lock_guard lock(shard.mutex);
  Item* const item = Touch(shard, image, form);
  if (!item || item->file) return item ? item->file : nullptr;
  if (!files_ || item->bytes->size() < kMinFile) return nullptr;
  item->file = files_->Copy(*item->bytes);
  if (item->file) item->bytes.reset();
  return item->file;
}

void BytesCache::Put(const Digest& image, std::string_view form, SharedBytes bytes) {
  if (bytes->size() > shard_budget_ / 4) return;
  Shard& shard = ShardOf(image);
  std::lock_guard lock(shard.mutex);
  Insert(shard,
         {.image = image, .form = std::string(form), .bytes = std::move(bytes), .file = nullptr});
  Shrink(shard);
}

void BytesCache::PutFile(const Digest& image, std::string_view form, std::string_view bytes) {
  if (!files_ || bytes.size() < kMinFile || bytes.size() > shard_budget_ / 4) return;
  FileBytesPtr file = files_->Copy(bytes);
  if (!file) return;
  Shard& shard = ShardOf(image);
  std::lock_guard lock(shard.mutex);
  Insert(shard,
         {.image = image, .form = std::string(form), .bytes = nullptr, .file = std::move(file)});
  Shrink(shard);
}

void BytesCache::Insert(Shard& shard, Item item) {
  const auto old = Find(shard, item.image, item.form);
  if (old != shard.recent.end()) Drop(shard, old);
  shard.bytes += item.size_bytes();
  shard.recent.push_front(std::move(item));
  shard.images[shard.recent.front().image].push_back(shard.recent.begin());
}

BytesCache::Items::iterator BytesCache::Find(Shard& shard, const Digest& image,
                                             std::string_view form) {
  const auto forms = shard.images.find(image);
  if (forms == shard.images.end()) return shard.recent.end();
  for (const auto item : forms->second) {
    if (item->form == form) return item;
  }
  return shard.recent.end();
}

BytesCache::Item* BytesCache::Touch(Shard& shard, const Digest& image, std::string_view form) {
  const auto found = Find(shard, image, form);
  if (found == shard.recent.end()) return nullptr;
  shard.recent.splice(shard.recent.begin(), shard.recent, found);
  return &*found;
}

// Never the most recent, which somebody is looking at.
void BytesCache::Shrink(Shard& shard) const {
  while (shard.bytes > shard_budget_ && shard.recent.size() > 1) {
    Drop(shard, std::prev(shard.recent.end()));
  }
}

void BytesCache::Remove(const Digest& image) {
  Shard& shard = ShardOf(image);
  std::lock_guard lock(shard.mutex);
  const auto forms = shard.images.find(image);
  if (forms == shard.images.end()) return;
  for (const auto item : forms->second) {
    shard.bytes -= item->size_bytes();
    shard.recent.erase(item);
  }
  shard.images.erase(forms);
}

std::size_t BytesCache::size_bytes() const {
  std::size_t bytes = 0;
  for (const Shard& shard : shards_) {
    std::lock_guard lock(shard.mutex);
    bytes += shard.bytes;
  }
  return bytes;
}

void BytesCache::Drop(Shard& shard, Items::iterator item) {
  shard.bytes -= item->size_bytes();
  const auto forms = shard.images.find(item->image);
  std::erase(forms->second, item);
  if (forms->second.empty()) shard.images.erase(forms);
  shard.recent.erase(item);
}

}  // namespace reprise
