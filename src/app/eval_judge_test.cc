#include "app/eval_judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "base/io_threads.h"
#include "cache/semantic_tier.h"

namespace reprise {
namespace {

// The built-in embedder, counting its calls and failing on request.
class CountingEmbedder final : public Embedder {
 public:
  std::string_view identity() const override { return "counting"; }
  std::size_t dimensions() const override { return embedder_->dimensions(); }
  Task<Result<Embedding>> Embed(const Prompt& prompt) override {
    ++calls;
    if (prompt.original == "fail") co_return Fail(Code::kUnavailable, "no model today");
    co_return co_await embedder_->Embed(prompt);
  }
  std::atomic<int> calls = 0;

 private:
  const std::unique_ptr<Embedder> embedder_ = MakeBuiltInEmbedder();
};

class PairJudgeTest : public testing::Test {
 protected:
  IoThreads io_{2};
  CountingEmbedder embedder_;
  const std::unique_ptr<Verifier> verifier_ = MakeLexicalVerifier();
  PairJudge judge_{embedder_, *verifier_, io_.context()};
};

LabelledPair Pair(std::string a, std::string b) {
  return {.label = PairLabel::kHit, .kind = "k", .a = std::move(a), .b = std::move(b)};
}

TEST_F(PairJudgeTest, DecidesAsTheSemanticTier) {
  const std::vector<LabelledPair> pairs = {
      Pair("a red fox in the snow", "please draw a red fox in the snow"),
      Pair("a blue car", "a grey car"), Pair("two cats", "a loaf of bread"),
      Pair("A CASTLE", "a castle!")};
  for (const MatchMode mode : {MatchMode::kSafe, MatchMode::kHard, MatchMode::kOff}) {
    const MatchRule rule{.mode = mode, .calibration = {.bias = -0.5, .similarity = 1, .cosine = 1}};
    const auto judged = judge_.Judge(pairs, rule);
    ASSERT_TRUE(judged);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      EntryTable table;
      SemanticTier tier(*verifier_, table, embedder_.dimensions());
      Entry record;
      record.id = 1;
      record.prompt = pairs[i].a;  // the first came first
      table.Put(std::make_shared<const CachedEntry>(record, std::make_shared<EntryUsage>()));
      ASSERT_TRUE(tier.Add({}, 1, ToHalf(EmbedBuiltIn(Analyze(pairs[i].a)))));
      const Prompt asked = Analyze(pairs[i].b);
      const Embedding embedding = EmbedBuiltIn(asked);
      const SemanticResult found =
          tier.Find({.partition = {},
                     .prompt = asked,
                     .embedding = embedding,
                     .mode = mode,
                     .threshold = 0.85,
                     .calibration = rule.calibration,
                     .objection = [](const CachedEntry&) { return std::string(); }});
      const Verdict& verdict = (*judged)[i].verdict;
      ASSERT_EQ(found.hit.has_value(), IsHit(verdict, 0.85)) << pairs[i].a;
      const SemanticMatch& match = found.hit ? *found.hit : *found.refused;
      EXPECT_EQ(match.verdict.reason, verdict.reason);
      // The index keeps 12 bits of each element.
      EXPECT_NEAR(match.verdict.similarity, verdict.similarity, 5e-3);
      EXPECT_NEAR(match.cosine, (*judged)[i].cosine, 1e-3);
    }
  }
}

TEST_F(PairJudgeTest, EveryTextIsEmbeddedOnce) {
  std::vector<LabelledPair> pairs;
  for (int i = 0; i < 100; ++i) pairs.push_back(Pair("the same", "text " + std::to_string(i)));
  std::vector<std::size_t> progress;
  ASSERT_TRUE(judge_.Judge(pairs, {}, [&](std::size_t done, std::size_t all) {
    EXPECT_EQ(all, 101u);
    progress.push_back(done);
  }));
  EXPECT_EQ(embedder_.calls, 101);
  EXPECT_TRUE(std::ranges::is_sorted(progress));
  EXPECT_EQ(progress.back(), 101u);
}

TEST_F(PairJudgeTest, TheSameRequestIsAHitWhateverTheRule) {
  const auto judged = judge_.Judge({Pair("a fox", "a fox")}, {.mode = MatchMode::kOff});
  EXPECT_EQ(judged->front().verdict.similarity, 1);
  EXPECT_EQ(judged->front().verdict.reason, "exact");
}

TEST_F(PairJudgeTest, AnEmbedderThatFailsStopsTheMeasurement) {
  const auto judged = judge_.Judge({Pair("a", "b"), Pair("c", "fail")}, {});
  ASSERT_FALSE(judged);
  EXPECT_EQ(judged.error().message, "no model today");
}

}  // namespace
}  // namespace reprise
