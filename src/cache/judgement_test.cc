#include "cache/judgement.h"

#include <gtest/gtest.h>

namespace reprise {
namespace {

// Says the same of every pair, and which mode it was asked in.
class FixedVerifier final : public Verifier {
 public:
  explicit FixedVerifier(Verdict verdict) : verdict_(std::move(verdict)) {}
  Verdict Verify(const Prompt&, const Prompt&, MatchMode mode) const override {
    Verdict verdict = verdict_;
    verdict.sentence = mode == MatchMode::kSafe ? "safe" : "hard";
    return verdict;
  }

 private:
  const Verdict verdict_;
};

Verdict Judge(const Verdict& given, double cosine, const MatchRule& rule) {
  const Prompt prompt = Analyze("a lamp");
  return JudgePair(FixedVerifier(given), {prompt, prompt, cosine}, rule);
}

TEST(JudgePair, TheVerifierDecidesInItsMode) {
  const Verdict safe = Judge({.similarity = 0.9, .reason = "paraphrase"}, 0.2, {});
  EXPECT_EQ(safe.similarity, 0.9);
  EXPECT_EQ(safe.reason, "paraphrase");
  EXPECT_EQ(safe.sentence, "safe");
  EXPECT_EQ(Judge({}, 0.2, {.mode = MatchMode::kHard, .calibration = {}}).sentence, "hard");
}

TEST(JudgePair, CalibrationMovesTheSimilarityAlone) {
  const MatchRule rule{.calibration = {.bias = -1, .similarity = 1, .cosine = 2}};
  const Verdict near = Judge({.similarity = 0.8, .reason = "unmatched: hat"}, 0.95, rule);
  const Verdict far = Judge({.similarity = 0.8}, 0.1, rule);
  EXPECT_GT(near.similarity, 0.8);
  EXPECT_LT(far.similarity, 0.8);
  EXPECT_EQ(near.reason, "unmatched: hat");
}

TEST(JudgePair, OffIsTheCosineWithoutVetoOrCalibration) {
  const MatchRule rule{.mode = MatchMode::kOff, .calibration = {.bias = -9}};
  const Verdict verdict = Judge({.similarity = 0.1, .vetoed = true}, 0.875, rule);
  EXPECT_EQ(verdict.similarity, 0.875);
  EXPECT_FALSE(verdict.vetoed);
  EXPECT_EQ(verdict.reason, "cosine");
  EXPECT_EQ(Judge({}, -0.5, rule).similarity, 0);
  EXPECT_EQ(Judge({}, 1.0004, rule).similarity, 1) << "vectors are rounded to binary16";
}

TEST(IsHit, TakesTheThresholdItselfButNoVeto) {
  EXPECT_TRUE(IsHit({.similarity = 0.85}, 0.85));
  EXPECT_FALSE(IsHit({.similarity = 0.8499}, 0.85));
  EXPECT_FALSE(IsHit({.similarity = 0.3, .vetoed = true}, 0.1));
}

}  // namespace
}  // namespace reprise
