// Counts which entries' images refer to a blob, so that one is removed with its last reference, and
// never while another request is storing the same bytes; and how many bytes the blobs have, each
// counted once. Safe for any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/async_value.h"
#include "base/digest.h"
#include "base/task.h"
#include "store/blob_store.h"

namespace reprise {

class BlobRefs {
 public:
  // At start-up, for a reference that the store already holds.
  void AddLoaded(const Digest& digest, std::uint64_t bytes);

  // Before the bytes are put; waits for a removal of the same blob to end.
  Task<> Acquire(Digest digest, std::uint64_t bytes);

  // After the reference is gone from the store; removes the blob with the last one. A failed
  // removal is logged: the file stays until the store is next checked.
  Task<> Release(Digest digest, BlobStore& blobs);

  // Of all blobs that are referred to.
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct Blob {
    std::size_t references = 0;
    std::uint64_t bytes = 0;
  };
  void Count(const Digest& digest, std::uint64_t bytes);

  using Event = std::shared_ptr<AsyncValue<bool>>;

  std::mutex mutex_;
  std::unordered_map<Digest, Blob> blobs_;
  std::unordered_map<Digest, Event> removing_;
  std::atomic<std::uint64_t> bytes_ = 0;
};

}  // namespace reprise
