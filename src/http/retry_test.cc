#include "http/retry.h"

#include <gtest/gtest.h>

namespace reprise::http {
namespace {

using std::chrono::milliseconds;

constexpr RetryPolicy kPolicy{
    .max_attempts = 3, .base = milliseconds(100), .max = milliseconds(150)};

FailedAttempt Failed(int number, int status) {
  return {.number = number, .status = status, .time_left = milliseconds(10'000)};
}

std::optional<milliseconds> Advice(const std::string& name, const std::string& value) {
  return AdvisedWait({.headers = {{name, value}}}, 784111777'000);  // Sun, 06 Nov 1994 08:49:37 GMT
}

TEST(Retry, OnlyTransientStatusesAreRetried) {
  for (int status : {0, 429, 500, 502, 503, 504, 520, 524}) {
    EXPECT_TRUE(DecideRetry(kPolicy, Failed(1, status), 0.5).retry) << status;
  }
  for (int status : {301, 400, 401, 402, 403, 404, 409, 413, 422, 501}) {
    EXPECT_FALSE(DecideRetry(kPolicy, Failed(1, status), 0.5).retry) << status;
  }
}

TEST(Retry, LastingFaultsAndTheLastAttemptGiveUp) {
  FailedAttempt quota = Failed(1, 429);
  quota.lasting = true;
  EXPECT_FALSE(DecideRetry(kPolicy, quota, 0.5).retry);
  EXPECT_TRUE(DecideRetry(kPolicy, Failed(2, 500), 0.5).retry);
  EXPECT_FALSE(DecideRetry(kPolicy, Failed(3, 500), 0.5).retry);
}

TEST(Retry, BackoffDoublesUpToItsMaximumWithFullJitter) {
  const RetryPolicy policy{
      .max_attempts = 100, .base = milliseconds(100), .max = milliseconds(350)};
  EXPECT_EQ(DecideRetry(policy, Failed(1, 500), 0.0).wait, milliseconds(0));
  EXPECT_EQ(DecideRetry(policy, Failed(1, 500), 0.5).wait, milliseconds(50));
  EXPECT_EQ(DecideRetry(policy, Failed(2, 500), 0.5).wait, milliseconds(100));
  EXPECT_EQ(DecideRetry(policy, Failed(3, 500), 1.0).wait, milliseconds(350));
  EXPECT_EQ(DecideRetry(policy, Failed(99, 500), 1.0).wait, milliseconds(350));
}

TEST(Retry, AdviceReplacesBackoff) {
  FailedAttempt failed = Failed(1, 429);
  failed.advised = milliseconds(2000);
  const RetryDecision decision = DecideRetry(kPolicy, failed, 0.0);
  EXPECT_TRUE(decision.retry);
  EXPECT_EQ(decision.wait, milliseconds(2000));
}

TEST(Retry, NothingWaitsBeyondTheDeadline) {
  FailedAttempt advised = Failed(1, 429);
  advised.advised = advised.time_left;
  EXPECT_FALSE(DecideRetry(kPolicy, advised, 0.0).retry);
  EXPECT_TRUE(DecideRetry(kPolicy, advised, 0.0).advice_too_late);

  FailedAttempt late = Failed(1, 500);
  late.time_left = milliseconds(50);
  EXPECT_FALSE(DecideRetry(kPolicy, late, 0.5).retry);
  EXPECT_FALSE(DecideRetry(kPolicy, late, 0.5).advice_too_late);
  EXPECT_TRUE(DecideRetry(kPolicy, late, 0.1).retry);
  late.time_left = milliseconds(-1);
  EXPECT_FALSE(DecideRetry(kPolicy, late, 0.0).retry);
}

TEST(Retry, AdviceComesAsSecondsMillisecondsOrDate) {
  EXPECT_EQ(Advice("retry-after", "3"), milliseconds(3000));
  EXPECT_EQ(Advice("retry-after", "0.25"), milliseconds(250));
  EXPECT_EQ(Advice("retry-after", "0"), milliseconds(0));
  EXPECT_EQ(Advice("retry-after", "-5"), milliseconds(0));
  EXPECT_EQ(Advice("retry-after-ms", "17"), milliseconds(17));
  EXPECT_EQ(Advice("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT"), milliseconds(10'000));
  EXPECT_EQ(Advice("retry-after", "Sun, 06 Nov 1994 08:49:27 GMT"), milliseconds(0));
}

TEST(Retry, OddAdviceIsIgnoredOrBounded) {
  for (const char* text : {"", "soon", "3 s", "Sun, 06 Nov 1994", "1994-11-06T08:49:37Z",
                           "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT"}) {
    EXPECT_EQ(Advice("retry-after", text), std::nullopt) << text;
  }
  const milliseconds day = std::chrono::hours(24);
  for (const char* text :
       {"99999999999999999999", "inf", "nan", "1e300", "Fri, 31 Dec 9999 23:59:59 GMT"}) {
    EXPECT_EQ(Advice("retry-after", text), day) << text;
  }
  for (const char* text : {"nan", "-1e300", "-inf"}) {
    EXPECT_GE(Advice("retry-after-ms", text).value_or(milliseconds(0)), milliseconds(0)) << text;
  }
}

TEST(Retry, HttpDates) {
  EXPECT_EQ(ParseHttpDate("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
  EXPECT_EQ(ParseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777'000);
  EXPECT_EQ(ParseHttpDate("Thu, 29 Feb 2024 12:00:00 GMT"), 1709208000'000);
  EXPECT_EQ(ParseHttpDate("Sun Nov  6 08:49:37 1994"), std::nullopt);
}

}  // namespace
}  // namespace reprise::http
