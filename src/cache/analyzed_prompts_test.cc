#include "cache/analyzed_prompts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace reprise {
namespace {

std::string TextOf(std::uint64_t entry) {
  return "prompt " + std::to_string(entry);
}

TEST(AnalyzedPrompts, KeepsTheLastOfThoseThatShareASlot) {
  AnalyzedPrompts prompts(4);
  const auto one = prompts.Of(1, TextOf(1));
  EXPECT_EQ(one->original, "prompt 1");
  EXPECT_EQ(prompts.Of(1, TextOf(1)), one);
  EXPECT_EQ(prompts.Of(2, TextOf(2))->original, "prompt 2");
  EXPECT_EQ(prompts.Of(1, TextOf(1)), one);
  EXPECT_EQ(prompts.Of(5, TextOf(5))->original, "prompt 5");
  EXPECT_EQ(one.use_count(), 1) << "the caller's is the last";
  EXPECT_EQ(prompts.Of(1, TextOf(1))->original, "prompt 1");
}

TEST(AnalyzedPrompts, KeepsSoManyBytes) {
  constexpr std::size_t kWords = 400;
  std::string text;
  for (std::size_t i = 0; i < kWords; ++i) text += "word ";
  AnalyzedPrompts prompts(100, 3 * kWords * sizeof(Token));
  std::vector<std::shared_ptr<const Prompt>> all;
  for (std::uint64_t entry = 0; entry < 20; ++entry) all.push_back(prompts.Of(entry, text));
  const auto kept = std::ranges::count_if(all, [](const auto& one) { return one.use_count() > 1; });
  EXPECT_GE(kept, 1);
  EXPECT_LE(kept, 3);
  EXPECT_EQ(all[19]->original, text);
}

TEST(AnalyzedPrompts, IsSafeForManyThreads) {
  AnalyzedPrompts prompts(8);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&prompts] {
      for (std::uint64_t entry = 1; entry < 400; ++entry) {
        ASSERT_EQ(prompts.Of(entry % 37, TextOf(entry % 37))->original, TextOf(entry % 37));
      }
    });
  }
}

}  // namespace
}  // namespace reprise
