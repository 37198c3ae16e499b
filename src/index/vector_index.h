// Nearest neighbours within one partition (one tenant and compatibility). Vectors of a partition
// all come from one embedder and have unit length, so the inner product is the cosine.
//
// Search may be called from any thread and never waits for a writer; Add and Remove may be called
// from any thread and exclude one another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"

namespace reprise {

// IEEE 754 binary16, as its bits: how vectors are kept in memory and on disk.
using Half = std::uint16_t;

std::vector<Half> ToHalf(std::span<const float> vector);
// Of finite numbers.
std::vector<float> ToFloat(std::span<const Half> vector);

struct Neighbour {
  std::uint64_t key = 0;
  float cosine = 0;
};

struct VectorIndexOptions {
  std::size_t dimensions = 0;
  // Up to about this many vectors are scanned; above it a graph is searched. Measured with 768
  // dimensions: a scan of 1000 takes 0.06 ms, less than the graph, and misses nothing; between 1000
  // and 2000 the graph overtakes it.
  std::size_t exact_limit = 1000;
  std::size_t connectivity = 16;      // graph neighbours per node (HNSW's M)
  std::size_t expansion_add = 128;    // HNSW's efConstruction
  std::size_t expansion_search = 64;  // HNSW's ef
};

class VectorIndex {
 public:
  virtual ~VectorIndex() = default;

  // `vector` has `dimensions` elements. Visible to searches that start after this returns. An
  // existing key is replaced. kInvalidArgument for a wrong length, an infinity or NaN.
  virtual Result<void> Add(std::uint64_t key, std::span<const Half> vector) = 0;

  // Add for many vectors at once, at start-up: microseconds, since the graph is left for Settle.
  // Until then searches scan what was appended: all of it is found, but not as fast.
  virtual Result<void> Append(std::uint64_t key, std::span<const Half> vector) = 0;

  // Brings up to `steps` appended vectors into the graph, about half a millisecond each; searches
  // profit as it proceeds. False when nothing is left to do.
  virtual bool Settle(std::size_t steps) = 0;

  // Vectors that Settle has still to bring in.
  virtual std::size_t unsettled() const = 0;

  // Removing what is not there is no error.
  virtual void Remove(std::uint64_t key) = 0;

  // Up to `count` neighbours, nearest first, never a removed one. Nothing for a query that Add
  // would refuse.
  virtual std::vector<Neighbour> Search(std::span<const Half> query, std::size_t count) const = 0;

  // Writes the index to `sink`, in pieces: what LoadVectorIndex takes. Searches go on meanwhile,
  // and writers but for the first moments, in which what may change is copied. The sink's failure
  // ends it and is returned.
  using Sink = std::function<Result<void>(std::span<const std::byte>)>;
  virtual Result<void> Save(const Sink& sink) = 0;

  // The keys that are in, in no order. Writers wait meanwhile.
  virtual std::vector<std::uint64_t> Keys() const = 0;

  // Whether there is no graph yet: then Add takes microseconds, too.
  virtual bool scans_all() const = 0;

  virtual std::size_t size() const = 0;
  virtual std::size_t memory_bytes() const = 0;
};

// In process: vectors of 12 bits (vector_code.h), an exact scan while small, an HNSW graph when
// large.
std::unique_ptr<VectorIndex> MakeVectorIndex(const VectorIndexOptions& options);

// An index as Save wrote it, on a machine of the same byte order: `size` bytes, with the next of
// which `source` fills what it is given. Takes them in at some gigabytes a second, and rebuilds
// nothing. kCorrupt for bytes that no Save of this version, with these dimensions and this
// connectivity, can have written; whether a damage within bounds, such as a changed vector, has
// befallen them is for the caller's checksum to say. The source's failure is returned.
Result<std::unique_ptr<VectorIndex>> LoadVectorIndex(
    const VectorIndexOptions& options, std::size_t size,
    std::function<Result<void>(std::span<std::byte>)> source);
// The same of bytes in memory.
Result<std::unique_ptr<VectorIndex>> LoadVectorIndex(const VectorIndexOptions& options,
                                                     std::span<const std::byte> bytes);

}  // namespace reprise
