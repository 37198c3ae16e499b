#include "wordnet/svd.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace reprise {
namespace {

// U diag(values) V^T with orthogonal columns that are known: Hadamard's matrix of order eight.
std::vector<SparseRow> Known(const std::vector<double>& values) {
  const auto hadamard = [](unsigned i, unsigned j) {
    return (__builtin_popcount(i & j) % 2 == 0 ? 1 : -1) / std::sqrt(8.0);
  };
  std::vector<SparseRow> rows(8);
  for (unsigned i = 0; i < 8; ++i) {
    for (unsigned j = 0; j < 8; ++j) {
      double sum = 0;
      for (unsigned k = 0; k < values.size(); ++k) {
        sum += values[k] * hadamard(i, k) * hadamard(j, k + 1);
      }
      rows[i].push_back({j, static_cast<float>(sum)});
    }
  }
  return rows;
}

float Dot(std::span<const float> a, std::span<const float> b) {
  float sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

TEST(SvdTest, FindsSingularValuesInOrder) {
  const TruncatedSvd svd = ComputeSvd(Known({3, 9, 5, 1}), 8, 3);
  ASSERT_EQ(svd.singular_values.size(), 3u);
  EXPECT_NEAR(svd.singular_values[0], 9, 1e-3);
  EXPECT_NEAR(svd.singular_values[1], 5, 1e-3);
  EXPECT_NEAR(svd.singular_values[2], 3, 1e-3);
}

TEST(SvdTest, RightVectorsAreOrthonormalAndStretchedByTheirValues) {
  const std::vector<SparseRow> rows = Known({3, 9, 5, 1});
  const TruncatedSvd svd = ComputeSvd(rows, 8, 3);
  DenseMatrix gram(3, 3);
  for (std::size_t column = 0; column < 8; ++column) {
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 3; ++j) {
        gram.Row(i)[j] += svd.right.Row(column)[i] * svd.right.Row(column)[j];
      }
    }
  }
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) EXPECT_NEAR(gram.Row(i)[j], i == j, 1e-4);
  }
  for (std::size_t j = 0; j < 3; ++j) {
    double squares = 0;  // of M v
    for (const SparseRow& row : rows) {
      double sum = 0;
      for (const SparseEntry& entry : row) sum += entry.value * svd.right.Row(entry.column)[j];
      squares += sum * sum;
    }
    EXPECT_NEAR(std::sqrt(squares), svd.singular_values[j], 1e-3);
  }
}

// Clusters of rows that share columns: the leading vectors put each cluster into its own direction.
TEST(SvdTest, BringsRowsOfOneClusterTogether) {
  std::mt19937 random(5);
  std::vector<SparseRow> rows(400);
  for (std::uint32_t i = 0; i < rows.size(); ++i) {
    const std::uint32_t cluster = i % 4;
    for (int j = 0; j < 6; ++j) {
      rows[i].push_back({cluster * 50 + static_cast<std::uint32_t>(random() % 50), 1});
    }
  }
  const TruncatedSvd svd = ComputeSvd(rows, 200, 4);
  DenseMatrix places(rows.size(), 4);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (const SparseEntry& entry : rows[i]) {
      for (std::size_t j = 0; j < 4; ++j) places.Row(i)[j] += svd.right.Row(entry.column)[j];
    }
  }
  const auto cosine = [&](std::size_t i, std::size_t j) {
    return Dot(places.Row(i), places.Row(j)) /
           std::sqrt(Dot(places.Row(i), places.Row(i)) * Dot(places.Row(j), places.Row(j)));
  };
  EXPECT_GT(cosine(0, 4), 0.9);
  EXPECT_GT(cosine(1, 5), 0.9);
  EXPECT_LT(std::abs(cosine(0, 1)), 0.1);
}

TEST(SvdTest, RankIsLimitedByTheMatrix) {
  const std::vector<SparseRow> rows = {{{0, 2.0f}}, {{1, 1.0f}}};
  EXPECT_EQ(ComputeSvd(rows, 3, 256).singular_values.size(), 2u);
  EXPECT_TRUE(ComputeSvd({}, 3, 256).singular_values.empty());
}

TEST(SvdTest, LeavesOutWhatTheMatrixDoesNotHave) {
  const TruncatedSvd svd = ComputeSvd(Known({7, 2}), 8, 5);
  ASSERT_EQ(svd.singular_values.size(), 2u);
  EXPECT_NEAR(svd.singular_values[1], 2, 1e-3);
  EXPECT_EQ(svd.right.columns, 2u);
}

TEST(SvdTest, EqualInputGivesEqualOutput) {
  const auto rows = Known({4, 2});
  EXPECT_EQ(ComputeSvd(rows, 8, 2).right.values, ComputeSvd(rows, 8, 2).right.values);
}

}  // namespace
}  // namespace reprise
