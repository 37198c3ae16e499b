// Image bytes, addressed by their SHA-256. Safe for any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/result.h"
#include "base/task.h"
#include "base/worker_pool.h"
#include "store/files.h"
#include "store/sync_mode.h"

namespace reprise {

class BlobStore {
 public:
  virtual ~BlobStore() = default;

  // Durable when it returns: the bytes survive a crash. Equal bytes are kept once. kUnavailable
  // when they cannot be written (disk full, no permission), with the cause.
  virtual Task<Result<Digest>> Put(SharedBytes bytes) = 0;

  // Nothing when there is no such blob. kCorrupt when the bytes are not those that were put; the
  // blob has then been moved aside (quarantined) and later calls find nothing.
  virtual Task<Result<std::optional<SharedBytes>>> Get(const Digest& digest) = 0;

  // Whether there is such a blob, without reading it: a damaged one counts until it is read.
  virtual Task<Result<bool>> Has(const Digest& digest) = 0;

  // Removing what is not there is no error. The caller knows that nothing refers to it any more.
  virtual Task<Result<void>> Remove(const Digest& digest) = 0;

  // The blobs whose digest begins with this byte, in any order. One that is put or removed meanwhile
  // may be among them or not.
  virtual Task<Result<std::vector<Digest>>> List(std::uint8_t first_byte) = 0;

  // A cheap check that the store can be written to, for readiness probes.
  virtual Task<Result<void>> Probe() = 0;
};

struct FileBlobStoreOptions {
  SyncMode sync = SyncMode::kBehind;
  SyncErrors sync_errors;  // null: not counted
  // A blob's first read in this process is always verified; of later ones, one in so many.
  std::size_t verify_one_in = 16;
  // Blobs up to this size are verified at every read: hashing them costs less than reading them.
  std::size_t always_verify_bytes = 64 * 1024;
  Files* files = &SystemFiles();  // outlives the store
};

// One file per blob below `directory` (made if missing). Work runs on `pool`, which outlives it.
// kConflict when another store, here or in another process, has the directory open.
Result<std::unique_ptr<BlobStore>> OpenFileBlobStore(std::filesystem::path directory,
                                                     WorkerPool& pool,
                                                     FileBlobStoreOptions options = {});

}  // namespace reprise
