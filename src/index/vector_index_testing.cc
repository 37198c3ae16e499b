#include "index/vector_index_testing.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace reprise {
namespace {

std::vector<float> Gaussian(std::size_t dimensions, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> vector(dimensions);
  for (float& x : vector) x = normal(random);
  return vector;
}

std::vector<Half> Unit(std::vector<float> vector) {
  double squares = 0;
  for (float x : vector) squares += double{x} * x;
  const auto scale = static_cast<float>(1 / std::sqrt(squares));
  for (float& x : vector) x *= scale;
  return ToHalf(vector);
}

float ToFloat(Half half) {
  const int exponent = half >> 10 & 31;
  const int mantissa = half & 1023;
  const float magnitude = exponent == 0
                              ? std::ldexp(static_cast<float>(mantissa), -24)
                              : std::ldexp(static_cast<float>(1024 + mantissa), exponent - 25);
  return half & 0x8000 ? -magnitude : magnitude;
}

}  // namespace

std::vector<Half> RandomUnit(std::size_t dimensions, std::mt19937& random) {
  return Unit(Gaussian(dimensions, random));
}

std::vector<Half> Near(const std::vector<Half>& vector, double noise, std::mt19937& random) {
  auto moved = Gaussian(vector.size(), random);
  const double scale = noise / std::sqrt(static_cast<double>(vector.size()));
  for (std::size_t i = 0; i < vector.size(); ++i) {
    moved[i] = static_cast<float>(moved[i] * scale) + ToFloat(vector[i]);
  }
  return Unit(std::move(moved));
}

Vectors RandomClusters(std::size_t count, std::size_t dimensions, std::size_t clusters,
                       double noise, std::uint32_t seed) {
  std::mt19937 random(seed);
  Vectors centres, vectors;
  for (std::size_t i = 0; i < clusters; ++i) centres.push_back(RandomUnit(dimensions, random));
  for (std::size_t i = 0; i < count; ++i) {
    vectors.push_back(Near(centres[random() % clusters], noise, random));
  }
  return vectors;
}

double Cosine(const std::vector<Half>& a, const std::vector<Half>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double{ToFloat(a[i])} * ToFloat(b[i]);
  return sum;
}

std::vector<std::size_t> NearestByBruteForce(const Vectors& vectors, const std::vector<Half>& query,
                                             std::size_t count) {
  const std::vector<float> wide = ToFloat(query);
  std::vector<std::pair<double, std::size_t>> by_distance;
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    const std::vector<float> vector = ToFloat(vectors[i]);
    by_distance.emplace_back(-std::inner_product(wide.begin(), wide.end(), vector.begin(), 0.0), i);
  }
  count = std::min(count, by_distance.size());
  std::partial_sort(by_distance.begin(), by_distance.begin() + static_cast<std::ptrdiff_t>(count),
                    by_distance.end());
  std::vector<std::size_t> nearest;
  for (std::size_t i = 0; i < count; ++i) nearest.push_back(by_distance[i].second);
  return nearest;
}

}  // namespace reprise
