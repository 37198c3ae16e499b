#include "app/demo_script.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cache/settings.h"
#include "prompt/verifier.h"

namespace reprise {
namespace {

struct Best {
  Verdict verdict;
  std::string prompt;
};

// The nearest of the prompts an image exists for by then, as the verifier sees it.
Best Nearest(const std::string& prompt, const std::vector<std::string>& stored) {
  const auto verifier = MakeLexicalVerifier();
  Best best;
  for (const std::string& other : stored) {
    Verdict verdict = verifier->Verify(Analyze(prompt), Analyze(other), MatchMode::kSafe);
    if (verdict.similarity >= best.verdict.similarity) best = {std::move(verdict), other};
  }
  return best;
}

TEST(DemoScript, SaysOfEachPromptWhatTheVerifierSays) {
  const double threshold = CacheSettings().similarity_threshold;
  std::vector<std::string> stored;
  for (const DemoStep& step : DemoScript()) {
    const std::string prompt = step.prompt;
    const Best best = Nearest(prompt, stored);
    const std::string context = prompt + " ~ " + best.prompt + ": " + best.verdict.reason;
    const bool known = std::find(stored.begin(), stored.end(), prompt) != stored.end();
    switch (step.kind) {
      case DemoKind::kRepeat:
        EXPECT_TRUE(known) << context;
        break;
      case DemoKind::kRephrased:
        EXPECT_GE(best.verdict.similarity, threshold) << context;
        EXPECT_FALSE(best.verdict.vetoed) << context;
        break;
      default:
        EXPECT_FALSE(known) << context;
        EXPECT_LT(best.verdict.similarity, threshold) << context;
        stored.push_back(prompt);
    }
  }
}

TEST(DemoScript, ShowsEveryKind) {
  std::vector<int> counts(5);
  for (const DemoStep& step : DemoScript()) ++counts[static_cast<std::size_t>(step.kind)];
  for (const int count : counts) EXPECT_GT(count, 0);
}

}  // namespace
}  // namespace reprise
