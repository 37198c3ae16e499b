// The indexes that a snapshot has, while it is being loaded: which entries they know, and which of
// those are still stored. An index may be newer or older than the entries beside it.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "cache/semantic_tier.h"
#include "index/vector_index.h"
#include "store/entry_store.h"
#include "store/snapshot_file.h"

namespace reprise {

class SnapshotIndexes {
 public:
  explicit SnapshotIndexes(std::size_t count) : indexes_(count) {}

  // Reads one of them. kCorrupt when it is not sound. Safe for any thread, for different ones.
  Result<void> Read(const SnapshotFile& file, std::size_t blob);

  // Makes them the tier's own. When all have been read.
  void HandOver(SemanticTier& tier, std::size_t dimensions);

  // Whether the index of the entry's partition has it; from then on it is known to be stored. After
  // HandOver, safe for any thread, once for each entry.
  bool Take(const Entry& entry);

  // Removes from the indexes what was not taken.
  void RemoveOthers();

 private:
  struct Index {
    Digest partition;
    std::shared_ptr<VectorIndex> index;
    std::vector<std::uint64_t> keys;  // in order
    std::vector<std::uint8_t> taken;  // by the place of the key
  };

  std::vector<Index> indexes_;
  std::unordered_map<Digest, Index*> by_partition_;
};

}  // namespace reprise
