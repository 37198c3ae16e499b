// Counts which entries' images refer to a blob, so that one is removed with its last reference, and
// never while another request is storing the same bytes; and how many bytes the blobs have, each
// counted once. Safe for any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/async_value.h"
#include "base/digest.h"
#include "base/task.h"
#include "store/blob_store.h"

namespace reprise {

class BlobRefs {
 public:
  // A crash leaves what was being stored or removed. An older database that was put back knows
  // nothing of what is newer than it, and that is not ours to remove.
  explicit BlobRefs(std::size_t most_leaks = 5000) : most_leaks_(most_leaks) {}

  // Makes room for so many blobs.
  void Reserve(std::size_t blobs);
  // At start-up, for a reference that the store already holds.
  void AddLoaded(const Digest& digest, std::uint64_t bytes);

  // Before the bytes are put; waits for a removal of the same blob to end.
  Task<> Acquire(Digest digest, std::uint64_t bytes);

  // After the reference is gone from the store; removes the blob with the last one. A failed
  // removal is logged, and the blob is left to RemoveUnreferenced.
  Task<> Release(Digest digest, BlobStore& blobs);

  // Whether there may be blobs that nothing refers to: a crash between two steps leaves some, so it
  // is true at first, and so does a failed removal.
  bool may_leak() const { return may_leak_; }

  // Removes those, once every stored reference has been added; gives how many. Ends early when
  // `stop` is set. After an error some may be left, and `may_leak` says so. kConflict when there
  // are more than `most_leaks`: none is removed then, nor looked for again.
  Task<Result<std::size_t>> RemoveUnreferenced(BlobStore& blobs, const std::atomic<bool>& stop);

  // Of all blobs that are referred to.
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct Blob {
    std::size_t references = 0;
    std::uint64_t bytes = 0;
  };
  void Count(const Digest& digest, std::uint64_t bytes);

  using Event = std::shared_ptr<AsyncValue<bool>>;
  Event BeginRemoval(const Digest& digest);
  Task<Result<void>> Remove(Digest digest, Event removal, BlobStore& blobs);
  Task<Result<std::size_t>> RemoveAll(std::vector<Digest> leaks, BlobStore& blobs,
                                      const std::atomic<bool>& stop);

  const std::size_t most_leaks_;
  std::atomic<bool> may_leak_ = true;
  std::mutex mutex_;
  std::unordered_map<Digest, Blob> blobs_;
  std::unordered_map<Digest, Event> removing_;
  std::atomic<std::uint64_t> bytes_ = 0;
};

}  // namespace reprise
