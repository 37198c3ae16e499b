// Batches: many image requests as one job. In the background they outlive their caller, and this
// process: what was accepted is durable, every item's end is, and what had not ended goes on at the
// next start. Safe for any thread.
//
// An item is asked of the cache like any other request, so items that repeat or rephrase one
// another are generated once, and one whose image was stored before a crash is answered from the
// cache.
#pragma once

#include <asio/io_context.hpp>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/task.h"
#include "cache/image_cache.h"
#include "http/client.h"
#include "store/batch_store.h"
#include "work/active_batch.h"
#include "work/settings.h"
#include "work/webhook.h"

namespace reprise {

using ImageRequestPtr = std::shared_ptr<const ImageRequest>;

// What jobs need of the API they came through. Safe for any thread.
class BatchApi {
 public:
  struct ItemResult {
    bool done = false;  // else failed
    std::string text;   // see BatchItem::result
  };

  virtual ~BatchApi() = default;
  virtual Result<ImageRequest> ReadItem(const std::string& tenant,
                                        const std::string& request) const = 0;
  virtual ItemResult Describe(const Answer& answer) const = 0;
  // The state of a batch as JSON.
  virtual std::string WebhookBody(const Batch& batch) const = 0;
};

class Batches {
 public:
  struct Parts {
    std::unique_ptr<BatchStore> store;
    std::unique_ptr<BatchApi> api;
    std::function<Task<Answer>(ImageRequestPtr)> handle;  // ImageCache::Handle
    http::Client& client;                                 // for webhooks
    asio::io_context& context;
    const Clock& clock;
  };
  // The references outlive it, and it the tasks of `context`.
  Batches(Parts parts, BatchSettings settings);

  const BatchSettings& settings() const { return settings_; }

  // Goes on with what a former process left. Once, before the other methods.
  Result<void> Load();

  // All requests at once; answers in their order, when all have one.
  Task<std::vector<Answer>> HandleAll(std::vector<ImageRequestPtr> requests);

  struct Created {
    ActiveBatchPtr batch;
    bool again = false;  // it was there: the same request under the same idempotency key
  };
  // Accepts a batch for the background; durable when it returns. Its id and time are set here, its
  // items can be read. kOverloaded when too many items wait, kConflict when another request of the
  // tenant had its idempotency key.
  Task<Result<Created>> Create(Batch batch);

  // Nothing when the tenant has no such batch (any more).
  Task<Result<ActiveBatchPtr>> Find(std::string tenant, std::string id);
  Task<Result<std::vector<BatchSummary>>> List(std::string tenant, std::string before,
                                               std::size_t limit);

  // Items that have not begun never will; those under way are kept when they come.
  Task<> Cancel(ActiveBatchPtr batch);

  // Removes batches that ended long ago; called now and then.
  Task<Result<void>> Maintain();

  // Begins no more items, and wakes those who wait for changes.
  void Stop();
  bool stopped() const { return stopped_; }
  // After Stop: waits on the calling thread for the items under way. False: some still are.
  bool Drain(std::chrono::milliseconds patience);

 private:
  struct Join;
  class UnderWay;
  struct Turn {
    ActiveBatchPtr batch;
    std::vector<std::size_t> waiting;  // positions, the last one first
  };
  struct Line {
    std::string tenant;
    std::deque<Turn> turns;  // its batches with items that have not begun; never empty
  };

  // The batch that the same request started; no batch when none did.
  Task<Result<Created>> FindSame(std::string tenant, std::string key, std::string digest);
  Task<Result<ActiveBatchPtr>> Start(Batch batch);
  Task<> HandleInto(std::shared_ptr<Join> join, std::size_t position, ImageRequestPtr request);
  // kOverloaded when more than `queue` items would wait.
  Result<void> Register(const ActiveBatchPtr& batch, std::size_t queue);
  void Launch(const ActiveBatchPtr& batch);
  // Begins items while there are places: one of each tenant in turn, of its batches in turn.
  void CountWaiting(const std::string& tenant, std::ptrdiff_t more);
  void BeginItems();
  bool TakeTurn(ActiveBatchPtr& batch, std::size_t& position);
  void GivePlaceBack();
  ActiveBatchPtr FindActive(const std::string& id);
  Task<> RunItem(ActiveBatchPtr batch, std::size_t position);
  Task<std::optional<ItemEnd>> Ask(ActiveBatchPtr batch, std::size_t position);
  Task<Answer> HandlePatiently(ImageRequestPtr request);
  Task<> Record(ActiveBatchPtr batch, BatchUpdate update);
  void Finish(const ActiveBatchPtr& batch);
  Task<> Notify(Batch batch);
  // An empty text when it was delivered, or why not.
  Task<std::string> Deliver(WebhookDelivery delivery);

  Parts parts_;
  const BatchSettings settings_;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::map<std::string, ActiveBatchPtr> active_;   // by id
  std::list<Line> lines_;                          // in the order of their turns
  std::size_t waiting_ = 0;                        // those items
  std::map<std::string, std::size_t> waiting_of_;  // the same by tenant; none at 0
  std::size_t busy_ = 0;                           // places taken, of settings_.concurrency
  std::size_t under_way_ = 0;                      // items, until their end is durable
};

}  // namespace reprise
