// Truncated singular value decomposition of a large sparse matrix. Needed when building only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace reprise {

struct SparseEntry {
  std::uint32_t column;
  float value;
};
using SparseRow = std::vector<SparseEntry>;

// A dense matrix, row by row.
struct DenseMatrix {
  DenseMatrix(std::size_t row_count, std::size_t column_count)
      : rows(row_count), columns(column_count), values(row_count * column_count, 0.0f) {}
  std::span<float> Row(std::size_t row) { return {values.data() + row * columns, columns}; }
  std::span<const float> Row(std::size_t row) const {
    return {values.data() + row * columns, columns};
  }

  std::size_t rows, columns;
  std::vector<float> values;
};

struct TruncatedSvd {
  DenseMatrix right;                    // columns of the matrix x rank: its right singular vectors
  std::vector<double> singular_values;  // descending
};

// The `rank` largest singular values of the matrix whose rows are `rows`, with their vectors; fewer
// when the matrix itself has a lower rank. Randomised subspace iteration with Rayleigh-Ritz (Halko,
// Martinsson, Tropp 2011), from a fixed seed: equal input gives equal output. Enough iterations for
// vectors of words, not for the last digits: the smallest values are found to about a per cent.
TruncatedSvd ComputeSvd(std::span<const SparseRow> rows, std::size_t columns, std::size_t rank);

}  // namespace reprise
