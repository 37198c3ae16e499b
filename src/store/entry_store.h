// Entries: what was asked, what came back, and the prompt's vector. The store is what a restart
// finds; while running, the cache answers from memory and the store is only written.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "base/task.h"
#include "store/files.h"
#include "store/sync_mode.h"

namespace reprise {

struct StoredImage {
  std::string id;          // 32 hexadecimal digits, unique; what GET /images/{id} names
  Digest blob;             // its bytes, see BlobStore
  std::string media_type;  // "image/png"
  int width = 0, height = 0;
  std::uint64_t bytes = 0;
  std::string revised_prompt;  // what the upstream made of the prompt, if it said
  std::int64_t created_ms = 0;
  std::int64_t expires_ms = 0;  // 0: never
};

// One identity and the pool of images made for it.
struct Entry {
  std::uint64_t id = 0;  // given by the store, never reused
  std::string scope;     // tenant and namespace: a hard partition
  Digest fingerprint;    // unique: one entry per fingerprint
  Digest compatibility;  // semantic matches stay within scope and compatibility
  std::string prompt;    // exactly as asked
  std::string model;
  std::string bucket;         // resolution bucket
  int width = 0, height = 0;  // as asked; 0 x 0 for "auto"
  std::string params;         // canonical JSON of the remaining parameters
  std::string category;
  std::vector<std::string> tags;
  std::vector<StoredImage> images;  // oldest first, at least one
  std::int64_t created_ms = 0;
  std::int64_t expires_ms = 0;     // the last image's; 0: never
  double cost_usd = 0;             // what generating one image cost
  std::int64_t generation_ms = 0;  // how long it took
  std::uint64_t hits = 0;
  std::int64_t last_used_ms = 0;
};

// When the newest of its images was made.
inline std::int64_t NewestImage(const Entry& entry) {
  std::int64_t newest = 0;
  for (const StoredImage& image : entry.images) newest = std::max(newest, image.created_ms);
  return newest;
}

// The vector of an entry's prompt: binary16 bits, made by `embedder`; empty when embedding failed.
struct StoredVector {
  std::string embedder;
  std::vector<std::uint16_t> values;
};

struct EntryVector {
  std::uint64_t entry = 0;
  StoredVector vector;
};

struct EntryUse {
  std::uint64_t entry = 0;
  std::uint64_t hits = 0;  // to add
  std::int64_t last_used_ms = 0;
};

// Safe for any thread.
class EntryStore {
 public:
  virtual ~EntryStore() = default;

  // Inserts, or replaces the entry of the same fingerprint (which keeps its id), row and vector in
  // one transaction; durable when it returns. Gives the id. An empty vector leaves the one that is
  // stored. The blobs are stored before.
  // kInvalidArgument for an entry without images, kConflict for an image id that another entry has.
  virtual Task<Result<std::uint64_t>> Put(Entry entry, StoredVector vector) = 0;

  // Removing what is not there is no error.
  virtual Task<Result<void>> Remove(std::vector<std::uint64_t> ids) = 0;

  // Sets the vectors of entries, in one transaction; durable when it returns. Entries that are not
  // there (any more) are left out.
  virtual Task<Result<void>> PutVectors(std::vector<EntryVector> vectors) = 0;

  // Adds use counts gathered in memory.
  virtual Task<Result<void>> AddUse(std::vector<EntryUse> uses) = 0;

  // Visits every entry, in order of id, on the calling thread. For start-up.
  virtual Result<void> ForEach(const std::function<void(Entry&&, StoredVector&&)>& visit) const = 0;

  // A cheap check that the store answers, for readiness probes.
  virtual Task<Result<void>> Probe() = 0;
};

struct SqliteEntryStoreOptions {
  SyncMode sync = SyncMode::kBehind;  // of commits
  SyncErrors sync_errors;             // null: not counted
  std::size_t queue = 4096;           // writes that may wait or run at once; above it kOverloaded
  int busy_timeout_ms = 5000;         // how long to wait for another program's lock on the file
  Files* files = &SystemFiles();      // for what SQLite does not do itself; outlives the store
};

// SQLite in WAL mode, made if missing, schema versioned; a newer schema is refused with a message.
// One thread owns the write connection and commits in groups; the destructor commits what was
// accepted. `file`.lock is held while the store is open: a second store, here or in another
// process, is refused with kConflict.
Result<std::unique_ptr<EntryStore>> OpenSqliteEntryStore(const std::filesystem::path& file,
                                                         SqliteEntryStoreOptions options = {});

}  // namespace reprise
