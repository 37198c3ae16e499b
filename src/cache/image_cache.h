// The heart: answers image requests from what is stored, joins what is being made, and has the rest
// generated once. Safe for any thread; every method that waits is a task with a deadline.
//
// A fault in embedding, index, store or verification degrades to the next step and ends at the
// upstream: the cache never fails a request that the upstream would have answered.
#pragma once

#include <asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/worker_pool.h"
#include "cache/decision.h"
#include "cache/purge.h"
#include "cache/reply.h"
#include "cache/request.h"
#include "cache/settings.h"
#include "cache/snapshot_keeper.h"
#include "cache/trust.h"
#include "embed/embedder.h"
#include "prompt/verifier.h"
#include "store/blob_store.h"
#include "store/entry_history.h"
#include "store/entry_store.h"
#include "store/trust_store.h"
#include "upstream/budget.h"
#include "upstream/image_generator.h"
#include "upstream/price.h"

namespace reprise {

// The decision is there for errors too.
struct Answer {
  Result<Reply> reply;
  Decision decision;
};

struct ImageCacheParts {
  std::unique_ptr<EntryStore> entries;
  std::unique_ptr<EntryHistory> history;
  SnapshotSettings snapshots;
  std::unique_ptr<BlobStore> blobs;
  std::unique_ptr<Embedder> embedder;
  std::unique_ptr<Verifier> verifier;
  std::unique_ptr<Budget> budget;  // null: none; the upstream may refer to it
  std::unique_ptr<ImageGenerator> upstream;
  PriceTable prices;
  std::unique_ptr<TrustStore> trust;
  std::unique_ptr<ImageJudge> judge;  // null: audits measure images
  std::function<double()> random;     // see Trust::Parts
  // Files that no entry refers to are removed after a start: false where they may be another's.
  bool removes_leaks = true;
  // Bytes that are free on the disk of the two stores; none: nobody minds.
  std::function<Result<std::uint64_t>()> free_disk;
  SyncErrors sync_errors;  // of the two stores; null: not counted
};

class ImageCache {
 public:
  // `context` runs its own tasks, `workers` its image work; all three references outlive it.
  ImageCache(ImageCacheParts parts, CacheSettings settings, asio::io_context& context,
             WorkerPool& workers, const Clock& clock);
  ~ImageCache();

  // Reads what is stored. Once, before the other methods.
  Task<Result<void>> Load();

  Task<Answer> Handle(std::shared_ptr<const ImageRequest> request);

  // The image a URL names, of that tenant or, when none is named, of any. kNotFound when there is
  // none (any more).
  Task<Result<ServedImage>> Image(std::string name, std::optional<std::string> tenant);

  // Bytes in memory, of what is stored; forms of it that callers keep there go with their image.
  BytesCache& hot();

  // Removals on request.
  Purge& purge();

  // Writes use counts, removes what has expired or is over the limits, and embeds stored prompts
  // that have no vector of the present embedder, the latter in the background; called now and then.
  Task<Result<void>> Maintain();

  // Begins no more work of its own accord. See tasks_under_way.
  void Stop();

  // Whether the parts a request needs can do their work.
  Task<Result<void>> Ready();

  // Corrections by people; see Trust.
  Trust& trust();

  nlohmann::json Stats() const;
  // What concerns one tenant.
  nlohmann::json StatsOf(const std::string& tenant) const;

  // Generations under way, some of them perhaps with nobody waiting any more, and audits.
  std::size_t generations_under_way() const;

  // Tasks of its own that have not ended, generations among them: at 0, and with no request under
  // way, the cache may be destroyed while its context runs on.
  std::size_t tasks_under_way() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reprise
