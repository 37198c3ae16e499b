#include "http/body_budget.h"

namespace reprise::http {

bool BodyHold::Take(std::size_t bytes) {
  const std::size_t limit = budget_->limit_;
  const std::size_t before = budget_->used_.fetch_add(bytes, std::memory_order_relaxed);
  if (limit > 0 && before + bytes > limit) {
    budget_->used_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  bytes_ += bytes;
  return true;
}

void BodyHold::GiveBack() {
  if (bytes_ > 0) budget_->used_.fetch_sub(std::exchange(bytes_, 0), std::memory_order_relaxed);
}

bool BodyMeter::Add(std::size_t bytes) {
  arrived_ += bytes;
  if (refused_) return false;
  if (arrived_ <= kFreeBytes || hold_.Take(arrived_ - kFreeBytes - hold_.bytes())) return true;
  refused_ = true;
  hold_.GiveBack();
  return false;
}

BodyMeter::Arrived BodyMeter::Finish() {
  arrived_ = 0;
  return {std::move(hold_), std::exchange(refused_, false)};
}

}  // namespace reprise::http
