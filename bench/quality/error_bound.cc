// What the error bound costs and keeps, over simulated traffic: a table for docs/trust.md.
//
//   build/bench/error_bound [REQUESTS [SEEDS]]
#include <cstdio>
#include <cstdlib>

#include "cache/error_simulation_testing.h"

int main(int argc, char** argv) {
  using namespace reprise;
  const std::size_t requests = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 20'000;
  const std::uint64_t seeds = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 50;
  std::printf("%zu requests that have a verified neighbour, %llu seeds\n\n", requests,
              static_cast<unsigned long long>(seeds));
  std::printf("| traffic | wrong, all served | max_error | wrong | worst seed | served |\n");
  std::printf("|---|---|---|---|---|---|\n");
  for (const TrafficShape& shape : TrafficShapes()) {
    for (const double max_error : {0.01, 0.02, 0.05}) {
      double wrong = 0, unbounded = 0, served = 0, worst = 0;
      for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        const auto result = Simulate(shape, requests, max_error, seed);
        const auto share = [&](std::size_t count) { return double(count) / double(requests); };
        wrong += share(result.wrong) / double(seeds);
        unbounded += share(result.unbounded_wrong) / double(seeds);
        served += share(result.served) / double(seeds);
        worst = std::max(worst, share(result.wrong));
      }
      std::printf("| %s | %.2f %% | %g %% | %.2f %% | %.2f %% | %.1f %% |\n", shape.name.c_str(),
                  unbounded * 100, max_error * 100, wrong * 100, worst * 100, served * 100);
    }
  }
}
