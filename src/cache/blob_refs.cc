#include "cache/blob_refs.h"

#include "base/log.h"

namespace reprise {

void BlobRefs::Reserve(std::size_t blobs) {
  std::lock_guard lock(mutex_);
  blobs_.reserve(blobs);
}

void BlobRefs::AddLoaded(const Digest& digest, std::uint64_t bytes) {
  std::lock_guard lock(mutex_);
  Count(digest, bytes);
}

// The mutex is held.
void BlobRefs::Count(const Digest& digest, std::uint64_t bytes) {
  Blob& blob = blobs_[digest];
  if (++blob.references > 1) return;
  blob.bytes = bytes;
  bytes_ += bytes;
}

Task<> BlobRefs::Acquire(Digest digest, std::uint64_t bytes) {
  while (true) {
    Event removal;
    {
      std::lock_guard lock(mutex_);
      const auto found = removing_.find(digest);
      if (found == removing_.end()) {
        Count(digest, bytes);
        co_return;
      }
      removal = found->second;
    }
    co_await removal->WaitUntil(After(std::chrono::seconds(60)));
  }
}

Task<> BlobRefs::Release(Digest digest, BlobStore& blobs) {
  Event removal;
  {
    std::lock_guard lock(mutex_);
    const auto found = blobs_.find(digest);
    if (found == blobs_.end() || --found->second.references > 0) co_return;
    bytes_ -= found->second.bytes;
    blobs_.erase(found);
    removal = BeginRemoval(digest);
  }
  const auto removed = co_await Remove(digest, std::move(removal), blobs);
  if (!removed)
    log::warn("blob {} could not be removed, a later start does it: {}", digest.Hex(),
              removed.error().message);
}

// The mutex is held. From here on, who wants to put the blob waits.
BlobRefs::Event BlobRefs::BeginRemoval(const Digest& digest) {
  return removing_[digest] = std::make_shared<AsyncValue<bool>>();
}

Task<Result<void>> BlobRefs::Remove(Digest digest, Event removal, BlobStore& blobs) {
  const auto removed = co_await blobs.Remove(digest);
  if (!removed) may_leak_ = true;
  {
    std::lock_guard lock(mutex_);
    removing_.erase(digest);
  }
  removal->Set(true);
  co_return removed;
}

Task<Result<std::size_t>> BlobRefs::RemoveUnreferenced(BlobStore& blobs,
                                                       const std::atomic<bool>& stop) {
  may_leak_ = false;
  std::vector<Digest> leaks;
  for (int first = 0; first < 256 && !stop; ++first) {
    const auto stored = co_await blobs.List(static_cast<std::uint8_t>(first));
    if (!stored) {
      may_leak_ = true;
      co_return std::unexpected(stored.error());
    }
    std::lock_guard lock(mutex_);
    for (const Digest& digest : *stored) {
      if (!blobs_.contains(digest)) leaks.push_back(digest);
    }
  }
  if (stop) co_return 0;
  if (leaks.size() > most_leaks_) {
    co_return Fail(Code::kConflict,
                   "there are " + std::to_string(leaks.size()) +
                       " files without an entry, more than a crash leaves: is the database older "
                       "than the files? None was removed; `reprise doctor --repair` does so");
  }
  const auto removed = co_await RemoveAll(std::move(leaks), blobs, stop);
  if (!removed) may_leak_ = true;
  co_return removed;
}

// What is being put has its reference already.
Task<Result<std::size_t>> BlobRefs::RemoveAll(std::vector<Digest> leaks, BlobStore& blobs,
                                              const std::atomic<bool>& stop) {
  std::size_t count = 0;
  for (const Digest& digest : leaks) {
    if (stop) break;
    Event removal;
    {
      std::lock_guard lock(mutex_);
      if (blobs_.contains(digest) || removing_.contains(digest)) continue;
      removal = BeginRemoval(digest);
    }
    const auto removed = co_await Remove(digest, std::move(removal), blobs);
    if (!removed) co_return std::unexpected(removed.error());
    ++count;
  }
  co_return count;
}

}  // namespace reprise
