// What deciding to serve or to explore costs, with many labels at hand, and what learning does.
#include <benchmark/benchmark.h>

#include <random>

#include "cache/error_learner.h"

namespace reprise {
namespace {

Candidate AnyCandidate(std::mt19937_64& random) {
  return {.pool = 1,
          .entry = 1 + random() % 5000,
          .similarity = 0.85 + 0.15 * std::uniform_real_distribution<double>(0, 1)(random)};
}

void Fill(ErrorLearner& learner, std::mt19937_64& random, int labels) {
  for (int i = 0; i < labels; ++i) learner.Learn({AnyCandidate(random), i % 200 != 0});
}

void BM_ServeOrExplore(benchmark::State& state) {
  ErrorLearner learner;
  std::mt19937_64 random(1);
  Fill(learner, random, static_cast<int>(state.range(0)));
  for (auto _ : state) {
    benchmark::DoNotOptimize(learner.Decide(AnyCandidate(random), 0.02, 0.5));
  }
}
BENCHMARK(BM_ServeOrExplore)->Arg(0)->Arg(100)->Arg(2000);

void BM_Learn(benchmark::State& state) {
  ErrorLearner learner;
  std::mt19937_64 random(1);
  Fill(learner, random, 2048);
  int i = 0;
  for (auto _ : state) learner.Learn({AnyCandidate(random), ++i % 200 != 0});
}
BENCHMARK(BM_Learn);

}  // namespace
}  // namespace reprise
