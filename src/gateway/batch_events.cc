#include "gateway/batch_events.h"

#include "gateway/batch_json.h"

namespace reprise {

BatchEvents::BatchEvents(const Batches& batches, ActiveBatchPtr batch, Options options)
    : batches_(batches),
      batch_(std::move(batch)),
      options_(std::move(options)),
      total_(batch_->Snapshot().items.size()),
      last_(options_.after) {}

Task<Result<std::optional<std::string>>> BatchEvents::Next() {
  if (ended_) co_return std::nullopt;
  if (!std::exchange(begun_, true)) co_return "retry: 1000\n\n";  // sends the head, too
  for (;;) {
    const auto changes = batch_->After(last_);
    std::string events = Describe(changes);
    if (!events.empty()) co_return events;
    if (batches_.stopped()) co_return std::nullopt;
    const auto changed = co_await changes.next->WaitUntil(After(options_.keep_alive));
    if (!changed) co_return ": keep-alive\n\n";
  }
}

std::string BatchEvents::Describe(const ActiveBatch::Changes& changes) {
  std::string events;
  for (const BatchItem& item : changes.items) {
    events += WriteItemEvent(item, total_, options_.links);
    last_ = item.change;
  }
  if (changes.ended_ms != 0 && last_ >= total_) {
    events += WriteEndEvent(batch_->Snapshot());
    ended_ = true;
  }
  return events;
}

}  // namespace reprise
