// The semantic tier: nearest neighbours of a prompt within one partition, each verified. Safe for
// any thread; searches never wait for additions.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>

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
  // All three outlive the tier.
  SemanticTier(const Verifier& verifier, const EntryTable& table, std::size_t dimensions)
      : verifier_(verifier), table_(table), dimensions_(dimensions) {}

  // An all-zero vector (a blank prompt) is left out: it has no direction.
  Result<void> Add(const Digest& partition, std::uint64_t entry, std::span<const Half> vector);
  void Remove(const Digest& partition, std::uint64_t entry);

  // Plain code, tens of microseconds.
  SemanticResult Find(const SemanticQuery& query) const;

  std::size_t vectors() const;
  std::size_t partitions() const;
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
  SemanticMatch Judge(const SemanticQuery& query, EntryPtr entry, float cosine) const;
  template <class Visit>
  void ForEachIndex(Visit visit) const;

  const Verifier& verifier_;
  const EntryTable& table_;
  const std::size_t dimensions_;
  std::array<Shard, kShards> shards_;
};

}  // namespace reprise
