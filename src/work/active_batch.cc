#include "work/active_batch.h"

#include <algorithm>

namespace reprise {

BatchCounts CountItems(const Batch& batch) {
  const auto count = [&](ItemStatus status) {
    return static_cast<std::size_t>(
        std::ranges::count(batch.items, status, [](const BatchItem& item) { return item.status; }));
  };
  return {.waiting = count(ItemStatus::kWaiting),
          .done = count(ItemStatus::kDone),
          .failed = count(ItemStatus::kFailed),
          .cancelled = count(ItemStatus::kCancelled)};
}

ActiveBatch::ActiveBatch(Batch batch)
    : id_(batch.id),
      tenant_(batch.tenant),
      body_digest_(batch.body_digest),
      batch_(std::move(batch)),
      begun_(batch_.items.size()),
      by_change_(batch_.items.size()),
      ended_ms_(batch_.ended_ms) {
  for (std::size_t i = 0; i < batch_.items.size(); ++i) {
    const std::uint64_t change = batch_.items[i].change;
    if (change == 0 || change > by_change_.size()) continue;
    begun_[i] = true;
    by_change_[change - 1] = i;
    ++shown_;
  }
}

Batch ActiveBatch::Snapshot() const {
  std::lock_guard lock(mutex_);
  Batch copy = batch_;
  for (BatchItem& item : copy.items) item.request.clear();
  return copy;
}

std::optional<std::string> ActiveBatch::Begin(std::size_t position) {
  std::lock_guard lock(mutex_);
  if (begun_.at(position)) return std::nullopt;
  begun_[position] = true;
  return std::move(batch_.items[position].request);
}

std::vector<ItemEnd> ActiveBatch::CancelWaiting() {
  std::lock_guard lock(mutex_);
  std::vector<ItemEnd> ends;
  for (std::size_t i = 0; i < begun_.size(); ++i) {
    if (begun_[i]) continue;
    begun_[i] = true;
    ends.push_back({.position = i, .status = ItemStatus::kCancelled, .result = ""});
  }
  return ends;
}

bool ActiveBatch::Apply(const BatchUpdate& update, const BatchProgress& progress) {
  std::shared_ptr<AsyncValue<bool>> waiting;
  bool ends = false;
  {
    std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < update.ends.size(); ++i) {
      Show(update.ends[i], progress.first_change + i);
    }
    if (update.cancel) batch_.cancelled = true;
    if (progress.ended_ms != 0) ended_ms_ = progress.ended_ms;
    // Updates may be applied in another order than they were committed in.
    if (batch_.ended_ms == 0 && ended_ms_ != 0 && shown_ == by_change_.size()) {
      batch_.ended_ms = ended_ms_;
      ends = true;
    }
    waiting = std::exchange(next_, std::make_shared<AsyncValue<bool>>());
  }
  waiting->Set(true);
  return ends;
}

void ActiveBatch::Show(const ItemEnd& end, std::uint64_t change) {
  BatchItem& item = batch_.items.at(end.position);
  item.status = end.status;
  item.result = end.result;
  item.change = change;
  item.request.clear();
  by_change_.at(change - 1) = end.position;
  ++shown_;
}

ActiveBatch::Changes ActiveBatch::After(std::uint64_t change) const {
  std::lock_guard lock(mutex_);
  Changes changes{.items = {}, .ended_ms = batch_.ended_ms, .next = next_};
  for (std::size_t i = change; i < by_change_.size() && by_change_[i]; ++i) {
    changes.items.push_back(batch_.items[*by_change_[i]]);
  }
  return changes;
}

void ActiveBatch::Wake() {
  std::shared_ptr<AsyncValue<bool>> waiting;
  {
    std::lock_guard lock(mutex_);
    waiting = std::exchange(next_, std::make_shared<AsyncValue<bool>>());
  }
  waiting->Set(true);
}

}  // namespace reprise
