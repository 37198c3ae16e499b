#include "upstream/target_times.h"

#include <algorithm>

namespace reprise {
namespace {

constexpr std::int64_t kPauseMs = std::chrono::milliseconds(TargetTimes::kPause).count();

}  // namespace

void TargetTimes::Add(std::chrono::milliseconds took) {
  const std::int64_t now_ms = clock_.NowMs();
  std::lock_guard lock(mutex_);
  if (now_ms - answered_ms_ >= kPauseMs) times_.Clear();
  times_.Add(took);
  answered_ms_ = now_ms;
  passed_over_ = 0;
}

bool TargetTimes::PassOver() {
  const std::int64_t now_ms = clock_.NowMs();
  std::lock_guard lock(mutex_);
  if (answered_ms_ == 0) return false;
  ++passed_over_;
  const std::int64_t since_ms = std::max(answered_ms_, chance_ms_);
  if (passed_over_ < kPassedOver || now_ms - since_ms < kPauseMs) return false;
  passed_over_ = 0;
  chance_ms_ = now_ms;
  return true;
}

}  // namespace reprise
