#include "wordnet/svd.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <utility>

namespace reprise {
namespace {

constexpr std::size_t kOversampling = 16;
constexpr int kIterations = 3;
constexpr double kDependent = 1e-10;  // squared length that is left of a dependent column
constexpr int kSweeps = 16;           // Jacobi's method needs six to ten
constexpr std::size_t kBlock = 512;   // rows summed in single precision before they join the total

// y += factor * x
void AddScaled(float factor, std::span<const float> x, std::span<float> y) {
  for (std::size_t i = 0; i < y.size(); ++i) y[i] += factor * x[i];
}

// M z
DenseMatrix Times(std::span<const SparseRow> rows, const DenseMatrix& z) {
  DenseMatrix out(rows.size(), z.columns);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (const SparseEntry& entry : rows[i]) {
      AddScaled(entry.value, z.Row(entry.column), out.Row(i));
    }
  }
  return out;
}

// M^T q
DenseMatrix TransposedTimes(std::span<const SparseRow> rows, std::size_t columns,
                            const DenseMatrix& q) {
  DenseMatrix out(columns, q.columns);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (const SparseEntry& entry : rows[i]) {
      AddScaled(entry.value, q.Row(i), out.Row(entry.column));
    }
  }
  return out;
}

class Square {
 public:
  explicit Square(std::size_t size) : size_(size), values_(size * size, 0.0) {}
  double& operator()(std::size_t i, std::size_t j) { return values_[i * size_ + j]; }
  double operator()(std::size_t i, std::size_t j) const { return values_[i * size_ + j]; }
  std::size_t size() const { return size_; }

 private:
  std::size_t size_;
  std::vector<double> values_;
};

// a^T b
Square Product(const DenseMatrix& a, const DenseMatrix& b) {
  Square sum(a.columns);
  for (std::size_t begin = 0; begin < a.rows; begin += kBlock) {
    DenseMatrix block(a.columns, b.columns);
    for (std::size_t row = begin; row < std::min(a.rows, begin + kBlock); ++row) {
      for (std::size_t i = 0; i < a.columns; ++i)
        AddScaled(a.Row(row)[i], b.Row(row), block.Row(i));
    }
    for (std::size_t i = 0; i < a.columns; ++i) {
      for (std::size_t j = 0; j < b.columns; ++j) sum(i, j) += block.Row(i)[j];
    }
  }
  return sum;
}

// R of G = R^T R, upper triangular. A column that depends on those before gets an infinite
// diagonal: dividing by it leaves nothing of the column.
Square Cholesky(const Square& gram) {
  Square r(gram.size());
  for (std::size_t i = 0; i < gram.size(); ++i) {
    for (std::size_t j = i; j < gram.size(); ++j) {
      double rest = gram(i, j);
      for (std::size_t k = 0; k < i; ++k) rest -= r(k, i) * r(k, j);
      if (i != j) {
        r(i, j) = rest / r(i, i);
      } else {
        r(i, i) = rest <= kDependent * gram(i, i) ? std::numeric_limits<double>::infinity()
                                                  : std::sqrt(rest);
      }
    }
  }
  return r;
}

// Makes the columns orthonormal: Cholesky QR, twice because once is not exact.
void Orthonormalize(DenseMatrix& matrix) {
  for (int pass = 0; pass < 2; ++pass) {
    const Square r = Cholesky(Product(matrix, matrix));
    DenseMatrix factors(matrix.columns, matrix.columns);
    for (std::size_t i = 0; i < matrix.columns; ++i) {
      for (std::size_t j = 0; j < matrix.columns; ++j) {
        factors.Row(i)[j] = static_cast<float>(r(i, j));
      }
    }
    for (std::size_t row = 0; row < matrix.rows; ++row) {
      const std::span<float> x = matrix.Row(row);
      for (std::size_t j = 0; j < x.size(); ++j) {
        x[j] /= factors.Row(j)[j];
        AddScaled(-x[j], factors.Row(j).subspan(j + 1), x.subspan(j + 1));
      }
    }
  }
}

// Turns rows and columns p and q of the symmetric `a` so that a(p, q) becomes 0.
void Rotate(Square& a, Square& vectors, std::size_t p, std::size_t q) {
  if (std::abs(a(p, q)) < 1e-300) return;
  const double theta = (a(q, q) - a(p, p)) / (2 * a(p, q));
  const double t = (theta >= 0 ? 1 : -1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
  const double c = 1 / std::sqrt(t * t + 1), s = t * c;
  const auto turn = [&](double& x, double& y) {
    const double old = x;
    x = c * old - s * y;
    y = s * old + c * y;
  };
  for (std::size_t i = 0; i < a.size(); ++i) turn(a(p, i), a(q, i));
  for (std::size_t i = 0; i < a.size(); ++i) turn(a(i, p), a(i, q));
  for (std::size_t i = 0; i < a.size(); ++i) turn(vectors(p, i), vectors(q, i));
}

double OffDiagonalShare(const Square& a) {
  double diagonal = 0, rest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < a.size(); ++j) (i == j ? diagonal : rest) += a(i, j) * a(i, j);
  }
  return diagonal == 0 ? 0 : rest / diagonal;
}

double LargestDiagonal(const Square& a) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, a(i, i));
  return largest;
}

// Jacobi's method: leaves the eigenvalues on the diagonal of `a`, returns their vectors as rows.
Square Diagonalize(Square& a) {
  Square vectors(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) vectors(i, i) = 1;
  for (int sweep = 0; sweep < kSweeps && OffDiagonalShare(a) > 1e-15; ++sweep) {
    for (std::size_t p = 0; p < a.size(); ++p) {
      for (std::size_t q = p + 1; q < a.size(); ++q) Rotate(a, vectors, p, q);
    }
  }
  return vectors;
}

}  // namespace

TruncatedSvd ComputeSvd(std::span<const SparseRow> rows, std::size_t columns, std::size_t rank) {
  const std::size_t width = std::min({rank + kOversampling, rows.size(), columns});
  std::mt19937 random(1);
  DenseMatrix z(columns, width);
  // Straight from the generator: distributions differ among standard libraries.
  for (float& value : z.values) value = static_cast<float>(random()) * 0x1p-32f - 0.5f;
  for (int i = 0; i < kIterations; ++i) {
    DenseMatrix q = Times(rows, z);
    Orthonormalize(q);
    z = TransposedTimes(rows, columns, q);
  }
  Square ritz = Product(z, z);  // Q^T M M^T Q
  const Square turns = Diagonalize(ritz);
  std::vector<std::size_t> order(width);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, std::greater<>(), [&](std::size_t i) { return ritz(i, i); });
  std::erase_if(order, [&, least = kDependent * LargestDiagonal(ritz)](std::size_t i) {
    return ritz(i, i) <= least;
  });
  rank = std::min(rank, order.size());

  TruncatedSvd svd{.right = DenseMatrix(columns, rank), .singular_values = {}};
  DenseMatrix turn(width, rank);  // z turned to the singular vectors, and made unit length
  for (std::size_t j = 0; j < rank; ++j) {
    const double value = std::sqrt(ritz(order[j], order[j]));
    svd.singular_values.push_back(value);
    for (std::size_t i = 0; i < width; ++i) {
      turn.Row(i)[j] = static_cast<float>(turns(order[j], i) / value);
    }
  }
  for (std::size_t column = 0; column < columns; ++column) {
    for (std::size_t i = 0; i < width; ++i) {
      AddScaled(z.Row(column)[i], turn.Row(i), svd.right.Row(column));
    }
  }
  return svd;
}

}  // namespace reprise
