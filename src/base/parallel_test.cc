#include "base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <vector>

namespace reprise {
namespace {

TEST(ParallelFor, DoesEveryPieceOnce) {
  std::vector<std::atomic<int>> done(1000);
  EXPECT_TRUE(ParallelFor(done.size(), [&](std::size_t i) -> Result<void> {
    ++done[i];
    return {};
  }));
  for (const auto& count : done) EXPECT_EQ(count, 1);
  EXPECT_TRUE(ParallelFor(0, [](std::size_t) { return Fail(Code::kInternal, "nothing to do"); }));
}

TEST(ParallelFor, StopsAtAnError) {
  std::atomic<int> begun = 0;
  const auto done = ParallelFor(1'000'000, [&](std::size_t i) -> Result<void> {
    ++begun;
    if (i == 10) return Fail(Code::kCorrupt, "piece 10");
    return {};
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "piece 10");
  EXPECT_LT(begun, 1'000'000);
}

}  // namespace
}  // namespace reprise
