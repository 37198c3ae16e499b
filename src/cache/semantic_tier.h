// The semantic tier: nearest neighbours of a prompt within one partition, each verified. Safe for
// any thread; searches never wait for additions.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "cache/entry_table.h"
#include "embed/embedder.h"
#include "index/vector_index.h"
#include "prompt/calibration.h"
#include "prompt/verifier.h"

namespace reprise {

// A blank prompt's vector has no direction, hence no cosine.
bool IsZero(std::span<const Half> vector);

struct SemanticMatch {
  EntryPtr entry;
  Verdict verdict;
  float cosine = 0;
};

struct SemanticQuery {
  Digest partition;  // scope and compatibility
  const Prompt& prompt;
  const Embedding& embedding;
  MatchMode mode = MatchMode::kSafe;
  double threshold = 0.85;
  std::size_t candidates = 10;
  Calibration calibration = {};  // of the verifier's similarity
  // What may not be served whatever it says (expired, wrong size, too few images). Gives the
  // reason, or an empty string.
  std::function<std::string(const CachedEntry&)> objection;
};

struct SemanticResult {
  std::optional<SemanticMatch> hit;      // the most similar neighbour that may be served
  std::optional<SemanticMatch> refused;  // without a hit: the nearest one, by cosine
};

class SemanticTier {
 public:
  // Both references outlive the tier. `dimensions` of 0: not known yet, the first vector's count.
  SemanticTier(const Verifier& verifier, const EntryTable& table, std::size_t dimensions)
      : verifier_(verifier), table_(table), dimensions_(dimensions) {}

  // kInvalidArgument for a vector of another size than the others. An all-zero one (a blank prompt)
  // is left out: it has no direction.
  Result<void> Add(const Digest& partition, std::uint64_t entry, std::span<const Half> vector);
  // Whether an Add takes microseconds; else it belongs on a worker.
  bool AddsQuickly(const Digest& partition) const;
  // Add for many vectors at once, at start-up; Settle afterwards. See VectorIndex.
  Result<void> Append(const Digest& partition, std::uint64_t entry, std::span<const Half> vector);
  // Takes a whole index in, at start-up. It was made with OptionsFor(dimensions), which are the
  // tier's from now on if it had none.
  void Adopt(const Digest& partition, std::shared_ptr<VectorIndex> index, std::size_t dimensions);
  static VectorIndexOptions OptionsFor(std::size_t dimensions) {
    return {.dimensions = dimensions};
  }
  // Brings some more of what was appended into a graph, for about `steps` half milliseconds. False
  // when nothing is left to do.
  bool Settle(std::size_t steps);
  void Remove(const Digest& partition, std::uint64_t entry);

  // Plain code, tens of microseconds.
  SemanticResult Find(const SemanticQuery& query) const;

  // All indexes there are, by partition.
  std::vector<std::pair<Digest, std::shared_ptr<VectorIndex>>> Indexes() const;

  std::size_t dimensions() const { return dimensions_; }  // 0: not known yet
  std::size_t vectors() const;
  std::size_t partitions() const;
  // Partitions that Settle has not gone through yet.
  std::size_t unsettled() const;
  // Vectors that it has still to bring into a graph.
  std::size_t unsettled_vectors() const;
  std::size_t memory_bytes() const;

 private:
  using IndexPtr = std::shared_ptr<VectorIndex>;
  struct Shard {
    mutable std::shared_mutex mutex;
    std::unordered_map<Digest, IndexPtr> indexes;
  };
  static constexpr std::size_t kShards = 16;

  IndexPtr FindIndex(const Digest& partition) const;
  IndexPtr MakeIndex(const Digest& partition);
  Result<void> CheckSize(std::span<const Half> vector);
  SemanticMatch Judge(const SemanticQuery& query, EntryPtr entry, float cosine) const;
  template <class Visit>
  void ForEachIndex(Visit visit) const;

  const Verifier& verifier_;
  const EntryTable& table_;
  std::atomic<std::size_t> dimensions_;
  std::array<Shard, kShards> shards_;
  mutable std::mutex unsettled_mutex_;
  std::unordered_map<Digest, std::weak_ptr<VectorIndex>> unsettled_;
};

}  // namespace reprise
