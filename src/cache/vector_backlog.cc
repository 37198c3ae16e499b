#include "cache/vector_backlog.h"

#include <algorithm>

namespace reprise {
namespace {

// Entries that are done with and may still be queued, beside as many as are open.
constexpr std::size_t kStale = 1000;

}  // namespace

void VectorBacklog::Push(std::uint64_t entry) {
  std::lock_guard lock(mutex_);
  if (!open_.insert(entry).second) return;
  if (queue_.size() > kStale + 2 * open_.size()) {
    std::erase_if(queue_, [this](std::uint64_t queued) { return !open_.contains(queued); });
  }
  queue_.push_back(entry);
  ++progress_.total;
}

std::vector<std::uint64_t> VectorBacklog::Take(std::size_t count) {
  std::lock_guard lock(mutex_);
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(std::min(count, queue_.size()));
  std::vector<std::uint64_t> taken(queue_.begin(), end);
  queue_.erase(queue_.begin(), end);
  return taken;
}

void VectorBacklog::Return(std::uint64_t entry) {
  std::lock_guard lock(mutex_);
  queue_.push_back(entry);
}

void VectorBacklog::Done(std::uint64_t entry) {
  std::lock_guard lock(mutex_);
  if (open_.erase(entry) > 0) ++progress_.done;
}

void VectorBacklog::Fail(std::uint64_t entry) {
  std::lock_guard lock(mutex_);
  if (open_.erase(entry) > 0) ++progress_.failed;
}

VectorBacklog::Progress VectorBacklog::progress() const {
  std::lock_guard lock(mutex_);
  return progress_;
}

std::size_t VectorBacklog::waiting() const {
  std::lock_guard lock(mutex_);
  return queue_.size();
}

}  // namespace reprise
