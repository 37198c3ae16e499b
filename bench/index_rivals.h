// The indexes that index_compare sets side by side, all over the same vectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace reprise {

struct GraphShape {
  std::size_t dimensions = 0, connectivity = 0, expansion_add = 0;
};

// Vectors one behind the other, each of `dimensions` elements and unit length.
using Floats = std::span<const float>;

class ComparedIndex {
 public:
  virtual ~ComparedIndex() = default;
  virtual std::string name() const = 0;
  virtual void Build(Floats vectors) = 0;
  // HNSW's ef for the searches to come.
  virtual void SetExpansion(std::size_t expansion) = 0;
  // The numbers of the `count` nearest vectors, nearest first.
  virtual std::vector<std::uint32_t> Search(Floats query, std::size_t count) = 0;
  // What the index says, or its structures come to.
  virtual std::size_t computed_bytes() const = 0;
};

std::unique_ptr<ComparedIndex> MakeReprise(const GraphShape& shape);
std::unique_ptr<ComparedIndex> MakeHnswlib(const GraphShape& shape);
std::unique_ptr<ComparedIndex> MakeFaiss(const GraphShape& shape);

// The inner product, compiled for this processor as the rivals are.
float NativeProduct(const float* a, const float* b, std::size_t dimensions);

}  // namespace reprise
