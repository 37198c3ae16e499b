#include "cache/blob_refs.h"

#include "base/log.h"

namespace reprise {

void BlobRefs::AddLoaded(const Digest& digest) {
  std::lock_guard lock(mutex_);
  ++counts_[digest];
}

Task<> BlobRefs::Acquire(Digest digest) {
  while (true) {
    Event removal;
    {
      std::lock_guard lock(mutex_);
      const auto found = removing_.find(digest);
      if (found == removing_.end()) {
        ++counts_[digest];
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
    const auto found = counts_.find(digest);
    if (found == counts_.end() || --found->second > 0) co_return;
    counts_.erase(found);
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
