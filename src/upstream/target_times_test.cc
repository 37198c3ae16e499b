#include "upstream/target_times.h"

#include <gtest/gtest.h>

namespace reprise {
namespace {

using std::chrono::milliseconds;

class TargetTimesTest : public ::testing::Test {
 protected:
  // How many of `requests` that would go elsewhere come here instead.
  int Chances(int requests) {
    int chances = 0;
    for (int i = 0; i < requests; ++i) chances += times_.PassOver() ? 1 : 0;
    return chances;
  }

  ManualClock clock_;
  TargetTimes times_{clock_};
};

TEST_F(TargetTimesTest, GetsNoChanceBeforeItWasMeasured) {
  clock_.Advance(std::chrono::hours(24));
  EXPECT_EQ(Chances(1000), 0);
  EXPECT_FALSE(times_.Median());
}

TEST_F(TargetTimesTest, GetsOneChanceAfterAPauseAndEnoughRequests) {
  times_.Add(milliseconds(9000));
  EXPECT_EQ(Chances(1000), 0) << "measured just now";
  clock_.Advance(TargetTimes::kPause);
  EXPECT_EQ(Chances(1000), 1) << "and no other before the next pause, whatever came of it";
  clock_.Advance(TargetTimes::kPause);
  EXPECT_EQ(Chances(1), 1);
  clock_.Advance(TargetTimes::kPause);
  EXPECT_EQ(Chances(TargetTimes::kPassedOver - 1), 0) << "too few to be worth one";
  EXPECT_EQ(Chances(1), 1);
}

TEST_F(TargetTimesTest, AnAnswerAfterAPauseReplacesWhatWasBefore) {
  for (int i = 0; i < 31; ++i) times_.Add(milliseconds(9000));
  clock_.Advance(TargetTimes::kPause - milliseconds(1));
  times_.Add(milliseconds(100));
  EXPECT_EQ(times_.Median(), milliseconds(9000));
  clock_.Advance(TargetTimes::kPause);
  EXPECT_EQ(times_.Median(), milliseconds(9000)) << "until it is measured again";
  times_.Add(milliseconds(100));
  EXPECT_EQ(times_.Median(), milliseconds(100));
}

}  // namespace
}  // namespace reprise
