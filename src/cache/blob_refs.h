// Counts which entries' images refer to a blob, so that one is removed with its last reference, and
// never while another request is storing the same bytes. Safe for any thread.
#pragma once

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
  void AddLoaded(const Digest& digest);

  // Before the bytes are put; waits for a removal of the same blob to end.
  Task<> Acquire(Digest digest);

  // After the reference is gone from the store; removes the blob with the last one. A failed
  // removal is logged: the file stays until the store is next checked.
  Task<> Release(Digest digest, BlobStore& blobs);

 private:
  using Event = std::shared_ptr<AsyncValue<bool>>;

  std::mutex mutex_;
  std::unordered_map<Digest, std::size_t> counts_;
  std::unordered_map<Digest, Event> removing_;
};

}  // namespace reprise
