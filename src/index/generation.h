// The writer's side of an index: the vectors, which key is where, and the graph under construction.
// When too much of it is dead, the index moves to a new generation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>

#include "index/hnsw_graph.h"
#include "index/inner_product.h"
#include "index/vector_index.h"
#include "index/vector_storage.h"

namespace reprise {

// For one thread at a time, except storage(), whose reading is safe for any.
class IndexGeneration {
 public:
  IndexGeneration(const VectorIndexOptions& options, InnerProduct product)
      : options_(options), product_(product), storage_(options.dimensions) {}

  // A reader finds a replaced key once, with its old or its new vector.
  void Put(std::uint64_t key, std::span<const Half> vector);
  void Remove(std::uint64_t key);
  bool Has(std::uint64_t key) const { return slots_.contains(key); }

  // Adds up to `steps` vectors to the graph, which is begun above `exact_limit` live vectors.
  Result<void> Extend(std::size_t steps);

  // All vectors are in the graph, or none has to be.
  bool Complete() const {
    return graph_ ? covered() == storage_.count() : live() <= options_.exact_limit;
  }
  // How many slots are in the graph.
  VectorStorage::Slot covered() const { return graph_ ? graph_->covered() : 0; }
  // Null while the vectors are few.
  const HnswGraph* graph() const { return graph_.get(); }
  const VectorStorage& storage() const { return storage_; }
  std::size_t live() const { return slots_.size(); }
  std::size_t dead() const { return storage_.count() - slots_.size(); }
  std::size_t memory_bytes() const;

 private:
  const VectorIndexOptions options_;
  const InnerProduct product_;
  VectorStorage storage_;
  std::unordered_map<std::uint64_t, VectorStorage::Slot> slots_;
  std::unique_ptr<HnswGraph> graph_;
};

}  // namespace reprise
