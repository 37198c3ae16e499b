#include "app/eval_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "app/eval_plot.h"
#include "app/eval_testing.h"

namespace reprise {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kHit = PairLabel::kHit, kMiss = PairLabel::kMiss, kNone = PairLabel::kNone;

Evaluation Sample(const EvalRule& rule = {}) {
  std::vector<JudgedPair> pairs = {Judged(kHit, 0.9, 0.8), Judged(kHit, 0.7, 0.6),
                                   Judged(kMiss, 0.3, 0.95, true), Judged(kMiss, 0.86, 0.5),
                                   Judged(kNone, 0.99, 0.99)};
  pairs[1].pair.kind = "synonym";
  pairs[3].pair.kind = "colour";
  Evaluation evaluation = Evaluate(std::move(pairs), rule);
  evaluation.file = "a<b>.tsv";
  evaluation.embedder = "lexical-1";
  return evaluation;
}

TEST(Evaluate, CountsByLabelAndKind) {
  const Evaluation e = Sample();
  EXPECT_EQ(e.overall.right_hits, 1u);
  EXPECT_EQ(e.overall.wrong_hits, 1u);
  EXPECT_EQ(e.overall.must_hit, 2u);
  EXPECT_EQ(e.overall.must_miss, 2u);
  EXPECT_EQ(e.unlabelled.part, 1u);
  ASSERT_EQ(e.kinds.size(), 3u);
  EXPECT_EQ(e.kinds[0].kind, "k");
  EXPECT_EQ(e.kinds[0].tally.must_hit, 1u);
  EXPECT_EQ(e.kinds[0].tally.must_miss, 1u);
  EXPECT_EQ(e.kinds[2].tally.wrong_hits, 1u);
}

TEST(Evaluate, TheCurvesAreOfTheVerdictAndOfTheCosine) {
  const Evaluation e = Sample();
  EXPECT_EQ(e.verified[0].tally.hit_rate().part, 3u) << "the veto holds at every threshold";
  EXPECT_EQ(e.embedding[0].tally.hit_rate().part, 4u);
  EXPECT_EQ(e.verified[180].tally.hit_rate().part, 1u);
  EXPECT_EQ(e.embedding[180].tally.wrong_hits, 1u);
}

TEST(ReportText, SaysWhatWasMeasuredAndWhatIsWrong) {
  const std::string text = ReportText(Sample(), true);
  EXPECT_THAT(text, HasSubstr("embedder lexical-1, match safe, threshold 0.85"));
  EXPECT_THAT(text, HasSubstr("1 of 2 hits were right"));
  EXPECT_THAT(text, HasSubstr("at least 189 pairs that must miss, and there are 2"));
  EXPECT_THAT(text, HasSubstr("hit instead of miss: colour  similarity 0.860"));
  EXPECT_THAT(text, HasSubstr("miss instead of hit: synonym  similarity 0.700"));
  EXPECT_THAT(ReportText(Sample(), false), Not(HasSubstr("instead of")));
}

TEST(ReportText, RecommendsAThreshold) {
  std::vector<JudgedPair> pairs(300, Judged(kMiss, 0.4, 0.4));
  pairs.push_back(Judged(kHit, 0.8, 0.9));
  EXPECT_THAT(
      ReportText(Evaluate(std::move(pairs), {}), false),
      HasSubstr("recommended threshold for at most 2.0 % false hits: 0.405 (recall 100.0 %"));
}

TEST(ReportJson, HasTheSameFigures) {
  const auto json = ReportJson(Sample(), true);
  EXPECT_EQ(json["overall"]["recall"]["part"], 1);
  EXPECT_EQ(json["overall"]["false_hits"]["of"], 2);
  EXPECT_EQ(json["kinds"][1]["kind"], "synonym");
  EXPECT_TRUE(json["kinds"][1]["false_hits"]["value"].is_null()) << "of nothing";
  EXPECT_EQ(json["curve"]["verified"].size(), 201u);
  EXPECT_TRUE(json["recommended"].is_null());
  EXPECT_EQ(json["errors"].size(), 2u);
  EXPECT_EQ(json["errors"][1]["decision"], "hit");
  EXPECT_FALSE(ReportJson(Sample(), false).contains("errors"));
}

TEST(ScoresTsv, HasALineForEveryPair) {
  const std::string scores = ScoresTsv(Sample());
  EXPECT_THAT(scores,
              testing::StartsWith("label\tkind\tdecision\tsimilarity\tcosine\treason\ta\tb\n"));
  EXPECT_THAT(scores, HasSubstr("miss\tk\tmiss\t0.300000\t0.950000\tr\ta"));
  EXPECT_THAT(scores, HasSubstr("-\tk\thit\t0.990000\t0.990000\tr\ta"));
  EXPECT_EQ(std::ranges::count(scores, '\n'), 6);
}

TEST(PlotSvg, DrawsBothCurvesAndEscapesText) {
  const std::string svg = PlotSvg(Sample());
  EXPECT_THAT(svg, HasSubstr("a&lt;b&gt;.tsv: 4 pairs"));
  EXPECT_THAT(svg, HasSubstr("verified (safe)"));
  EXPECT_THAT(svg, HasSubstr("embedding alone"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, testing::EndsWith("</svg>\n"));
}

TEST(PlotSvg, OneCurveWhenTheCosineDecides) {
  const std::string svg = PlotSvg(Sample({.match = {.mode = MatchMode::kOff, .calibration = {}}}));
  EXPECT_THAT(svg, Not(HasSubstr("verified")));
  EXPECT_THAT(svg, HasSubstr("embedding alone"));
}

TEST(PlotSvg, NothingToDrawIsNoError) {
  EXPECT_THAT(PlotSvg(Evaluate({}, {})), Not(HasSubstr("nan")));
  EXPECT_THAT(PlotSvg(Evaluate({Judged(kMiss, 0, 0, true)}, {})), Not(HasSubstr("inf")));
}

}  // namespace
}  // namespace reprise
