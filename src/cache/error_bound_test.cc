#include "cache/error_bound.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace reprise {
namespace {

std::vector<Observation> Draw(std::size_t count, double threshold, double slope, unsigned seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<Observation> observations;
  for (std::size_t i = 0; i < count; ++i) {
    const double s = 0.8 + 0.2 * uniform(random);
    observations.push_back({s, uniform(random) < 1 / (1 + std::exp(-slope * (s - threshold)))});
  }
  return observations;
}

TEST(NormalQuantile, KnownValues) {
  EXPECT_NEAR(NormalQuantile(0.5), 0, 1e-9);
  EXPECT_NEAR(NormalQuantile(0.975), 1.959963985, 1e-7);
  EXPECT_NEAR(NormalQuantile(0.001), -3.090232306, 1e-7);
  EXPECT_NEAR(NormalQuantile(0.999999), 4.753424309, 1e-6);
  for (const double p : {1e-6, 0.01, 0.3, 0.7, 0.99}) {
    EXPECT_NEAR(std::erfc(-NormalQuantile(p) / std::sqrt(2)) / 2, p, 1e-8);
  }
}

TEST(FitCurve, FindsTheCurveThatDrewTheLabels) {
  const ChanceCurve curve = FitCurve(Draw(5000, 0.9, 40, 1));
  EXPECT_NEAR(curve.threshold, 0.9, 0.005);
  EXPECT_NEAR(curve.slope, 40, 5);
  EXPECT_NEAR(curve.At(0.95), 1 / (1 + std::exp(-40 * 0.05)), 0.03);
}

// The delta method's error against the spread of the estimates themselves.
TEST(FitCurve, ItsStandardErrorIsTheSpreadOfItsThresholds) {
  double sum = 0, squares = 0, claimed = 0;
  constexpr int kFits = 300;
  for (unsigned seed = 0; seed < kFits; ++seed) {
    const ChanceCurve curve = FitCurve(Draw(400, 0.9, 40, seed));
    sum += curve.threshold;
    squares += curve.threshold * curve.threshold;
    claimed += curve.standard_error / kFits;
  }
  const double spread = std::sqrt(squares / kFits - (sum / kFits) * (sum / kFits));
  EXPECT_NEAR(claimed, spread, 0.2 * spread);
}

TEST(FitCurve, LabelsThatAreAllAlikeGiveACurveAllTheSame) {
  for (const bool same : {true, false}) {
    for (const std::size_t count : {0u, 1u, 5u, 2000u}) {
      const ChanceCurve curve = FitCurve(std::vector<Observation>(count, {0.93, same}));
      ASSERT_TRUE(std::isfinite(curve.threshold) && std::isfinite(curve.standard_error));
      EXPECT_GT(curve.slope, 0);
      EXPECT_GT(curve.standard_error, 0);
      if (count == 2000) {
        EXPECT_NEAR(curve.At(0.93), same ? 1 : 0, 0.01);
      }
    }
  }
}

TEST(CorrectCurve, OwnLabelsPullTheThresholdAndNarrowIt) {
  const ChanceCurve pool = FitCurve(Draw(500, 0.8, 30, 1));
  const std::vector<Observation> wrong(1, {0.95, false}), right(20, {0.95, true});
  EXPECT_EQ(CorrectCurve(pool, {}, 2).threshold, pool.threshold);
  EXPECT_LT(CorrectCurve(pool, wrong, 2).At(0.95), pool.At(0.95) - 0.1);
  EXPECT_GT(CorrectCurve(pool, right, 2).At(0.95), pool.At(0.95));
  const std::vector<Observation> mixed = Draw(60, 0.9, 30, 2);
  EXPECT_NEAR(CorrectCurve(pool, mixed, 2).threshold, 0.9, 0.04);
  EXPECT_LT(CorrectCurve(pool, mixed, 2).standard_error,
            CorrectCurve(pool, std::span(mixed).first(5), 2).standard_error);
}

TEST(LowerRate, IsExactWithoutAWrongLabelAndBelowTheRateElse) {
  EXPECT_EQ(LowerRate({0, 0}, 0.05), 0);
  EXPECT_NEAR(LowerRate({100, 0}, 0.05), std::pow(0.05, 1 / 100.0), 1e-9);
  EXPECT_EQ(LowerRate({5, 5}, 0.05), 0);
  EXPECT_LT(LowerRate({100, 5}, 0.05), 0.95);
  EXPECT_GT(LowerRate({10'000, 500}, 0.05), 0.94);
  for (const std::size_t different : {1u, 7u, 30u, 99u}) {
    const double q = LowerRate({100, different}, 0.01), p = 1 - double(different) / 100;
    const double kl = p * std::log(p / q) + (1 - p) * std::log((1 - p) / (1 - q));
    EXPECT_NEAR(100 * kl, std::log(1 / 0.01), 1e-4) << different;
  }
}

// It fails no more often than it says.
TEST(LowerRate, Covers) {
  std::mt19937_64 random(3);
  for (const double p : {0.9, 0.98, 0.999}) {
    int failed = 0;
    constexpr int kDraws = 4000;
    for (int i = 0; i < kDraws; ++i) {
      std::binomial_distribution<std::size_t> different(200, 1 - p);
      failed += LowerRate({200, different(random)}, 0.1) > p;
    }
    EXPECT_LE(failed, 0.1 * kDraws + 3 * std::sqrt(0.09 * kDraws)) << p;
  }
}

// vCache's own bound: the largest rectangle of (3), for one kind of limit.
TEST(ChanceBound, IsNeverBelowTheLargestRectangle) {
  for (const LabelCount count : {LabelCount{10, 0}, {100, 0}, {300, 2}, {50, 20}}) {
    double rectangle = 0;
    for (double e = 1e-6; e < 0.9; e *= 1.8) {
      rectangle = std::max(rectangle, (1 - e) * LowerRate(count, e));
    }
    const double bound = ChanceBound({.similarity = 0.9, .pool_count = count});
    EXPECT_GE(bound, rectangle - 0.01);
    EXPECT_LT(bound, 1 - double(count.different) / double(count.labels) + 1e-9);
  }
  const ChanceCurve curve = FitCurve(Draw(400, 0.85, 60, 5));
  double rectangle = 0;
  for (double e = 1e-6; e < 0.9; e *= 1.8) {
    rectangle = std::max(rectangle, (1 - e) * curve.LowerLimit(0.97, e));
  }
  EXPECT_GE(ChanceBound({.similarity = 0.97, .pool_curve = &curve}), rectangle - 0.01);
}

TEST(ChanceBound, GrowsWithLabelsThatAgreeAndFallsWithThoseThatDoNot) {
  double before = 0;
  for (const std::size_t labels : {1u, 10u, 100u, 1000u}) {
    const double bound = ChanceBound({.similarity = 0.9, .pool_count = {labels, 0}});
    EXPECT_GT(bound, before);
    before = bound;
  }
  EXPECT_LT(ChanceBound({.similarity = 0.9, .pool_count = {1000, 30}}), before);
  EXPECT_EQ(ChanceBound({.similarity = 0.9}), 0);
}

TEST(ExploreProbability, IsTheLeastThatKeepsTheProduct) {
  EXPECT_DOUBLE_EQ(ExploreProbability(0, 0.02, 0), 0.98);
  EXPECT_DOUBLE_EQ(ExploreProbability(0.9, 0.02, 0), 0.8);
  EXPECT_NEAR(ExploreProbability(0.98, 0.02, 0), 0, 1e-12);
  EXPECT_DOUBLE_EQ(ExploreProbability(0.999, 0.02, 0.05), 0.05);
  EXPECT_DOUBLE_EQ(ExploreProbability(1, 0.02, 0), 0);
  EXPECT_DOUBLE_EQ(ExploreProbability(0, 1, 0), 0);
  for (const double bound : {0.1, 0.5, 0.95}) {
    EXPECT_NEAR((1 - ExploreProbability(bound, 0.03, 0)) * (1 - bound), 0.03, 1e-12);
  }
}

}  // namespace
}  // namespace reprise
