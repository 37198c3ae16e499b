#include "base/circuit_breaker.h"

#include <algorithm>

namespace reprise {

using std::chrono::milliseconds;

bool CircuitBreaker::Allow() {
  std::lock_guard lock(mutex_);
  if (!open_) return true;
  if (probing_ || clock_.NowMs() < until_ms_) return false;
  probing_ = true;
  return true;
}

void CircuitBreaker::Succeed() {
  std::lock_guard lock(mutex_);
  // A call from before it opened says nothing about now; only the probe closes it.
  if (open_ && !probing_) return;
  failures_ = 0;
  open_ = probing_ = false;
  pause_ = options_.pause;
}

void CircuitBreaker::Fail(milliseconds advised) {
  std::lock_guard lock(mutex_);
  if (open_ && !probing_) return;
  if (open_) {
    probing_ = false;
    pause_ = std::min(2 * pause_, options_.max_pause);
    return Open(advised);
  }
  if (++failures_ >= options_.failures) Open(advised);
}

void CircuitBreaker::Skip() {
  std::lock_guard lock(mutex_);
  probing_ = false;
}

void CircuitBreaker::Open(milliseconds advised) {
  open_ = true;
  // Advice of a whole day would outlast the fault it is about.
  const milliseconds pause = std::max(pause_, std::min(advised, options_.max_pause));
  until_ms_ = clock_.NowMs() + pause.count();
}

CircuitBreaker::State CircuitBreaker::state() const {
  std::lock_guard lock(mutex_);
  if (!open_) return State::kClosed;
  return clock_.NowMs() < until_ms_ ? State::kOpen : State::kHalfOpen;
}

milliseconds CircuitBreaker::remaining() const {
  std::lock_guard lock(mutex_);
  if (!open_) return milliseconds(0);
  return milliseconds(std::max<std::int64_t>(0, until_ms_ - clock_.NowMs()));
}

}  // namespace reprise
