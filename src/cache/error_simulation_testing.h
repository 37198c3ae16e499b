// Simulated traffic for the error bound: what a stream of verified neighbours costs in wrong
// answers and in hits, with the bound and without. For the unit test and for
// bench/quality/error_bound.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "cache/error_learner.h"

namespace reprise {

// A neighbour that the verifier passed, and what nobody knows yet: the chance that it is wrong.
struct SimulatedNeighbour {
  Candidate candidate;
  double wrong = 0;
};

// One shape of traffic. Draw(i) gives request i of a stream.
class Traffic {
 public:
  virtual ~Traffic() = default;
  virtual SimulatedNeighbour Draw(std::size_t i, std::mt19937_64& random) = 0;
};

struct TrafficShape {
  std::string name;
  std::string what;
  std::unique_ptr<Traffic> (*make)(std::size_t requests, std::mt19937_64& random);
};

// uniform, zipf, drift, adversarial, flood, bursts, tail, good, bad.
const std::vector<TrafficShape>& TrafficShapes();

struct SimulationResult {
  std::size_t requests = 0;
  std::size_t served = 0, wrong = 0;  // with the bound
  std::size_t unbounded_wrong = 0;    // had every neighbour been served
};

// Equal seeds give equal results.
SimulationResult Simulate(const TrafficShape& shape, std::size_t requests, double max_error,
                          std::uint64_t seed);

}  // namespace reprise
