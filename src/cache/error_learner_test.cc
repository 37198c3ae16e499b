#include "cache/error_learner.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "cache/error_simulation_testing.h"

namespace reprise {
namespace {

constexpr Candidate kCandidate{.pool = 1, .entry = 1, .similarity = 0.93};

void LearnMany(ErrorLearner& learner, std::size_t count, bool same,
               std::uint64_t first_entry = 100) {
  for (std::size_t i = 0; i < count; ++i) {
    learner.Learn({{.pool = 1, .entry = first_entry + i, .similarity = 0.9}, same});
  }
}

double Probability(ErrorLearner& learner, const Candidate& candidate) {
  return learner.Decide(candidate, 0.02, 0.5).probability;
}

TEST(ErrorLearnerTest, ExploresUntilItKnowsAndThenMostlyServes) {
  ErrorLearner learner;
  EXPECT_GT(Probability(learner, kCandidate), 0.9);
  LearnMany(learner, 60, true);
  EXPECT_LT(Probability(learner, kCandidate), 0.6);
  LearnMany(learner, 600, true, 1000);
  EXPECT_DOUBLE_EQ(Probability(learner, kCandidate), ErrorLearnerOptions{}.floor);
}

TEST(ErrorLearnerTest, EqualCoinsAndLabelsGiveEqualChoices) {
  ErrorLearner a, b;
  for (int i = 0; i < 300; ++i) {
    const Candidate candidate{.pool = 1, .entry = 1u + i % 7, .similarity = 0.85 + i * 0.0005};
    const double coin = std::fmod(i * 0.618, 1.0);
    const Choice x = a.Decide(candidate, 0.05, coin), y = b.Decide(candidate, 0.05, coin);
    EXPECT_EQ(x.explore, y.explore);
    EXPECT_EQ(x.probability, y.probability);
    a.Learn({candidate, i % 50 != 0});
    b.Learn({candidate, i % 50 != 0});
  }
}

TEST(ErrorLearnerTest, AWrongEntryStandsForItselfAndTheOthersGoOn) {
  ErrorLearner learner;
  LearnMany(learner, 800, true);
  learner.Learn({kCandidate, false});
  for (int i = 0; i < 20; ++i) learner.Learn({kCandidate, false});
  EXPECT_GT(Probability(learner, kCandidate), 0.9);
  EXPECT_LT(Probability(learner, {.pool = 1, .entry = 2, .similarity = 0.93}), 0.05);
}

TEST(ErrorLearnerTest, AReportSpeaksForItsEntryOnly) {
  ErrorLearner learner;
  LearnMany(learner, 800, true);
  const double before = Probability(learner, {.pool = 1, .entry = 2, .similarity = 0.93});
  learner.Learn({.candidate = kCandidate, .same = false, .reported = true});
  EXPECT_GT(Probability(learner, kCandidate), 0.5);
  EXPECT_EQ(Probability(learner, {.pool = 1, .entry = 2, .similarity = 0.93}), before);
}

TEST(ErrorLearnerTest, PoolsAreApart) {
  ErrorLearner learner;
  LearnMany(learner, 800, true);
  EXPECT_GT(Probability(learner, {.pool = 2, .entry = 5, .similarity = 0.93}), 0.9);
}

TEST(ErrorLearnerTest, ARunOfWrongLabelsStartsThePoolAnew) {
  ErrorLearner learner;
  LearnMany(learner, 800, true);
  LearnMany(learner, 4, false, 5000);
  EXPECT_EQ(learner.totals().changes, 1u);
  EXPECT_GT(Probability(learner, kCandidate), 0.9);
}

TEST(ErrorLearnerTest, LabelsAreForgottenAfterSoManyDecisions) {
  ErrorLearner learner({.pool_decisions = 1000});
  LearnMany(learner, 800, true);
  for (int i = 0; i < 990; ++i) Probability(learner, kCandidate);
  EXPECT_LT(Probability(learner, kCandidate), 0.1);
  for (int i = 0; i < 20; ++i) Probability(learner, kCandidate);
  EXPECT_GT(Probability(learner, kCandidate), 0.9);
}

TEST(ErrorLearnerTest, MemoryIsBounded) {
  ErrorLearner learner({.pool_labels = 50, .own_labels = 8, .pools = 10, .entries = 20});
  for (std::uint64_t i = 0; i < 5000; ++i) {
    learner.Decide({.pool = i, .entry = i, .similarity = 0.9}, 0.02, 0.5);
    learner.Learn({{.pool = i % 30, .entry = i % 70, .similarity = 0.9}, true});
  }
  EXPECT_LE(learner.totals().pools, 10u);
  EXPECT_LE(learner.totals().labels, 20u * 8);
}

// The realised rate of wrong answers, over all requests of a shape: mean and every single stream.
TEST(ErrorBoundSimulation, StaysUnderTheBoundForEveryShapeOfTraffic) {
  constexpr std::size_t kRequests = 3000;
  constexpr std::uint64_t kSeeds = 12;
  std::printf("%-12s %9s %10s %8s %8s %8s\n", "traffic", "max_error", "unbounded", "wrong", "worst",
              "served");
  for (const TrafficShape& shape : TrafficShapes()) {
    for (const double max_error : {0.02, 0.05}) {
      double wrong = 0, unbounded = 0, served = 0, worst = 0;
      for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        const auto result = Simulate(shape, kRequests, max_error, seed);
        wrong += double(result.wrong);
        unbounded += double(result.unbounded_wrong);
        served += double(result.served);
        worst = std::max(worst, double(result.wrong));
      }
      constexpr double kAll = double(kRequests) * kSeeds;
      std::printf("%-12s %9.2f %10.4f %8.4f %8.4f %8.3f\n", shape.name.c_str(), max_error,
                  unbounded / kAll, wrong / kAll, worst / kRequests, served / kAll);
      const auto tolerance = [&](double requests) {
        return 3 * std::sqrt(max_error * (1 - max_error) * requests);
      };
      EXPECT_LE(wrong, max_error * kAll + tolerance(kAll)) << shape.name;
      EXPECT_LE(worst, max_error * kRequests + tolerance(kRequests)) << shape.name;
      EXPECT_LE(wrong, unbounded);
      // It would keep any bound by never serving.
      if (unbounded / kAll < max_error / 2) EXPECT_GT(served / kAll, 0.3) << shape.name;
    }
  }
}

// What the test above would say of a bound that is none.
TEST(ErrorBoundSimulation, ServingEverythingBreaksTheBound) {
  std::size_t over = 0;
  for (const TrafficShape& shape : TrafficShapes()) {
    const auto result = Simulate(shape, 4000, 1.0, 1);
    over += result.unbounded_wrong > 0.02 * 4000 + 3 * std::sqrt(0.02 * 0.98 * 4000);
  }
  EXPECT_GE(over, 4u);
}

}  // namespace
}  // namespace reprise
