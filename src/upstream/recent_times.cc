#include "upstream/recent_times.h"

#include <algorithm>

namespace reprise {

void RecentTimes::Add(std::chrono::milliseconds took) {
  std::lock_guard lock(mutex_);
  times_[added_++ % times_.size()] = took;
}

void RecentTimes::Clear() {
  std::lock_guard lock(mutex_);
  added_ = 0;
}

std::optional<std::chrono::milliseconds> RecentTimes::Median() const {
  decltype(times_) times;
  std::size_t count = 0;
  {
    std::lock_guard lock(mutex_);
    times = times_;
    count = std::min(added_, times_.size());
  }
  if (count == 0) return std::nullopt;
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(count / 2);
  std::nth_element(times.begin(), middle, times.begin() + static_cast<std::ptrdiff_t>(count));
  return *middle;
}

}  // namespace reprise
