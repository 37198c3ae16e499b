// What was learned from use: which pairs of prompts people say do not share a picture, which
// entries wait for an editor, and what comparisons of served and generated images said. Prompts and
// notes are kept for corrections only; observations hold no text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "base/task.h"
#include "store/batch_store.h"
#include "store/entry_history.h"
#include "store/entry_store.h"
#include "store/spending_store.h"

namespace reprise {

// A caller's word about a pair of prompts. There is one per pair, the latest.
struct Correction {
  std::uint64_t id = 0;  // given by the store, growing
  Digest pair;           // tenant and both texts as the verifier sees them, see PairKey
  std::string tenant;
  std::uint64_t entry = 0;   // it was about
  std::string entry_prompt;  // of that entry
  std::string prompt;
  bool same = false;
  std::string note;
  std::int64_t created_ms = 0;
};

enum class ObservationSource : std::uint8_t {
  kExplored = 0,  // generated instead of served
  kAudited = 1,   // served, and generated in the background
  kControl = 2,   // the entry's own prompt generated again: what "same" looks like
  kReported = 3,  // feedback
};

// One comparison of a stored image with another.
struct StoredObservation {
  std::uint64_t id = 0;  // given by the store, growing
  ObservationSource source = ObservationSource::kExplored;
  std::uint64_t pool = 0;      // partition and prompt class
  std::uint64_t decision = 0;  // of that pool
  std::uint64_t entry = 0;
  double similarity = 0;        // of the prompts
  std::optional<double> score;  // of the images, when they were measured
  std::optional<bool> same;     // when a judge or a person said so
  std::int64_t created_ms = 0;
};

// Safe for any thread.
class TrustStore {
 public:
  virtual ~TrustStore() = default;

  // Inserts or replaces the pair's correction; durable when it returns. Gives its id, a new one.
  virtual Task<Result<std::uint64_t>> PutCorrection(Correction correction) = 0;
  // Gives what was removed; nothing when the tenant has no such correction.
  virtual Task<Result<std::optional<Correction>>> RemoveCorrection(std::string tenant,
                                                                   std::uint64_t id) = 0;
  // Puts an entry into review or takes it out. Nothing happens for an entry that is not stored.
  virtual Task<Result<void>> SetReview(std::uint64_t entry, bool review, std::int64_t now_ms) = 0;
  virtual Task<Result<void>> PutObservation(StoredObservation observation) = 0;
  // Adds to what was spent on a day (days since the Unix epoch, UTC); durable when it returns.
  virtual Task<Result<void>> AddSpending(std::int64_t day, double usd) = 0;
  // Removes all but the newest observations.
  virtual Task<Result<void>> KeepObservations(std::size_t newest) = 0;

  // The tenant's corrections with ids below `before` (0: all), newest first.
  virtual Task<Result<std::vector<Correction>>> ListCorrections(std::string tenant,
                                                                std::uint64_t before,
                                                                std::size_t limit) = 0;

  // For start-up, on the calling thread.
  virtual Result<void> ForEachCorrection(const std::function<void(Correction&&)>& visit) const = 0;
  virtual Result<void> ForEachObservation(
      const std::function<void(const StoredObservation&)>& visit) const = 0;
  virtual Result<std::vector<std::uint64_t>> Reviews() const = 0;
  virtual Result<double> SpentOn(std::int64_t day) const = 0;
};

struct SqliteStores {
  std::unique_ptr<EntryStore> entries;
  std::unique_ptr<TrustStore> trust;
  std::unique_ptr<BatchStore> batches;
  std::unique_ptr<SpendingStore> spending;
  std::unique_ptr<EntryHistory> history;
  // Commits the writes that were accepted and resumes their tasks; later ones never run. For a
  // teardown, between ending the threads that write and destroying their tasks.
  std::function<void()> join;
};

// All stores in one file, with one writer; see OpenSqliteEntryStore. The file is closed with the
// last of them.
Result<SqliteStores> OpenSqliteStores(const std::filesystem::path& file,
                                      SqliteEntryStoreOptions options = {});

}  // namespace reprise
