#include "cache/semantic_tier.h"

#include <algorithm>
#include <atomic>

#include "cache/judgement.h"

namespace reprise {
namespace {

// Neighbours that are so much less similar than one that hits are not looked at: verifying takes
// longer than all the rest, and of two that hit the nearer one is as good.
constexpr float kMuchFurther = 0.05f;

template <class Shards>
auto& ShardOf(Shards& shards, const Digest& partition) {
  return shards[partition.bytes[31] % shards.size()];
}

}  // namespace

bool IsZero(std::span<const Half> vector) {
  // The sign bit alone is a zero too.
  return std::all_of(vector.begin(), vector.end(),
                     [](Half value) { return (value & 0x7fff) == 0; });
}

Result<void> SemanticTier::Add(const Digest& partition, std::uint64_t entry,
                               std::span<const Half> vector) {
  if (vector.empty() || IsZero(vector)) return {};
  if (auto fits = CheckSize(vector); !fits) return fits;
  return MakeIndex(partition)->Add(entry, vector);
}

bool SemanticTier::AddsQuickly(const Digest& partition) const {
  const IndexPtr index = FindIndex(partition);
  return !index || index->scans_all();
}

Result<void> SemanticTier::Append(const Digest& partition, std::uint64_t entry,
                                  std::span<const Half> vector) {
  if (vector.empty() || IsZero(vector)) return {};
  if (auto fits = CheckSize(vector); !fits) return fits;
  const IndexPtr index = MakeIndex(partition);
  {
    std::lock_guard lock(unsettled_mutex_);
    unsettled_.insert_or_assign(partition, index);
  }
  return index->Append(entry, vector);
}

void SemanticTier::Adopt(const Digest& partition, std::shared_ptr<VectorIndex> index,
                         std::size_t dimensions) {
  if (index->size() == 0) return;
  std::size_t unknown = 0;
  dimensions_.compare_exchange_strong(unknown, dimensions);
  {
    std::lock_guard lock(unsettled_mutex_);  // it may have been saved half settled
    unsettled_.insert_or_assign(partition, index);
  }
  Shard& shard = ShardOf(shards_, partition);
  std::unique_lock lock(shard.mutex);
  shard.indexes.insert_or_assign(partition, std::move(index));
}

bool SemanticTier::Settle(std::size_t steps) {
  Digest partition;
  IndexPtr index;
  {
    std::lock_guard lock(unsettled_mutex_);
    if (unsettled_.empty()) return false;
    partition = unsettled_.begin()->first;
    index = unsettled_.begin()->second.lock();
  }
  if (index && index->Settle(steps)) return true;
  std::lock_guard lock(unsettled_mutex_);
  unsettled_.erase(partition);
  return !unsettled_.empty();
}

Result<void> SemanticTier::CheckSize(std::span<const Half> vector) {
  std::size_t expected = 0;
  if (dimensions_.compare_exchange_strong(expected, vector.size())) return {};
  if (expected == vector.size()) return {};
  return Fail(Code::kInvalidArgument,
              "a vector of " + std::to_string(vector.size()) + " dimensions among vectors of " +
                  std::to_string(expected) +
                  "; an embedder that changes its dimensions must change its identity");
}

void SemanticTier::Remove(const Digest& partition, std::uint64_t entry) {
  IndexPtr index = FindIndex(partition);
  if (!index) return;
  index->Remove(entry);
  if (index->size() > 0) return;
  index.reset();
  Shard& shard = ShardOf(shards_, partition);
  std::unique_lock lock(shard.mutex);
  const auto found = shard.indexes.find(partition);
  // Whoever adds to it or searches it holds a reference, taken under this lock. So the count is
  // looked at first: what the last holder added is then seen in the size.
  if (found == shard.indexes.end() || found->second.use_count() > 1) return;
  std::atomic_thread_fence(std::memory_order_acquire);
  if (found->second->size() == 0) shard.indexes.erase(found);
}

SemanticResult SemanticTier::Find(const SemanticQuery& query) const {
  SemanticResult result;
  const IndexPtr index = FindIndex(query.partition);
  if (!index) return result;
  const auto half = ToHalf(query.embedding);
  if (IsZero(half)) return result;
  for (const Neighbour& neighbour : index->Search(half, query.candidates)) {
    if (result.hit && neighbour.cosine < result.hit->cosine - kMuchFurther) break;
    EntryPtr entry = table_.FindById(neighbour.key);
    if (!entry) continue;  // removed since
    SemanticMatch match = Judge(query, std::move(entry), neighbour.cosine);
    if (!IsHit(match.verdict, query.threshold)) {
      if (!result.refused) result.refused = std::move(match);
      continue;
    }
    if (!result.hit || match.verdict.similarity > result.hit->verdict.similarity) {
      result.hit = std::move(match);
    }
    if (result.hit->verdict.similarity >= 1) break;  // nothing can be nearer
  }
  if (result.hit) result.refused.reset();
  return result;
}

SemanticMatch SemanticTier::Judge(const SemanticQuery& query, EntryPtr entry, float cosine) const {
  SemanticMatch match{.entry = std::move(entry), .verdict = {}, .cosine = cosine};
  const std::string objection = query.objection(*match.entry);
  if (!objection.empty()) {
    match.verdict = {.similarity = 0, .vetoed = true, .reason = objection, .sentence = objection};
  } else {
    const MatchRule rule{query.mode, query.calibration};
    const auto stored = table_.PromptOf(*match.entry);
    match.verdict = JudgePair(verifier_, {query.prompt, *stored, cosine}, rule);
  }
  return match;
}

SemanticTier::IndexPtr SemanticTier::FindIndex(const Digest& partition) const {
  const Shard& shard = ShardOf(shards_, partition);
  std::shared_lock lock(shard.mutex);
  const auto found = shard.indexes.find(partition);
  return found == shard.indexes.end() ? nullptr : found->second;
}

SemanticTier::IndexPtr SemanticTier::MakeIndex(const Digest& partition) {
  Shard& shard = ShardOf(shards_, partition);
  std::unique_lock lock(shard.mutex);
  IndexPtr& index = shard.indexes[partition];
  if (!index) index = MakeVectorIndex(OptionsFor(dimensions_));
  return index;
}

template <class Visit>
void SemanticTier::ForEachIndex(Visit visit) const {
  for (const Shard& shard : shards_) {
    std::shared_lock lock(shard.mutex);
    for (const auto& [partition, index] : shard.indexes) visit(*index);
  }
}

std::vector<std::pair<Digest, SemanticTier::IndexPtr>> SemanticTier::Indexes() const {
  std::vector<std::pair<Digest, IndexPtr>> indexes;
  for (const Shard& shard : shards_) {
    std::shared_lock lock(shard.mutex);
    indexes.insert(indexes.end(), shard.indexes.begin(), shard.indexes.end());
  }
  return indexes;
}

std::size_t SemanticTier::vectors() const {
  std::size_t total = 0;
  ForEachIndex([&](const VectorIndex& index) { total += index.size(); });
  return total;
}

std::size_t SemanticTier::partitions() const {
  std::size_t total = 0;
  ForEachIndex([&](const VectorIndex&) { ++total; });
  return total;
}

std::size_t SemanticTier::unsettled() const {
  std::lock_guard lock(unsettled_mutex_);
  return unsettled_.size();
}

std::size_t SemanticTier::unsettled_vectors() const {
  std::size_t total = 0;
  ForEachIndex([&](const VectorIndex& index) { total += index.unsettled(); });
  return total;
}

std::size_t SemanticTier::memory_bytes() const {
  std::size_t total = 0;
  ForEachIndex([&](const VectorIndex& index) { total += index.memory_bytes(); });
  return total;
}

}  // namespace reprise
