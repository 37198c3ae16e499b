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
      const auto ticket = breaker_.Allow();
      ASSERT_TRUE(ticket) << i;
      breaker_.Fail(*ticket);
    }
  }

  void Succeed() {
    const auto ticket = breaker_.Allow();
    ASSERT_TRUE(ticket);
    breaker_.Succeed(*ticket);
  }

  ManualClock clock_;
  CircuitBreaker breaker_{
      {.failures = 3, .pause = milliseconds(100), .max_pause = milliseconds(350)}, clock_};
};

TEST_F(CircuitBreakerTest, StaysClosedWhileFailuresAreNotInARow) {
  for (int i = 0; i < 10; ++i) {
    FailTimes(2);
    Succeed();
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
  const auto probe = breaker_.Allow();
  ASSERT_TRUE(probe);
  EXPECT_FALSE(breaker_.Allow()) << "a second call while the probe is out";
  breaker_.Succeed(*probe);
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
  Succeed();
  FailTimes(3);
  EXPECT_EQ(breaker_.remaining(), milliseconds(100)) << "recovered: the first pause again";
}

TEST_F(CircuitBreakerTest, AdviceLengthensThePauseWithinTheLimit) {
  FailTimes(2);
  breaker_.Fail(*breaker_.Allow(), milliseconds(250));
  EXPECT_EQ(breaker_.remaining(), milliseconds(250));
  clock_.Advance(milliseconds(250));
  breaker_.Fail(*breaker_.Allow(), milliseconds(86'400'000));
  EXPECT_EQ(breaker_.remaining(), milliseconds(350));
  clock_.Advance(milliseconds(350));
  breaker_.Fail(*breaker_.Allow(), milliseconds(1));
  EXPECT_EQ(breaker_.remaining(), milliseconds(350)) << "shorter advice does not shorten it";
}

TEST_F(CircuitBreakerTest, CallsFromBeforeItOpenedChangeNothing) {
  const auto before = breaker_.Allow();
  ASSERT_TRUE(before);
  FailTimes(3);
  breaker_.Succeed(*before);
  EXPECT_EQ(breaker_.state(), State::kOpen);
  breaker_.Fail(*before, milliseconds(300));
  EXPECT_EQ(breaker_.remaining(), milliseconds(100));
}

TEST_F(CircuitBreakerTest, NorDoTheyWhileAProbeIsOut) {
  const auto before = breaker_.Allow();
  FailTimes(3);
  clock_.Advance(milliseconds(100));
  const auto probe = breaker_.Allow();
  ASSERT_TRUE(probe);
  breaker_.Skip(*before);
  EXPECT_FALSE(breaker_.Allow()) << "no second probe";
  breaker_.Succeed(*before);
  EXPECT_EQ(breaker_.state(), State::kHalfOpen);
  breaker_.Fail(*before);
  EXPECT_EQ(breaker_.state(), State::kHalfOpen);
  breaker_.Succeed(*probe);
  EXPECT_EQ(breaker_.state(), State::kClosed);
}

TEST_F(CircuitBreakerTest, AClockThatIsSetBackDoesNotKeepItOpen) {
  FailTimes(3);
  clock_.Advance(-std::chrono::hours(1));
  EXPECT_EQ(breaker_.state(), State::kHalfOpen);
  EXPECT_EQ(breaker_.remaining(), milliseconds(0));
  Succeed();
  EXPECT_EQ(breaker_.state(), State::kClosed);
}

TEST_F(CircuitBreakerTest, AProbeThatSaysNothingLeavesItsPlaceToTheNext) {
  FailTimes(3);
  clock_.Advance(milliseconds(100));
  const auto probe = breaker_.Allow();
  ASSERT_TRUE(probe);
  breaker_.Skip(*probe);
  EXPECT_EQ(breaker_.state(), State::kHalfOpen);
  Succeed();
  EXPECT_EQ(breaker_.state(), State::kClosed);
}

}  // namespace
}  // namespace reprise
