#include "upstream/budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/io_threads.h"
#include "upstream/guard_testing.h"
#include "upstream/guarded_generator.h"

namespace reprise {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kDayMs = 86'400'000;

class MemoryLog final : public SpendingLog {
 public:
  Task<Result<void>> Add(std::int64_t day, std::string tenant, double usd) override {
    if (broken) co_return Fail(Code::kUnavailable, "the disk is full");
    days[day][tenant] += usd;
    co_return Result<void>();
  }
  Result<std::map<std::string, double>> SpentOn(std::int64_t day) const override {
    const auto found = days.find(day);
    return found == days.end() ? std::map<std::string, double>() : found->second;
  }

  std::map<std::int64_t, std::map<std::string, double>> days;
  bool broken = false;
};

class BudgetTest : public ::testing::Test {
 protected:
  BudgetTest() { EXPECT_TRUE(budget_.Load()); }
  ~BudgetTest() override { workers_.Join(); }

  Result<Budget::Charge> Reserve(std::string tenant, double usd) {
    return RunTask(io_.context(), budget_.Reserve(std::move(tenant), usd));
  }
  double Spent(const std::string& tenant) {
    return budget_.ToJson()["tenants"][tenant].value("spent_usd", -1.0);
  }

  IoThreads io_{1};
  WorkerPool workers_{1, 10};
  MemoryLog log_;
  // Ten hours into a day.
  ManualClock clock_{20'000 * kDayMs + 10 * 3'600'000};
  const BudgetLimits limits_{.default_usd = 0.10, .tenant_usd = {{"rich", 1.0}, {"free", 0}}};
  Budget budget_{limits_, log_, clock_};
};

TEST_F(BudgetTest, IsKeptPerTenantToTheCent) {
  EXPECT_TRUE(Reserve("a", 0.04));
  EXPECT_TRUE(Reserve("a", 0.06)) << "exactly all of it";
  const auto over = Reserve("a", 0.01);
  EXPECT_EQ(over.error().code, Code::kRateLimited);
  EXPECT_EQ(over.error().upstream, "budget_exceeded");
  EXPECT_THAT(over.error().message, HasSubstr("'a' has spent $0.1 of its $0.1 for today"));
  EXPECT_EQ(over.error().retry_after_ms, 14 * 3'600'000) << "until midnight";
  EXPECT_TRUE(Reserve("b", 0.1));
  EXPECT_TRUE(Reserve("rich", 1.0));
  EXPECT_FALSE(Reserve("rich", 0.01));
}

TEST_F(BudgetTest, TenantsWithoutABoundAreChargedNothing) {
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(Reserve("free", 10));
  EXPECT_TRUE(log_.days.empty());
}

TEST_F(BudgetTest, WhatFailedIsGivenBack) {
  const auto charge = Reserve("a", 0.08);
  ASSERT_TRUE(charge);
  EXPECT_FALSE(Reserve("a", 0.04));
  RunTask(io_.context(), budget_.Settle(*charge, 0));
  EXPECT_TRUE(Reserve("a", 0.04));
  EXPECT_NEAR(log_.days[20'000]["a"], 0.04, 1e-9);
}

TEST_F(BudgetTest, ANewDayIsANewBudgetAndGivesNothingBackFromTheOldOne) {
  const auto yesterday = Reserve("a", 0.1);
  clock_.Advance(std::chrono::hours(14));
  EXPECT_TRUE(Reserve("a", 0.1));
  RunTask(io_.context(), budget_.Settle(*yesterday, 0));
  EXPECT_FALSE(Reserve("a", 0.1));
  EXPECT_NEAR(Spent("a"), 0.1, 1e-9);
}

TEST_F(BudgetTest, AClockThatIsSetBackOverMidnightForgetsNothing) {
  clock_.Advance(std::chrono::hours(14));
  EXPECT_TRUE(Reserve("a", 0.08));
  clock_.Advance(-std::chrono::seconds(2));
  EXPECT_FALSE(Reserve("a", 0.04));
  clock_.Advance(std::chrono::seconds(2));
  EXPECT_FALSE(Reserve("a", 0.04));
}

TEST_F(BudgetTest, SurvivesARestart) {
  EXPECT_TRUE(Reserve("a", 0.08));
  Budget again(limits_, log_, clock_);
  ASSERT_TRUE(again.Load());
  EXPECT_FALSE(RunTask(io_.context(), again.Reserve("a", 0.04)));
}

TEST_F(BudgetTest, WhatWasBilledAboveItsPriceIsBookedToo) {
  const auto charge = Reserve("a", 0.04);
  ASSERT_TRUE(charge);
  RunTask(io_.context(), budget_.Settle(*charge, 0.09));
  EXPECT_NEAR(Spent("a"), 0.09, 1e-9);
  EXPECT_NEAR(log_.days[20'000]["a"], 0.09, 1e-9);
  EXPECT_FALSE(Reserve("a", 0.04));
  const auto free = Reserve("a", 0);
  ASSERT_TRUE(free) << "free by the price list";
  RunTask(io_.context(), budget_.Settle(*free, 0.01));
  EXPECT_NEAR(Spent("a"), 0.1, 1e-9);
}

TEST_F(BudgetTest, ATotalBoundsAllTenantsTogether) {
  const BudgetLimits limits{.total_usd = 0.25, .default_usd = 0.10, .tenant_usd = {{"free", 0}}};
  const auto reserve = [&](Budget& budget, const char* tenant, double usd) {
    return RunTask(io_.context(), budget.Reserve(tenant, usd));
  };
  Budget budget(limits, log_, clock_);
  ASSERT_TRUE(budget.Load());
  EXPECT_TRUE(reserve(budget, "a", 0.1));
  EXPECT_FALSE(reserve(budget, "a", 0.01)) << "its own bound counts too";
  const auto charge = reserve(budget, "free", 0.1);
  ASSERT_TRUE(charge);
  const auto over = reserve(budget, "b", 0.1);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().upstream, "budget_exceeded");
  EXPECT_THAT(over.error().message,
              HasSubstr("all tenants together have less than $0.1 left for today"));
  EXPECT_THAT(over.error().message, HasSubstr("budget_total_usd"));
  EXPECT_EQ(over.error().retry_after_ms, 14 * 3'600'000);

  Budget again(limits, log_, clock_);
  ASSERT_TRUE(again.Load());
  EXPECT_FALSE(reserve(again, "b", 0.1)) << "over a restart";
  RunTask(io_.context(), again.Settle(*charge, 0.02));
  EXPECT_NEAR(again.ToJson()["total"]["spent_usd"].get<double>(), 0.12, 1e-9);
  EXPECT_TRUE(reserve(again, "b", 0.1));
  clock_.Advance(std::chrono::hours(14));
  EXPECT_EQ(again.ToJson()["total"]["spent_usd"], 0.0);
  EXPECT_TRUE(reserve(again, "c", 0.1)) << "a new day";
  EXPECT_FALSE(budget_.ToJson().contains("total")) << "where there is no such bound";
}

TEST_F(BudgetTest, WhatCannotBeWrittenDownIsNotSpent) {
  log_.broken = true;
  EXPECT_THAT(Reserve("a", 0.1).error().message, HasSubstr("the disk is full"));
  log_.broken = false;
  EXPECT_TRUE(Reserve("a", 0.1));
}

// Around a whole generator: reserved before the call, given back when it fails.
TEST_F(BudgetTest, AGeneratorSpendsOnlyOnWhatItGets) {
  ASSERT_TRUE(InitImages());
  auto script = std::make_shared<FakeScript>();
  GuardOptions options;
  options.prices.SetDefault(0.04);
  GuardedGenerator guarded(MakeFakeUpstream("fake", script), options,
                           GuardParts{workers_, clock_, &budget_});
  const auto ask = [&](int count) {
    auto request = AskFor("m", "a");
    request.count = count;
    return RunTask(io_.context(), guarded.Generate(request));
  };
  script->NextFails({.code = Code::kUnavailable, .message = "down"});
  EXPECT_FALSE(ask(2));
  EXPECT_NEAR(Spent("a"), 0, 1e-9);
  EXPECT_TRUE(ask(2)) << "two asked for, one made";
  EXPECT_NEAR(Spent("a"), 0.04, 1e-9);
  EXPECT_TRUE(ask(1));
  const auto over = ask(1);
  EXPECT_EQ(over.error().upstream, "budget_exceeded");
  EXPECT_EQ(script->calls().size(), 3u) << "the last was not made";
  EXPECT_EQ(guarded.Status().front().breaker, "closed");
  Generated billed = OneImage();
  billed.image_usd = 0.07;
  script->Next({billed, nullptr});
  const auto generated = RunTask(io_.context(), guarded.Generate(AskFor("m", "b")));
  ASSERT_TRUE(generated);
  EXPECT_EQ(generated->image_usd, 0.07) << "the bill, not the price list";
  EXPECT_NEAR(Spent("b"), 0.07, 1e-9);
  io_.Stop();
}

}  // namespace
}  // namespace reprise
