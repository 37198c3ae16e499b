#include "index/generation.h"

namespace reprise {

void IndexGeneration::Put(std::uint64_t key, std::span<const Half> vector) {
  const auto found = slots_.find(key);
  if (found == slots_.end()) {
    slots_.emplace(key, storage_.Append(key, vector));
  } else {
    found->second = storage_.Replace(found->second, key, vector);
  }
}

void IndexGeneration::Remove(std::uint64_t key) {
  const auto found = slots_.find(key);
  if (found == slots_.end()) return;
  storage_.Kill(found->second);
  slots_.erase(found);
}

Result<void> IndexGeneration::Extend(std::size_t steps) {
  if (!graph_) {
    if (live() <= options_.exact_limit) return {};
    graph_ = std::make_unique<HnswGraph>(storage_, product_, options_);
  }
  for (; steps > 0 && !Complete(); --steps) {
    if (auto added = graph_->AddNext(); !added) return added;
  }
  return {};
}

std::size_t IndexGeneration::memory_bytes() const {
  constexpr std::size_t kMapNode = 4 * sizeof(void*);  // node, its links and its share of buckets
  return storage_.memory_bytes() + slots_.size() * kMapNode + (graph_ ? graph_->memory_bytes() : 0);
}

}  // namespace reprise
