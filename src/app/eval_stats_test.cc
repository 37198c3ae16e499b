#include "app/eval_stats.h"

#include <gtest/gtest.h>

namespace reprise {
namespace {

TEST(Wilson, AgreesWithPublishedValues) {
  // Newcombe 1998, table I: method 3.
  const struct {
    std::size_t part, of;
    double low, high;
  } cases[] = {{81, 263, 0.2553, 0.3662},
               {15, 148, 0.0624, 0.1605},
               {0, 20, 0, 0.1611},
               {1, 29, 0.0061, 0.1718}};
  for (const auto& [part, of, low, high] : cases) {
    EXPECT_NEAR(WilsonInterval(part, of).low, low, 5e-5);
    EXPECT_NEAR(WilsonInterval(part, of).high, high, 5e-5);
  }
}

TEST(Wilson, KnowsItsLimits) {
  EXPECT_EQ(WilsonInterval(0, 0).low, 0);
  EXPECT_EQ(WilsonInterval(0, 0).high, 1);
  EXPECT_EQ(WilsonInterval(0, 50).low, 0);
  EXPECT_EQ(WilsonInterval(50, 50).high, 1);
  EXPECT_LT(WilsonInterval(50, 50).low, 1);
}

TEST(TrialsFor, IsTheSmallestNumberThatProvesTheError) {
  for (const double error : {0.001, 0.01, 0.02, 0.05, 0.5}) {
    const std::size_t trials = TrialsFor(error);
    EXPECT_LE(WilsonInterval(0, trials).high, error);
    EXPECT_GT(WilsonInterval(0, trials - 1).high, error);
  }
  EXPECT_EQ(TrialsFor(0.02), 189u);
}

TEST(Tally, SharesAreOfWhatTheyAreNamedAfter) {
  Tally tally;
  for (const auto& [must, hit] : {std::pair{true, true},
                                  {true, true},
                                  {true, false},
                                  {false, true},
                                  {false, false},
                                  {false, false},
                                  {false, false}}) {
    tally.Count(must, hit);
  }
  EXPECT_DOUBLE_EQ(tally.precision().value(), 2.0 / 3);
  EXPECT_DOUBLE_EQ(tally.recall().value(), 2.0 / 3);
  EXPECT_DOUBLE_EQ(tally.false_hits().value(), 1.0 / 4);
  EXPECT_DOUBLE_EQ(tally.hit_rate().value(), 3.0 / 7);
  EXPECT_EQ(Tally().precision().value(), 0);
}

const CurvePoint& At(const std::vector<CurvePoint>& curve, double threshold) {
  for (const CurvePoint& point : curve) {
    if (point.threshold == threshold) return point;
  }
  throw std::out_of_range("no such point");
}

TEST(Curve, APairHitsFromItsScoreDownAndAVetoNever) {
  const std::vector<ScoredPair> pairs = {
      {true, 0.85, false}, {true, 1, false}, {false, 0.3, true}, {false, 0.5, false}};
  const auto curve = Curve(pairs);
  EXPECT_EQ(curve.size(), 201u);
  EXPECT_EQ(At(curve, 0).tally.hit_rate().part, 3u);
  EXPECT_EQ(At(curve, 0.5).tally.wrong_hits, 1u);
  EXPECT_EQ(At(curve, 0.505).tally.wrong_hits, 0u);
  EXPECT_EQ(At(curve, 0.85).tally.right_hits, 2u);
  EXPECT_EQ(At(curve, 0.855).tally.right_hits, 1u);
  EXPECT_EQ(At(curve, 1).tally.right_hits, 1u);
}

TEST(Recommend, IsTheLowestThresholdProvenGoodEnough) {
  std::vector<ScoredPair> pairs(189, {false, 0.2, false});
  pairs.push_back({true, 0.7, false});
  const auto point = Recommend(Curve(pairs), 0.02);
  ASSERT_TRUE(point);
  EXPECT_DOUBLE_EQ(point->threshold, 0.205);
  EXPECT_EQ(point->tally.recall().part, 1u);
}

TEST(Recommend, NothingWhenTheDataCannotProveIt) {
  // Not one false hit above 0.2, but 188 pairs are too few to speak of 2 %.
  EXPECT_FALSE(Recommend(Curve(std::vector<ScoredPair>(188, {false, 0.2, false})), 0.02));
  EXPECT_FALSE(Recommend(Curve(std::vector<ScoredPair>(500, {false, 1, false})), 0.02));
  EXPECT_FALSE(Recommend(Curve({}), 0.02));
}

}  // namespace
}  // namespace reprise
