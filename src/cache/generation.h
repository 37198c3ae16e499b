// Has images made: asks the upstream, checks what comes back, stores it. Safe for any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/worker_pool.h"
#include "cache/evictor.h"
#include "cache/job.h"
#include "cache/library.h"
#include "cache/settings.h"
#include "cache/stats.h"
#include "upstream/image_generator.h"
#include "upstream/price.h"

namespace reprise {

struct Fresh {
  std::vector<FreshImage> images;
  std::string usage;
  EntryPtr entry;             // null: not stored
  std::string store_error;    // why it was not, when it should have been
  std::string upstream;       // who made them
  double image_cost_usd = 0;  // of each, on average
  std::int64_t created_ms = 0;
  std::int64_t generation_ms = 0;  // the longest call's
};
using FreshPtr = std::shared_ptr<const Fresh>;

enum class StorePolicy { kAdd, kReplace, kNone };

class Generation {
 public:
  struct Parts {
    ImageGenerator& upstream;
    Library& library;
    Evictor& evictor;
    CacheStats& stats;
    TenantStats& tenants;
    const PriceTable& prices;
    const CacheSettings& settings;
    WorkerPool& workers;
    const Clock& clock;
    std::string embedder;  // identity of the job's embeddings
  };
  explicit Generation(Parts parts) : parts_(std::move(parts)) {}

  // `count` images for the job, asking again for those that did not come or are none; fewer when
  // the upstream fails then. A failure to store is no failure: see Fresh::store_error. Nothing that
  // is not a whole image is stored or returned.
  Task<Result<FreshPtr>> Run(std::shared_ptr<const Job> job, int count, StorePolicy policy);

  // What one image of the request will probably cost: a route may have to choose another upstream.
  double ImageCost(const ImageRequest& request) const;
  // Requests that wait for a place at the upstream.
  std::size_t waiting() const;

 private:
  Task<Result<void>> AskUpstream(const Job& job, int count, Fresh& fresh);
  // One call, which adds an image at least.
  Task<Result<void>> Ask(const Job& job, int count, Deadline deadline, Fresh& fresh);
  Task<Result<void>> Keep(std::vector<GeneratedImage> images, Deadline deadline, Fresh& fresh);
  Task<Result<ImageInfo>> Check(const GeneratedImage& image, Deadline deadline);
  Task<> Store(const Job& job, StorePolicy policy, Fresh& fresh);
  Task<Result<EntryPtr>> PublishInRoom(Draft draft);
  Entry MakeEntry(const Job& job, const Fresh& fresh) const;
  std::int64_t Expiry(const ImageRequest& request, std::int64_t created_ms) const;

  Parts parts_;
};

}  // namespace reprise
