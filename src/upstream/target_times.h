// How fast one of a route's targets answers. A target that others overtake is asked no more, so it
// gets another chance now and then: else one slow hour would count for ever. Safe for any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "upstream/recent_times.h"

namespace reprise {

class TargetTimes {
 public:
  // Answers from before such a pause say nothing about those after it.
  static constexpr std::chrono::minutes kPause{5};
  // Requests that go elsewhere between two chances: what they cost in time at the most.
  static constexpr int kPassedOver = 20;

  // `clock` outlives it.
  explicit TargetTimes(const Clock& clock) : clock_(clock) {}

  void Add(std::chrono::milliseconds took);
  // Of the latest 31 answers since a pause; nothing before the first.
  std::optional<std::chrono::milliseconds> Median() const { return times_.Median(); }

  // A request is about to go elsewhere. True when it should come here first: nothing was measured
  // for kPause, while kPassedOver requests went elsewhere. Never before the first answer: until
  // then the configured time stands.
  bool PassOver();

 private:
  const Clock& clock_;
  std::mutex mutex_;
  RecentTimes times_;
  std::int64_t answered_ms_ = 0;  // 0: never
  std::int64_t chance_ms_ = 0;
  int passed_over_ = 0;
};

}  // namespace reprise
