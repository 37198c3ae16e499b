// The vectors of an index, which key is where, and the graph over them. When too much of it is
// dead, the index moves to a new generation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "index/hnsw_graph.h"
#include "index/saved_index.h"
#include "index/vector_index.h"
#include "index/vector_storage.h"

namespace reprise {

// For one thread at a time, except Search, which is safe for any at any time.
class IndexGeneration {
 public:
  explicit IndexGeneration(const VectorIndexOptions& options)
      : options_(options), storage_(options.dimensions), graph_(storage_, options) {}

  // A reader finds a replaced key once, with its old or its new vector.
  void Put(std::uint64_t key, std::span<const Half> vector);
  void PutCopy(const IndexGeneration& from, Slot slot);
  void Remove(std::uint64_t key);
  std::vector<std::uint64_t> Keys() const;
  bool Has(std::uint64_t key) const { return slots_.contains(key); }

  // Adds up to `steps` vectors to the graph, which is begun above `exact_limit` live vectors.
  void Extend(std::size_t steps);

  // A copy of what the next write may change; SavedIndex::Write adds what none does, and needs no
  // exclusion, while this lives.
  SavedIndex Save() const;
  // kCorrupt for what was not saved, or by another version, or with other dimensions or links.
  static Result<std::unique_ptr<IndexGeneration>> Load(const VectorIndexOptions& options,
                                                       SavedReader in);

  std::vector<Neighbour> Search(std::span<const Half> query, std::size_t count) const;

  // All vectors are in the graph, or none has to be.
  bool Complete() const {
    return covered() > 0 ? covered() == storage_.count() : live() <= options_.exact_limit;
  }
  // How many slots are in the graph.
  Slot covered() const { return graph_.covered(); }
  const VectorStorage& storage() const { return storage_; }
  std::size_t live() const { return slots_.size(); }
  std::size_t dead() const { return storage_.count() - slots_.size(); }
  std::size_t memory_bytes() const;

 private:
  bool Restore(const SavedIndex::Header& header, SavedReader& in);

  const VectorIndexOptions options_;
  VectorStorage storage_;
  HnswGraph graph_;
  std::unordered_map<std::uint64_t, Slot> slots_;
};

}  // namespace reprise
