#include "cache/eviction.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace reprise {
namespace {

// Steps that are remembered. When there are more, every second of the older half is forgotten: uses
// that long ago need not be told apart by less.
constexpr std::size_t kMaxSteps = 512;

}  // namespace

double ValueOf(const EntryWorth& worth) {
  const auto bytes = static_cast<double>(std::max<std::uint64_t>(1, worth.bytes));
  return static_cast<double>(worth.uses) * worth.cost_usd / bytes;
}

double AgeingLevel::At(std::int64_t time_ms) const {
  const auto later =
      std::upper_bound(steps_.begin(), steps_.end(), time_ms,
                       [](std::int64_t time, const Step& step) { return time < step.from_ms; });
  if (later == steps_.end()) return now();
  if (later == steps_.begin()) return 0;
  const Step& from = *std::prev(later);
  const double share = static_cast<double>(time_ms - from.from_ms) /
                       static_cast<double>(later->from_ms - from.from_ms);
  return from.level + share * (later->level - from.level);
}

void AgeingLevel::RaiseTo(double level, std::int64_t now_ms) {
  if (level <= now()) return;
  // A clock that was set back must not put the steps out of order.
  if (!steps_.empty() && now_ms <= steps_.back().from_ms) {
    steps_.back().level = level;
    return;
  }
  steps_.push_back({now_ms, level});
  if (steps_.size() > kMaxSteps) Thin();
}

void AgeingLevel::Thin() {
  std::size_t at = 0;
  std::erase_if(steps_, [&](const Step&) {
    const std::size_t place = at++;
    return place < kMaxSteps / 2 && place % 2 == 1;
  });
}

void VictimSelection::Offer(const EvictionCandidate& candidate) {
  bytes_ += candidate.bytes;
  heap_.push_back(candidate);
  std::push_heap(heap_.begin(), heap_.end());
  while (EnoughWithoutHighest()) {
    bytes_ -= heap_.front().bytes;
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
  }
}

bool VictimSelection::EnoughWithoutHighest() const {
  return !heap_.empty() && bytes_ - heap_.front().bytes >= wanted_bytes_ &&
         heap_.size() > wanted_entries_;
}

std::vector<EvictionCandidate> VictimSelection::Take() {
  std::sort_heap(heap_.begin(), heap_.end());
  bytes_ = 0;
  return std::exchange(heap_, {});
}

}  // namespace reprise
