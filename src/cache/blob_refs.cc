#include "cache/blob_refs.h"

#include "base/log.h"

namespace reprise {

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
    removal = std::make_shared<AsyncValue<bool>>();
    removing_[digest] = removal;
  }
  const auto removed = co_await blobs.Remove(digest);
  if (!removed) log::warn("blob {} stays on disk: {}", digest.Hex(), removed.error().message);
  {
    std::lock_guard lock(mutex_);
    removing_.erase(digest);
  }
  removal->Set(true);
}

}  // namespace reprise
