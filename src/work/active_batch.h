// A batch in memory: which items have begun, which have ended, and who waits for the next end.
// Mirrors the store: an end shows here after it is durable. Safe for any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/async_value.h"
#include "store/batch_store.h"

namespace reprise {

BatchCounts CountItems(const Batch& batch);

class ActiveBatch {
 public:
  explicit ActiveBatch(Batch batch);

  const std::string& id() const { return id_; }
  const std::string& tenant() const { return tenant_; }

  const std::string& body_digest() const { return body_digest_; }  // see Batch

  // Without the items' requests.
  Batch Snapshot() const;

  // The request of an item that waits, which has begun from now on; nothing for any other.
  std::optional<std::string> Begin(std::size_t position);
  // Ends for the items that have not begun; none of them will begin.
  std::vector<ItemEnd> CancelWaiting();

  // The update is durable. True for the one that ends the batch.
  bool Apply(const BatchUpdate& update, const BatchProgress& progress);

  // The items that ended after change number `change`, in that order, without gaps.
  struct Changes {
    std::vector<BatchItem> items;
    std::int64_t ended_ms = 0;               // not 0: there will be no more
    std::shared_ptr<AsyncValue<bool>> next;  // set when there is more
  };
  Changes After(std::uint64_t change) const;

  // Wakes those who wait for a change, though there is none.
  void Wake();

 private:
  void Show(const ItemEnd& end, std::uint64_t change);

  const std::string id_, tenant_, body_digest_;
  mutable std::mutex mutex_;
  Batch batch_;
  std::vector<bool> begun_;
  std::vector<std::optional<std::size_t>> by_change_;  // positions; change 1 first
  std::size_t shown_ = 0;                              // ends that have been applied
  std::int64_t ended_ms_ = 0;                          // known when not all ends are shown yet
  std::shared_ptr<AsyncValue<bool>> next_ = std::make_shared<AsyncValue<bool>>();
};

using ActiveBatchPtr = std::shared_ptr<ActiveBatch>;

}  // namespace reprise
