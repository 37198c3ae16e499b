#include "base/circuit_breaker.h"

#include <gtest/gtest.h>

namespace reprise {
namespace {

using std::chrono::milliseconds;
using State = CircuitBreaker::State;

class CircuitBreakerTest : public ::testing::Test {
 protected:
  void FailTimes(int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_TRUE(breaker_.Allow()) << i;
      breaker_.Fail();
    }
  }

  ManualClock clock_;
  CircuitBreaker breaker_{
      {.failures = 3, .pause = milliseconds(100), .max_pause = milliseconds(350)}, clock_};
};

TEST_F(CircuitBreakerTest, StaysClosedWhileFailuresAreNotInARow) {
  for (int i = 0; i < 10; ++i) {
    FailTimes(2);
    ASSERT_TRUE(breaker_.Allow());
    breaker_.Succeed();
  }
  EXPECT_EQ(breaker_.state(), State::kClosed);
  EXPECT_EQ(breaker_.remaining(), milliseconds(0));
}

TEST_F(CircuitBreakerTest, OpensAfterFailuresInARowUntilThePauseIsOver) {
  FailTimes(3);
  EXPECT_EQ(breaker_.state(), State::kOpen);
  EXPECT_EQ(breaker_.remaining(), milliseconds(100));
  EXPECT_FALSE(breaker_.Allow());
  clock_.Advance(milliseconds(99));
  EXPECT_FALSE(breaker_.Allow());
  clock_.Advance(milliseconds(1));
  EXPECT_EQ(breaker_.state(), State::kHalfOpen);
  EXPECT_TRUE(breaker_.Allow());
}

TEST_F(CircuitBreakerTest, OneCallProbesAndASuccessCloses) {
  FailTimes(3);
  clock_.Advance(milliseconds(100));
  ASSERT_TRUE(breaker_.Allow());
  EXPECT_FALSE(breaker_.Allow()) << "a second call while the probe is out";
  breaker_.Succeed();
  EXPECT_EQ(breaker_.state(), State::kClosed);
  FailTimes(2);  // it counts from the beginning
  EXPECT_EQ(breaker_.state(), State::kClosed);
}

TEST_F(CircuitBreakerTest, FailedProbesDoubleThePauseUpToItsLimit) {
  FailTimes(3);
  for (int pause : {200, 350, 350}) {
    clock_.Advance(breaker_.remaining());
    FailTimes(1);
    EXPECT_EQ(breaker_.remaining(), milliseconds(pause));
  }
  clock_.Advance(breaker_.remaining());
  ASSERT_TRUE(breaker_.Allow());
  breaker_.Succeed();
  FailTimes(3);
  EXPECT_EQ(breaker_.remaining(), milliseconds(100)) << "recovered: the first pause again";
}

TEST_F(CircuitBreakerTest, AdviceLengthensThePauseWithinTheLimit) {
  FailTimes(2);
  breaker_.Fail(milliseconds(250));
  EXPECT_EQ(breaker_.remaining(), milliseconds(250));
  clock_.Advance(milliseconds(250));
  ASSERT_TRUE(breaker_.Allow());
  breaker_.Fail(milliseconds(86'400'000));
  EXPECT_EQ(breaker_.remaining(), milliseconds(350));
  clock_.Advance(milliseconds(350));
  ASSERT_TRUE(breaker_.Allow());
  breaker_.Fail(milliseconds(1));
  EXPECT_EQ(breaker_.remaining(), milliseconds(350)) << "shorter advice does not shorten it";
}

TEST_F(CircuitBreakerTest, CallsFromBeforeItOpenedChangeNothing) {
  ASSERT_TRUE(breaker_.Allow());
  ASSERT_TRUE(breaker_.Allow());
  FailTimes(3);
  breaker_.Succeed();
  EXPECT_EQ(breaker_.state(), State::kOpen);
  breaker_.Fail(milliseconds(300));
  EXPECT_EQ(breaker_.remaining(), milliseconds(100));
}

TEST_F(CircuitBreakerTest, AProbeThatSaysNothingLeavesItsPlaceToTheNext) {
  FailTimes(3);
  clock_.Advance(milliseconds(100));
  ASSERT_TRUE(breaker_.Allow());
  breaker_.Skip();
  EXPECT_EQ(breaker_.state(), State::kHalfOpen);
  ASSERT_TRUE(breaker_.Allow());
  breaker_.Succeed();
  EXPECT_EQ(breaker_.state(), State::kClosed);
}

}  // namespace
}  // namespace reprise
