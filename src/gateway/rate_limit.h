// How often one caller may ask: a token bucket that holds a minute's worth, as the "generic cell
// rate algorithm" (ITU-T I.371) keeps it in one number. Safe for any thread, without a lock.
#pragma once

#include <atomic>
#include <cstdint>

namespace reprise {

class RateLimit {
 public:
  struct Verdict {
    bool allowed = true;
    std::int64_t remaining = 0;       // requests that could follow at once
    std::int64_t reset_s = 0;         // until the bucket is full again, rounded up
    std::int64_t retry_after_ms = 0;  // until the next is allowed; 0 when this one is
  };

  // `per_minute` is 1 or more.
  explicit RateLimit(std::int64_t per_minute);

  std::int64_t per_minute() const { return per_minute_; }

  // Takes a token if there is one. `now_ms` may step back, which never costs more than a minute.
  Verdict Take(std::int64_t now_ms);

 private:
  const std::int64_t per_minute_;
  const std::int64_t interval_us_;  // in which a token comes back
  // When the bucket is full again ("theoretical arrival time"), in microseconds.
  std::atomic<std::int64_t> full_at_us_ = 0;
};

}  // namespace reprise
