// Vectors and brute force for the tests and benchmarks of the index.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "index/vector_index.h"

namespace reprise {

using Vectors = std::vector<std::vector<Half>>;

// Unit vectors around random centres, as prompts lie around subjects. `noise` is the length of what
// is added to a centre, relative to it.
Vectors RandomClusters(std::size_t count, std::size_t dimensions, std::size_t clusters,
                       double noise, std::uint32_t seed);

std::vector<Half> RandomUnit(std::size_t dimensions, std::mt19937& random);

// `vector` with noise of the given relative length, of unit length again.
std::vector<Half> Near(const std::vector<Half>& vector, double noise, std::mt19937& random);

// In double precision.
double Cosine(const std::vector<Half>& a, const std::vector<Half>& b);

// The positions of the `count` vectors nearest to `query`, nearest first.
std::vector<std::size_t> NearestByBruteForce(const Vectors& vectors, const std::vector<Half>& query,
                                             std::size_t count = 1);

}  // namespace reprise
