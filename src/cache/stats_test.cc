#include "cache/stats.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

namespace reprise {
namespace {

TEST(LatencyHistogramTest, QuantilesAreWithinABucket) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.Quantile(0.5), 0);
  for (int i = 1; i <= 1000; ++i) histogram.Record(i);
  for (const double q : {0.01, 0.1, 0.5, 0.9, 0.99, 1.0}) {
    EXPECT_GE(histogram.Quantile(q), 1000 * q) << q;
    EXPECT_LE(histogram.Quantile(q), 1000 * q * std::exp2(0.25) * 1.01) << q;
  }
  EXPECT_EQ(histogram.count(), 1000u);
}

TEST(LatencyHistogramTest, TakesAnyDuration) {
  LatencyHistogram histogram;
  histogram.Record(0);
  histogram.Record(-5);
  EXPECT_NEAR(histogram.Quantile(1), std::exp2(0.25), 1e-9);
  histogram.Record(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(histogram.Quantile(1), std::exp2(40));
}

TEST(CacheStatsTest, CountsByKind) {
  CacheStats stats;
  const auto count = [&](Outcome outcome, HitType type, double saved) {
    Decision decision;
    decision.outcome = outcome;
    decision.type = type;
    decision.saved_usd = saved;
    stats.CountReply(decision, 1000);
  };
  count(Outcome::kHit, HitType::kExact, 0.04);
  count(Outcome::kHit, HitType::kSemantic, 0.04);
  count(Outcome::kHit, HitType::kInflight, 0.04);
  count(Outcome::kMiss, HitType::kNone, 0);
  count(Outcome::kBypass, HitType::kNone, 0);
  count(Outcome::kRefresh, HitType::kNone, 0);
  stats.CountError();
  stats.CountUpstream(3, 0.12, 1500);
  stats.CountUpstreamError();
  const auto json = stats.ToJson();
  for (const char* kind : {"exact", "semantic", "inflight", "miss", "bypass", "refresh", "error"}) {
    EXPECT_EQ(json["requests"][kind], 1) << kind;
  }
  EXPECT_EQ(json["requests"]["total"], 7);
  EXPECT_DOUBLE_EQ(json["hit_rate"], 0.5);
  EXPECT_DOUBLE_EQ(json["saved_usd"], 0.12);
  EXPECT_DOUBLE_EQ(json["spent_usd"], 0.12);
  EXPECT_EQ(json["upstream"]["calls"], 2);
  EXPECT_EQ(json["upstream"]["images"], 3);
}

TEST(TenantStatsTest, TenantsAreCountedApart) {
  TenantStats tenants;
  EXPECT_EQ(tenants.ToJson("a")["requests"]["total"], 0);
  tenants.Of("a").CountReply({.outcome = Outcome::kHit, .type = HitType::kExact}, 10);
  tenants.Of("a").CountUpstream(2, 0.08, 5);
  tenants.Of("b").CountError();
  EXPECT_EQ(&tenants.Of("a"), &tenants.Of("a"));
  const auto a = tenants.ToJson("a"), b = tenants.ToJson("b");
  EXPECT_EQ(a["tenant"], "a");
  EXPECT_EQ(a["requests"]["exact"], 1);
  EXPECT_EQ(a["upstream"]["images"], 2);
  EXPECT_EQ(a["requests"]["error"], 0);
  EXPECT_EQ(b["requests"]["error"], 1);
  EXPECT_EQ(b["requests"]["exact"], 0);
  EXPECT_FALSE(a.contains("degraded"));
}

TEST(TenantStatsTest, ThreadsMayMeetNewTenantsAtOnce) {
  TenantStats tenants;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) tenants.Of(std::to_string(i)).CountError();
    });
  }
  for (auto& thread : threads) thread.join();
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(tenants.ToJson(std::to_string(i))["requests"]["error"], 4);
  }
}

}  // namespace
}  // namespace reprise
