#include "gateway/rate_limit.h"

#include <algorithm>

namespace reprise {
namespace {

constexpr std::int64_t kMinuteUs = 60'000'000;

std::int64_t RoundUp(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit;
}

}  // namespace

RateLimit::RateLimit(std::int64_t per_minute)
    : per_minute_(per_minute),
      interval_us_(std::max<std::int64_t>(1, kMinuteUs / std::max<std::int64_t>(1, per_minute))) {}

RateLimit::Verdict RateLimit::Take(std::int64_t now_ms) {
  const std::int64_t now = now_ms * 1000;
  const std::int64_t capacity = interval_us_ * per_minute_;
  std::int64_t before = full_at_us_.load(std::memory_order_relaxed);
  for (;;) {
    const std::int64_t full_at = std::clamp(before, now, now + capacity);
    const std::int64_t after = full_at + interval_us_;
    const std::int64_t excess = after - now - capacity;
    if (excess > 0) {
      // Of a clock that was set back: noted, or the bucket would wait for the old time to come.
      if (before > full_at && !full_at_us_.compare_exchange_weak(before, full_at)) continue;
      return {.allowed = false,
              .remaining = 0,
              .reset_s = RoundUp(full_at - now, 1'000'000),
              .retry_after_ms = RoundUp(excess, 1000)};
    }
    if (!full_at_us_.compare_exchange_weak(before, after, std::memory_order_relaxed)) continue;
    return {.allowed = true,
            .remaining = -excess / interval_us_,
            .reset_s = RoundUp(after - now, 1'000'000)};
  }
}

}  // namespace reprise
