// The stored images: memory, rows, vectors and blobs kept in step. A write goes blob, then row with
// vector, then memory; a removal goes the other way, so nothing ever points at bytes that are not
// there. Safe for any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "base/async_semaphore.h"
#include "base/clock.h"
#include "base/worker_pool.h"
#include "cache/blob_refs.h"
#include "cache/bytes_cache.h"
#include "cache/entry_table.h"
#include "cache/semantic_tier.h"
#include "cache/snapshot_loader.h"
#include "cache/vector_backlog.h"
#include "store/blob_store.h"
#include "store/entry_store.h"

namespace reprise {

struct FreshImage {
  StoredImage image;
  SharedBytes bytes;
};

// What Publish adds. `entry` has everything but id, images, expiry and use.
struct Draft {
  Entry entry;
  StoredVector vector;
  std::vector<FreshImage> images;
  bool joins = false;           // an entry that is there: kConflict if it has gone meanwhile
  bool replace = false;         // drop the images there are; those that have expired go anyway
  std::size_t pool_limit = 10;  // at most so many images stay, the newest
};

class Library {
 public:
  // All but the budget outlive the library.
  struct Parts {
    EntryStore& entries;
    BlobStore& blobs;
    SemanticTier& semantic;
    VectorBacklog& backlog;  // gets the entries that are stored without a vector
    std::string embedder;    // the identity of the present one
    EntryTable& table;
    WorkerPool& workers;
    const Clock& clock;
    std::size_t hot_bytes = 256u << 20;
  };
  explicit Library(Parts parts);

  // Takes every entry of `source` into memory; those that have expired are removed, and those
  // without a vector of the present embedder go to the backlog. Once, before the other methods.
  // `source` visits as LoadEntries does.
  using EntrySource = std::function<Result<void>(const LoadTarget&)>;
  Task<Result<void>> Load(EntrySource source);

  // Builds the graphs of what Load has read, bit by bit on the workers; until then, searches scan.
  // Ends early when `stop` is set.
  Task<> SettleIndexes(const std::atomic<bool>& stop);

  // Stores the images and makes them visible; gives the entry as it is then. On an error nothing is
  // visible that was not before.
  Task<Result<EntryPtr>> Publish(Draft draft);

  // Stores the vectors of entries, made by the present embedder, and has them found by meaning from
  // then on; gives those that no index takes, as their vectors have another size. One whose index
  // was too busy is not given and not found: its entry stays in the backlog.
  Task<Result<std::set<std::uint64_t>>> SetVectors(std::vector<EntryVector> vectors);

  // A stored image's bytes, from memory or the blob store. kCorrupt or kNotFound: the caller should
  // Drop the image.
  Task<Result<SharedBytes>> Bytes(StoredImage image);

  // The same without the bytes, for who is given a link: kNotFound when the image is gone.
  Task<Result<void>> Check(StoredImage image);

  // Removes one image, and its entry with the last one.
  Task<> Drop(std::uint64_t entry, std::string image_id);

  // Removes those of the entries that are still there and, looked at under their lock, `wanted`;
  // gives their ids. Each leaves the index and memory, then its row goes, then its blobs. After an
  // error the rest is still stored and served, and the message says how many are gone.
  Task<Result<std::set<std::uint64_t>>> RemoveEntries(std::vector<std::uint64_t> ids,
                                                      std::function<bool(const Entry&)> wanted);

  // Removes images that have expired, and entries with their last one; gives how many images.
  Task<Result<std::size_t>> Sweep();

  // Counts a use in memory, and writes what has been counted to the store.
  void CountUse(EntryPtr entry);
  Task<Result<void>> FlushUse();

  // Removes blobs that no entry refers to, which a crash or a failed removal leaves behind; see
  // BlobRefs.
  bool may_leak() const { return refs_.may_leak(); }
  Task<Result<std::size_t>> RemoveLeaks(const std::atomic<bool>& stop) {
    return refs_.RemoveUnreferenced(parts_.blobs, stop);
  }

  BytesCache& hot() { return hot_; }
  const BytesCache& hot() const { return hot_; }
  // Keeps a form of the image's bytes there as long as the image is stored.
  void Keep(const StoredImage& image, std::string_view form, SharedBytes bytes);

  bool Has(const Digest& fingerprint) const { return parts_.table.Find(fingerprint) != nullptr; }

  // Of all stored images, as their rows say; equal images are stored, and counted, once.
  std::uint64_t image_bytes() const { return refs_.bytes(); }

 private:
  using Lock = AsyncSemaphore::Permit;
  std::size_t LockOf(const Digest& fingerprint) const {
    return fingerprint.bytes[1] % locks_.size();
  }
  Task<Result<Lock>> LockFor(Digest fingerprint);
  Task<Result<EntryPtr>> PublishLocked(Draft draft);
  Task<Result<void>> PutBlobs(const std::vector<FreshImage>& images);
  Task<> ReleaseBlobs(std::vector<StoredImage> images);
  // The caller of the next two holds the entry's lock. After an error the images are still known,
  // so that a later attempt finds them.
  Task<Result<std::size_t>> RemoveImages(EntryPtr entry,
                                         std::function<bool(const StoredImage&)> unwanted);
  Task<Result<void>> Remove(std::vector<EntryPtr> entries);
  Task<> RemoveFromIndexes(std::vector<EntryPtr> entries);
  // Entries that share a lock, a transaction's worth.
  std::vector<std::vector<EntryPtr>> Batches(const std::vector<std::uint64_t>& ids) const;
  Task<Result<std::vector<std::uint64_t>>> RemoveBatch(std::vector<EntryPtr> batch,
                                                       std::function<bool(const Entry&)> wanted);
  void TakeIn(const EntryPtr& entry, const StoredVector& vector, std::int64_t now_ms);
  bool LoadVector(const CachedEntry& entry, const StoredVector& vector);
  // Adding to a large partition takes milliseconds.
  bool Index(const EntryPtr& entry, const StoredVector& vector);
  Task<bool> IndexWhereItFits(EntryPtr entry, StoredVector vector);
  void WatchExpiry(const Entry& record);
  Task<> ForgetStaleDues();
  std::set<std::uint64_t> TakeDue(std::int64_t now_ms);
  Task<Result<std::size_t>> RemoveExpired(std::uint64_t id, std::int64_t now_ms);
  Task<bool> IndexIfStored(EntryVector vector);

  Parts parts_;
  BytesCache hot_;
  BlobRefs refs_;
  // One change at a time per fingerprint (by its hash).
  std::array<std::unique_ptr<AsyncSemaphore>, 64> locks_;
  // When an entry's next image expires. An entry may be here more than once, and a removed one
  // still, until Sweep finds that there are too many of those.
  struct Due {
    std::int64_t at_ms;
    std::uint64_t entry;
    auto operator<=>(const Due&) const = default;
  };
  std::mutex due_mutex_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;  // the earliest on top
  std::mutex used_mutex_;
  std::vector<EntryPtr> used_;
};

}  // namespace reprise
