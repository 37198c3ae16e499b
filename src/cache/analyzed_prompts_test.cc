#include "cache/analyzed_prompts.h"

#include <gtest/gtest.h>

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
