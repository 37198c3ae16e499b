// Stops asking a service that keeps failing, so that nobody waits for it, and lets one call at a
// time find out whether it is back. Safe for any thread; never blocks.
//
//   closed     every call goes out; `failures` in a row open it
//   open       no call goes out until the pause is over
//   half-open  one call goes out: success closes it, failure opens it for twice as long
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

#include "base/clock.h"

namespace reprise {

struct CircuitBreakerOptions {
  int failures = 5;                        // in a row, until it opens
  std::chrono::milliseconds pause{5'000};  // the first time; doubled by every failed probe
  std::chrono::milliseconds max_pause{60'000};
};

class CircuitBreaker {
 public:
  enum class State { kClosed, kOpen, kHalfOpen };

  // `clock` outlives the breaker.
  CircuitBreaker(const CircuitBreakerOptions& options, const Clock& clock)
      : options_(options), clock_(clock), pause_(options.pause) {}

  // Of a call that was allowed. What has happened since, the breaker opening or a probe going out,
  // makes its end say nothing.
  using Ticket = std::uint64_t;

  // Nothing: no call may go out now. Every call that was allowed ends with one of the next three.
  std::optional<Ticket> Allow();
  void Succeed(Ticket ticket);
  // `advised`: how long the service asks to be left alone; a longer pause than that is kept.
  void Fail(Ticket ticket, std::chrono::milliseconds advised = {});
  // The call says nothing about the service, as it was not made, or given no time.
  void Skip(Ticket ticket);

  // As an observer sees it: kHalfOpen once the pause is over.
  State state() const;
  // How long until a call may go out; 0 unless open.
  std::chrono::milliseconds remaining() const;

 private:
  void Open(std::chrono::milliseconds advised);
  std::chrono::milliseconds Left() const;

  const CircuitBreakerOptions options_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  int failures_ = 0;
  bool open_ = false;
  bool probing_ = false;  // a call is finding out; only while open_
  Ticket now_ = 0;        // of the calls that count: since it opened, the probe's
  std::chrono::milliseconds pause_;
  std::int64_t until_ms_ = 0;  // end of the pause
};

}  // namespace reprise
