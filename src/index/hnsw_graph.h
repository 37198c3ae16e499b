// A graph of nearest neighbours (HNSW: Malkov and Yashunin 2016, by USearch) over vectors that a
// VectorStorage keeps. Equal vectors share one node: as nodes of their own, some tens of them would
// link to one another only and cut off whatever is reached through them.
//
// USearch lets several threads add, but then leaves nodes that no search reaches; and its search
// takes no locks, so it must not overlap with an add. Hence the two roles: a graph under
// construction belongs to the writer alone, and searches run on frozen copies of it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "index/inner_product.h"
#include "index/vector_index.h"
#include "index/vector_storage.h"

namespace reprise {

struct SlotMatch {
  float cosine = 0;
  VectorStorage::Slot slot = 0;
};

class HnswGraph {
 public:
  // `storage` outlives the graph and its copies.
  HnswGraph(VectorStorage& storage, InnerProduct product, const VectorIndexOptions& options);
  ~HnswGraph();

  // Adds the storage's slot `covered()`. kUnavailable when memory runs out. One thread.
  Result<void> AddNext();

  // A copy for `readers` concurrent searches.
  Result<std::unique_ptr<HnswGraph>> Freeze(std::size_t readers) const;

  // Up to `count` slots, nearest first, that are alive for a reader that knows `end` slots. Only on
  // a frozen graph; `reader`, below `readers`, is used by one thread at a time.
  std::vector<SlotMatch> Search(std::span<const Half> query, std::size_t count,
                                VectorStorage::Slot end, std::size_t reader) const;

  // The storage's slots below this one are in the graph.
  VectorStorage::Slot covered() const { return covered_; }
  std::size_t memory_bytes() const;

 private:
  struct Graph;
  class Metric;
  HnswGraph(const HnswGraph& other, std::unique_ptr<Graph> graph);
  Result<void> Reserve(std::size_t members);
  Result<void> AddNode(VectorStorage::Slot slot);
  // The node's slot whose vector equals that of `slot`, or kNone.
  VectorStorage::Slot FindEqual(VectorStorage::Slot slot, std::size_t hash) const;
  std::size_t HashOf(VectorStorage::Slot slot) const;
  bool AnyAlive(VectorStorage::Slot leader, VectorStorage::Slot end) const;

  VectorStorage& storage_;
  const InnerProduct product_;
  const VectorIndexOptions options_;
  std::unique_ptr<Graph> graph_;
  std::vector<VectorStorage::Slot> nodes_;  // by node: the first slot that has its vector
  VectorStorage::Slot covered_ = 0;
  // By the vector's hash; under construction only. Two vectors of one hash are both nodes.
  std::unordered_map<std::size_t, VectorStorage::Slot> leaders_;
};

}  // namespace reprise
