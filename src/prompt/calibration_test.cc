#include "prompt/calibration.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace reprise {
namespace {

double Logistic(double x) {
  return 1 / (1 + std::exp(-x));
}

// Pairs whose labels follow `truth`.
std::vector<CalibrationSample> Draw(const Calibration& truth, std::size_t count) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> unit;
  std::vector<CalibrationSample> samples(count);
  for (CalibrationSample& sample : samples) {
    sample.similarity = 0.02 + 0.96 * unit(random);
    sample.cosine = unit(random);
    const double logit = std::log(sample.similarity / (1 - sample.similarity));
    const double d = truth.bias + truth.similarity * logit + truth.cosine * sample.cosine;
    sample.hit = unit(random) < Logistic(d);
  }
  return samples;
}

TEST(Calibration, TheDefaultChangesNothing) {
  const Calibration identity;
  for (double s : {0.0, 0.123456789, 0.85, 0.9999999, 1.0}) {
    EXPECT_EQ(identity.Probability(s, 0.4), s);
    EXPECT_EQ(identity.Apply({.similarity = s}, 0.4).similarity, s);
  }
}

TEST(Calibration, VetoesAndEqualTextStayAsTheyAre) {
  const Calibration eager{.bias = 9, .similarity = 1, .cosine = 9};
  const Verdict vetoed =
      eager.Apply({.similarity = 0.3, .vetoed = true, .reason = "count: 2/3"}, 1);
  EXPECT_EQ(vetoed.similarity, 0.3);
  EXPECT_TRUE(vetoed.vetoed);
  EXPECT_EQ(vetoed.reason, "count: 2/3");
  EXPECT_EQ(eager.Apply({.similarity = 1, .reason = "equal"}, 1).similarity, 1);
  EXPECT_LT(eager.Apply({.similarity = 0.98}, 1).similarity, 1);
  const Calibration wary{.bias = -9, .similarity = 1, .cosine = 0};
  EXPECT_EQ(wary.Apply({.similarity = 1, .reason = "equal"}, 1).similarity, 1);
  EXPECT_LT(wary.Apply({.similarity = 0.98}, 1).similarity, 0.1);
}

TEST(Calibration, NeverFallsAsSimilarityOrCosineGrow) {
  const Calibration fitted = FitCalibration(Draw({-2, 0.7, 3}, 500));
  for (double s = 0; s < 0.99; s += 0.01) {
    EXPECT_LE(fitted.Probability(s, 0.5), fitted.Probability(s + 0.01, 0.5));
    EXPECT_LE(fitted.Probability(0.5, s), fitted.Probability(0.5, s + 0.01));
  }
}

TEST(Calibration, TheFitFindsWhatMadeTheLabels) {
  const Calibration truth{.bias = -3, .similarity = 0.6, .cosine = 4};
  const Calibration fitted = FitCalibration(Draw(truth, 50'000));
  EXPECT_NEAR(fitted.bias, truth.bias, 0.15);
  EXPECT_NEAR(fitted.similarity, truth.similarity, 0.05);
  EXPECT_NEAR(fitted.cosine, truth.cosine, 0.2);
}

TEST(Calibration, WeightsThatWouldBeNegativeAreZero) {
  const auto samples = Draw({.bias = 1, .similarity = 1, .cosine = -5}, 5'000);
  const Calibration fitted = FitCalibration(samples);
  EXPECT_EQ(fitted.cosine, 0);
  EXPECT_GT(fitted.similarity, 0.5);
  // The best of what the bounds allow, not a projection of the free optimum.
  for (const Calibration& other : {Calibration{fitted.bias + 0.05, fitted.similarity, 0},
                                   Calibration{fitted.bias - 0.05, fitted.similarity, 0},
                                   Calibration{fitted.bias, fitted.similarity + 0.05, 0},
                                   Calibration{fitted.bias, fitted.similarity - 0.05, 0},
                                   Calibration{fitted.bias, fitted.similarity, 0.05}}) {
    EXPECT_LT(LogLoss(samples, fitted), LogLoss(samples, other));
  }
}

TEST(Calibration, LittleDataChangesLittle) {
  EXPECT_EQ(FitCalibration({}), Calibration{});
  const std::vector<CalibrationSample> one = {{.similarity = 0.9, .cosine = 0.9, .hit = false}};
  const Calibration fitted = FitCalibration(one, 10);
  EXPECT_NEAR(fitted.similarity, 1, 0.3);
  EXPECT_NEAR(fitted.bias, 0, 0.3);
}

TEST(Calibration, SeparableDataStaysFinite) {
  std::vector<CalibrationSample> samples;
  for (int i = 0; i < 100; ++i)
    samples.push_back({i < 50 ? 0.1 : 0.99, i < 50 ? 0.1 : 0.9, i >= 50});
  const Calibration fitted = FitCalibration(samples);
  EXPECT_TRUE(std::isfinite(fitted.bias) && fitted.similarity < 50 && fitted.cosine < 50);
  EXPECT_GT(fitted.Probability(0.99, 0.9), 0.9);
  EXPECT_LT(fitted.Probability(0.1, 0.1), 0.1);
}

TEST(LogLoss, IsTheMeanSurprise) {
  EXPECT_EQ(LogLoss({}, {}), 0);
  const std::vector<CalibrationSample> samples = {{0.8, 0, true}, {0.8, 0, false}};
  EXPECT_NEAR(LogLoss(samples, {}), -(std::log(0.8) + std::log(0.2)) / 2, 1e-12);
}

}  // namespace
}  // namespace reprise
