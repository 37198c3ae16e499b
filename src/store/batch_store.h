// Batches of image requests that go on without their caller, as a restart finds them: what was
// asked, how far each item is, and what is owed to a webhook. What an item asks for and what came
// of it are JSON texts that only the API they came through understands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "store/entry_store.h"

namespace reprise {

enum class ItemStatus : std::uint8_t { kWaiting = 0, kDone = 1, kFailed = 2, kCancelled = 3 };

struct BatchItem {
  std::string name;     // unique within its batch
  std::string request;  // emptied when the item has ended
  ItemStatus status = ItemStatus::kWaiting;
  std::string result;        // what came of it; empty while it waits
  std::uint64_t change = 0;  // the items of a batch end in this order: 1, 2, ...; 0: not ended
};

enum class WebhookStatus : std::uint8_t { kNone = 0, kOwed = 1, kDelivered = 2, kFailed = 3 };

struct BatchWebhook {
  std::string url;
  std::string secret;
  WebhookStatus status = WebhookStatus::kNone;
  int attempts = 0;
  std::string error;  // of the last attempt; empty after a success
};

struct Batch {
  std::string id;  // unique
  std::string tenant;
  std::string url_base;  // what links in the webhook's body begin with
  // The caller's name for the request that started it, unique among the tenant's; empty: none.
  std::string idempotency_key = {};
  std::string body_digest = {};  // what that request was, in hexadecimal
  bool cancelled = false;
  std::int64_t created_ms = 0;
  std::int64_t ended_ms = 0;  // 0: items wait
  BatchWebhook webhook;
  std::vector<BatchItem> items;  // in the caller's order, at least one
};

struct BatchCounts {
  std::size_t waiting = 0, done = 0, failed = 0, cancelled = 0;
  std::size_t total() const { return waiting + done + failed + cancelled; }
};

// A batch in a list.
struct BatchSummary {
  std::string id;
  bool cancelled = false;
  std::int64_t created_ms = 0;
  std::int64_t ended_ms = 0;
  BatchCounts counts;
};

// The end of one item.
struct ItemEnd {
  std::size_t position = 0;  // among the batch's items
  ItemStatus status = ItemStatus::kDone;
  std::string result;
};

struct BatchUpdate {
  std::string batch;
  std::vector<ItemEnd> ends;  // of items that wait
  bool cancel = false;        // marks the batch as cancelled
  std::int64_t now_ms = 0;
};

// What an update came to.
struct BatchProgress {
  std::uint64_t first_change = 0;  // of the update's ends, which follow one another
  std::int64_t ended_ms = 0;       // not 0: no item waits any more
};

// Safe for any thread. What changes something is durable when it returns.
class BatchStore {
 public:
  virtual ~BatchStore() = default;

  // kConflict when its tenant has a batch under its idempotency key.
  virtual Task<Result<void>> Create(Batch batch) = 0;
  // All of it or nothing. kNotFound for a batch that is not there, kConflict for an item that does
  // not wait.
  virtual Task<Result<BatchProgress>> Update(BatchUpdate update) = 0;
  virtual Task<Result<void>> SetWebhook(std::string batch, WebhookStatus status, int attempts,
                                        std::string error) = 0;
  // Removes what ended before that time and owes nothing to a webhook; gives how many.
  virtual Task<Result<std::size_t>> RemoveEnded(std::int64_t before_ms) = 0;

  // Nothing when the tenant has no such batch.
  virtual Task<Result<std::optional<Batch>>> Find(std::string tenant, std::string id) = 0;
  // The id of the tenant's batch under that idempotency key; nothing when there is none.
  virtual Task<Result<std::optional<std::string>>> FindByKey(std::string tenant,
                                                             std::string key) = 0;
  // The tenant's batches older than the batch `before` (empty: all), newest first.
  virtual Task<Result<std::vector<BatchSummary>>> List(std::string tenant, std::string before,
                                                       std::size_t limit) = 0;

  // Visits the batches with items that wait or a webhook that is owed, oldest first, on the calling
  // thread. For start-up.
  virtual Result<void> ForEachOpen(const std::function<void(Batch&&)>& visit) const = 0;
};

}  // namespace reprise
