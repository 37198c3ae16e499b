#include "http/body_budget.h"

#include <gtest/gtest.h>

namespace reprise::http {
namespace {

class BodyBudgetTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kFree = BodyMeter::kFreeBytes;
  BodyBudget budget_{1000};
};

TEST_F(BodyBudgetTest, SmallBodiesTakeNothing) {
  BodyMeter meter(budget_);
  EXPECT_TRUE(meter.Add(kFree));
  EXPECT_EQ(budget_.used(), 0u);
  EXPECT_TRUE(meter.Add(1));
  EXPECT_EQ(budget_.used(), 1u);
}

TEST_F(BodyBudgetTest, WhatARequestHoldsIsHeldUntilItEnds) {
  BodyMeter meter(budget_);
  EXPECT_TRUE(meter.Add(kFree + 600));
  {
    const auto arrived = meter.Finish();
    EXPECT_FALSE(arrived.refused);
    EXPECT_EQ(arrived.hold.bytes(), 600u);
    EXPECT_TRUE(meter.Add(kFree + 400)) << "the next one on the connection";
    EXPECT_EQ(budget_.used(), 1000u);
  }
  EXPECT_EQ(budget_.used(), 400u);
}

TEST_F(BodyBudgetTest, ABodyWithoutRoomGivesBackWhatItHad) {
  BodyMeter meter(budget_);
  EXPECT_TRUE(meter.Add(kFree + 600));
  EXPECT_FALSE(meter.Add(401));
  EXPECT_EQ(budget_.used(), 0u);
  EXPECT_FALSE(meter.Add(1)) << "half a body helps nobody";
  EXPECT_TRUE(meter.Finish().refused);
  EXPECT_TRUE(meter.Add(kFree + 1000)) << "the next request is a new one";
  EXPECT_FALSE(meter.Finish().refused);
}

TEST_F(BodyBudgetTest, AConnectionThatBreaksGivesBackWhatItHad) {
  {
    BodyMeter meter(budget_);
    EXPECT_TRUE(meter.Add(kFree + 600));
  }
  EXPECT_EQ(budget_.used(), 0u);
}

TEST_F(BodyBudgetTest, ZeroIsNoBound) {
  BodyBudget unbounded(0);
  BodyMeter meter(unbounded);
  EXPECT_TRUE(meter.Add(std::size_t{1} << 40));
}

}  // namespace
}  // namespace reprise::http
