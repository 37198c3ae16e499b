#include "app/eval_calibrate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "app/config.h"
#include "app/eval_testing.h"

namespace reprise {
namespace {

using ::testing::HasSubstr;

// Labels that the cosine tells and the similarity, too low throughout, hardly does.
std::vector<JudgedPair> CosineTells(std::size_t count) {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> unit;
  std::vector<JudgedPair> pairs;
  for (std::size_t i = 0; i < count; ++i) {
    const bool hit = i % 2 == 0;
    const double cosine = (hit ? 0.75 : 0.25) + 0.2 * unit(random);
    pairs.push_back(
        Judged(hit ? PairLabel::kHit : PairLabel::kMiss, 0.4 + 0.3 * unit(random), cosine));
  }
  return pairs;
}

TEST(Calibrate, RaisesRecallOnPairsItHasNotSeen) {
  const auto report = Calibrate(CosineTells(600), 0.85);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->samples, 600u);
  EXPECT_EQ(report->before.recall().part, 0u);
  EXPECT_GT(report->after.recall().value(), 0.7);
  EXPECT_LT(report->after.false_hits().value(), 0.02);
  EXPECT_LT(report->log_loss_after, report->log_loss_before / 2);
  EXPECT_GT(report->calibration.cosine, 3);
}

TEST(Calibrate, VetoesAndEqualTextAreCountedButNotFitted) {
  auto pairs = CosineTells(200);
  for (int i = 0; i < 50; ++i) {
    pairs.push_back(Judged(PairLabel::kMiss, 0.3, 0.99, true));
    pairs.push_back(Judged(PairLabel::kHit, 1, 1));
    pairs.push_back(Judged(PairLabel::kNone, 0.5, 0.5));
  }
  const auto report = Calibrate(pairs, 0.85);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->samples, 200u);
  EXPECT_EQ(report->calibration, Calibrate(CosineTells(200), 0.85)->calibration);
  EXPECT_EQ(report->after.must_hit, 150u);
  EXPECT_EQ(report->after.must_miss, 150u);
  EXPECT_EQ(report->before.right_hits, 50u);
  EXPECT_GE(report->after.right_hits, 50u);
}

// Each prompt comes with both labels at random, so there is nothing to learn: a fold that saw
// other pairs of its prompts would look better than chance.
TEST(Calibrate, PairsThatShareAPromptAreHeldOutTogether) {
  std::vector<JudgedPair> pairs;
  for (int prompt = 0; prompt < 40; ++prompt) {
    for (int i = 0; i < 2; ++i) {
      JudgedPair judged =
          Judged(prompt % 2 == 0 ? PairLabel::kHit : PairLabel::kMiss, 0.5, 0.02 * prompt);
      judged.pair.a = "prompt " + std::to_string(prompt / 4);
      pairs.push_back(judged);
    }
  }
  const auto report = Calibrate(pairs, 0.85);
  ASSERT_TRUE(report);
  EXPECT_GE(report->log_loss_after, std::log(2) - 1e-3);
}

TEST(Calibrate, TooFewPairsAreRefused) {
  const auto report = Calibrate(CosineTells(18), 0.85);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Code::kInvalidArgument);
  EXPECT_THAT(report.error().message, HasSubstr("at least 10 pairs labelled hit"));
  EXPECT_THAT(report.error().message, HasSubstr("there are 9 and 9"));
}

TEST(Calibrate, ThePrintedYamlIsTheConfiguration) {
  const auto report = Calibrate(CosineTells(600), 0.85);
  const std::string text = CalibrationText(*report, 0.85);
  EXPECT_THAT(text, HasSubstr(CalibrationYaml(report->calibration)));
  const auto config = ParseConfig(CalibrationYaml(report->calibration), "c.yaml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_NEAR(config->cache.calibration.bias, report->calibration.bias, 1e-4);
  EXPECT_NEAR(config->cache.calibration.similarity, report->calibration.similarity, 1e-4);
  EXPECT_NEAR(config->cache.calibration.cosine, report->calibration.cosine, 1e-4);
  EXPECT_EQ(CalibrationJson(*report, 0.85)["calibration"]["bias"], report->calibration.bias);
}

}  // namespace
}  // namespace reprise
