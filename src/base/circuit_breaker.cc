#include "base/circuit_breaker.h"

#include <algorithm>

namespace reprise {

using std::chrono::milliseconds;

std::optional<CircuitBreaker::Ticket> CircuitBreaker::Allow() {
  std::lock_guard lock(mutex_);
  if (!open_) return now_;
  if (probing_ || Left() > milliseconds(0)) return std::nullopt;
  probing_ = true;
  return ++now_;
}

void CircuitBreaker::Succeed(Ticket ticket) {
  std::lock_guard lock(mutex_);
  if (ticket != now_) return;
  failures_ = 0;
  open_ = probing_ = false;
  pause_ = options_.pause;
}

void CircuitBreaker::Fail(Ticket ticket, milliseconds advised) {
  std::lock_guard lock(mutex_);
  if (ticket != now_) return;
  if (open_) {
    pause_ = std::min(2 * pause_, options_.max_pause);
    return Open(advised);
  }
  if (++failures_ >= options_.failures) Open(advised);
}

void CircuitBreaker::Skip(Ticket ticket) {
  std::lock_guard lock(mutex_);
  if (ticket == now_) probing_ = false;
}

void CircuitBreaker::Open(milliseconds advised) {
  open_ = true;
  probing_ = false;
  ++now_;
  // Advice of a whole day would outlast the fault it is about.
  const milliseconds pause = std::max(pause_, std::min(advised, options_.max_pause));
  until_ms_ = clock_.NowMs() + pause.count();
}

// Longer than any pause: the clock was set back, and nobody knows.
milliseconds CircuitBreaker::Left() const {
  const milliseconds left(std::max<std::int64_t>(0, until_ms_ - clock_.NowMs()));
  return left > std::max(options_.max_pause, options_.pause) ? milliseconds(0) : left;
}

CircuitBreaker::State CircuitBreaker::state() const {
  std::lock_guard lock(mutex_);
  if (!open_) return State::kClosed;
  return Left() > milliseconds(0) ? State::kOpen : State::kHalfOpen;
}

milliseconds CircuitBreaker::remaining() const {
  std::lock_guard lock(mutex_);
  return open_ ? Left() : milliseconds(0);
}

}  // namespace reprise
