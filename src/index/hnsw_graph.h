// A graph of nearest neighbours (HNSW: Malkov and Yashunin 2016, by USearch) over vectors that a
// VectorStorage keeps. Node n is the storage's slot n.
//
// USearch lets several threads add, but then leaves nodes that no search reaches; and its search
// takes no locks, so it must not overlap with an add. Hence the two roles: a graph under
// construction belongs to the writer alone, and searches run on frozen copies of it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
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
  HnswGraph(const VectorStorage& storage, InnerProduct product, const VectorIndexOptions& options);
  ~HnswGraph();

  // Adds the storage's slot `size()`. kUnavailable when memory runs out. One thread.
  Result<void> AddNext();

  // A copy for `readers` concurrent searches.
  Result<std::unique_ptr<HnswGraph>> Freeze(std::size_t readers) const;

  // Up to `count` slots, nearest first, that are alive for a reader that knows `end` slots. Only on
  // a frozen graph; `reader`, below `readers`, is used by one thread at a time.
  std::vector<SlotMatch> Search(std::span<const Half> query, std::size_t count,
                                VectorStorage::Slot end, std::size_t reader) const;

  std::size_t size() const;
  std::size_t memory_bytes() const;

 private:
  struct Graph;
  class Metric;
  HnswGraph(const HnswGraph& other, std::unique_ptr<Graph> graph);
  Result<void> Reserve(std::size_t members);

  const VectorStorage& storage_;
  const InnerProduct product_;
  const VectorIndexOptions options_;
  std::unique_ptr<Graph> graph_;
};

}  // namespace reprise
