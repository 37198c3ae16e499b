#include "gateway/rate_limit.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace reprise {
namespace {

constexpr std::int64_t kStart = 1'700'000'000'000;

TEST(RateLimit, AMinutesWorthAtOnceThenAsTokensComeBack) {
  RateLimit limit(60);
  for (int i = 0; i < 60; ++i) {
    const auto verdict = limit.Take(kStart);
    EXPECT_TRUE(verdict.allowed);
    EXPECT_EQ(verdict.remaining, 59 - i);
    EXPECT_EQ(verdict.reset_s, i + 1);
  }
  const auto refused = limit.Take(kStart);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.remaining, 0);
  EXPECT_EQ(refused.retry_after_ms, 1000);
  EXPECT_EQ(refused.reset_s, 60);
  EXPECT_FALSE(limit.Take(kStart + 999).allowed);
  EXPECT_TRUE(limit.Take(kStart + 1000).allowed);
  EXPECT_FALSE(limit.Take(kStart + 1000).allowed);
}

TEST(RateLimit, ARefusalTakesNothing) {
  RateLimit limit(1);
  EXPECT_TRUE(limit.Take(kStart).allowed);
  for (int i = 1; i < 60; ++i) EXPECT_FALSE(limit.Take(kStart + i * 1000).allowed);
  EXPECT_TRUE(limit.Take(kStart + 60'000).allowed);
}

TEST(RateLimit, AnIdleBucketIsFullAndNoFuller) {
  RateLimit limit(2);
  EXPECT_TRUE(limit.Take(kStart).allowed);
  const std::int64_t later = kStart + 86'400'000;
  EXPECT_EQ(limit.Take(later).remaining, 1);
  EXPECT_EQ(limit.Take(later).remaining, 0);
  EXPECT_FALSE(limit.Take(later).allowed);
}

TEST(RateLimit, AClockSetBackCostsAMinuteAtMost) {
  RateLimit limit(10);
  EXPECT_TRUE(limit.Take(kStart).allowed);
  const std::int64_t earlier = kStart - 86'400'000;
  EXPECT_LE(limit.Take(earlier).retry_after_ms, 60'000);
  EXPECT_TRUE(limit.Take(earlier + 60'000).allowed);
}

TEST(RateLimit, RatesThatDoNotDivideAMinute) {
  for (const std::int64_t rate : {7, 59, 61, 997, 60'000, 1'000'000}) {
    RateLimit limit(rate);
    for (std::int64_t i = 0; i < rate; ++i) ASSERT_TRUE(limit.Take(kStart).allowed) << rate;
    EXPECT_FALSE(limit.Take(kStart).allowed) << rate;
    EXPECT_TRUE(limit.Take(kStart + 60'000).allowed) << rate;
  }
}

TEST(RateLimit, ThreadsNeverGetMoreThanThereIs) {
  RateLimit limit(1000);
  std::atomic<int> allowed = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) allowed += limit.Take(kStart).allowed ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(allowed, 1000);
}

}  // namespace
}  // namespace reprise
