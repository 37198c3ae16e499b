#include "cache/audit_estimate.h"

#include <gtest/gtest.h>

#include <random>

namespace reprise {
namespace {

TEST(WilsonInterval, KnownValues) {
  EXPECT_NEAR(WilsonInterval(0, 10).low, 0, 1e-12);
  EXPECT_NEAR(WilsonInterval(0, 10).high, 0.2775, 1e-4);
  EXPECT_NEAR(WilsonInterval(5, 10).low, 0.2366, 1e-4);
  EXPECT_NEAR(WilsonInterval(5, 10).high, 0.7634, 1e-4);
  EXPECT_NEAR(WilsonInterval(81, 263).low, 0.2553, 1e-4);  // Newcombe 1998
  EXPECT_NEAR(WilsonInterval(81, 263).high, 0.3662, 1e-4);
  EXPECT_EQ(WilsonInterval(0, 0).low, 0);
  EXPECT_EQ(WilsonInterval(0, 0).high, 1);
}

TEST(EstimateFalseHits, WithoutAControlIsThePlainShare) {
  const auto estimate = EstimateFalseHits({100, 5}, {});
  EXPECT_DOUBLE_EQ(estimate.rate, 0.05);
  EXPECT_NEAR(estimate.interval.low, WilsonInterval(5, 100).low, 1e-12);
}

TEST(EstimateFalseHits, TakesOffWhatTheControlShows) {
  // Newcombe 1998, table II (a): 56/70 - 48/80, interval 0.0524 to 0.3339.
  const auto estimate = EstimateFalseHits({70, 56}, {80, 48});
  EXPECT_NEAR(estimate.rate, 0.2 / 0.4, 1e-9);
  EXPECT_NEAR(estimate.interval.low, 0.0524 / 0.4, 1e-3);
  EXPECT_NEAR(estimate.interval.high, 0.3339 / 0.4, 1e-3);
  const auto equal = EstimateFalseHits({100, 3}, {100, 3});
  EXPECT_EQ(equal.rate, 0);
  EXPECT_EQ(equal.interval.low, 0);
  EXPECT_GT(equal.interval.high, 0.02);
  EXPECT_EQ(EstimateFalseHits({0, 0}, {10, 1}).interval.high, 1);
}

// 95 % intervals hold the truth in about 95 % of audits.
TEST(EstimateFalseHits, Covers) {
  std::mt19937_64 random(1);
  constexpr double kFalse = 0.05, kNoise = 0.04;
  int covered = 0;
  constexpr int kAudits = 2000;
  for (int i = 0; i < kAudits; ++i) {
    std::binomial_distribution<std::size_t> hits(400, (1 - kFalse) * kNoise + kFalse);
    std::binomial_distribution<std::size_t> control(100, kNoise);
    const auto estimate = EstimateFalseHits({400, hits(random)}, {100, control(random)});
    covered += estimate.interval.low <= kFalse && kFalse <= estimate.interval.high;
  }
  EXPECT_GT(covered, 0.93 * kAudits);
}

TEST(SameThreshold, IsWhatOneInFiftyControlsStaysBelow) {
  std::vector<double> scores;
  for (std::size_t i = 0; i < kLeastControls - 1; ++i) scores.push_back(0.5 + double(i) / 100);
  EXPECT_EQ(SameThreshold(scores), std::nullopt);
  scores.push_back(0.9);
  EXPECT_EQ(SameThreshold(scores), 0.5);
  scores.clear();
  for (int i = 99; i >= 0; --i) scores.push_back(i / 100.0);
  EXPECT_EQ(SameThreshold(scores), 0.02);
}

// How often a further pair of one prompt falls below a threshold taken from its kin.
TEST(SameThreshold, ItsRateOfFalseAlarmsIsWhatWithoutFlatterySays) {
  std::mt19937_64 random(2);
  std::normal_distribution<double> score(0.8, 0.05);
  for (const std::size_t controls : {20u, 60u, 200u}) {
    double alarms = 0, said = 0;
    constexpr int kDraws = 20'000;
    for (int draw = 0; draw < kDraws; ++draw) {
      std::vector<double> scores(controls);
      for (double& value : scores) value = score(random);
      const double threshold = *SameThreshold(scores);
      std::size_t below = 0;
      for (const double value : scores) below += value < threshold;
      const JudgedPairs fair = WithoutFlattery({controls, below});
      said += double(fair.different) / double(fair.judged) / kDraws;
      alarms += double(score(random) < threshold) / kDraws;
    }
    EXPECT_NEAR(alarms, said, 0.006) << controls;
  }
}

}  // namespace
}  // namespace reprise
