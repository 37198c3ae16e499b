#include "cache/error_learner.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace reprise {
namespace {

// Page's test (1954) between a pool's usual rate of wrong labels and one that is a change. In a
// pool that is right 98 times of 100, three wrong labels in a row, or nearly, raise the alarm.
constexpr double kLeastUsual = 0.02, kMostUsual = 0.4, kAlarm = 6;

double ChangedRate(double usual) {
  return std::min(0.95, 0.1 + 5 * usual);
}

// A fit may lag behind by one in so many of a pool's labels, unless the new one says "different".
constexpr std::size_t kLag = 64;

template <class Map, class Value = typename Map::mapped_type>
Value& Touch(Map& map, std::list<std::uint64_t>& use, std::uint64_t id, std::size_t limit) {
  auto [found, inserted] = map.try_emplace(id);
  if (inserted) {
    found->second.use = use.insert(use.end(), id);
    if (map.size() > limit) {
      map.erase(use.front());
      use.pop_front();
    }
  } else {
    use.splice(use.end(), use, found->second.use);
  }
  return found->second;
}

}  // namespace

LabelCount ErrorLearner::Pool::CountUpTo(double similarity) const {
  // Up to rounding: an observation of this very similarity counts.
  const auto end = std::upper_bound(similarities.begin(), similarities.end(), similarity + 1e-9);
  const auto labels_below = static_cast<std::size_t>(end - similarities.begin());
  return {labels_below, different_before.empty() ? 0 : different_before[labels_below]};
}

ErrorLearner::Pool& ErrorLearner::PoolFor(std::uint64_t id) {
  return Touch(pools_, pool_use_, id, options_.pools);
}

ErrorLearner::Own& ErrorLearner::OwnFor(std::uint64_t id) {
  return Touch(entries_, entry_use_, id, options_.entries);
}

Choice ErrorLearner::Decide(const Candidate& candidate, double max_error, double coin) {
  std::lock_guard lock(mutex_);
  Pool& pool = PoolFor(candidate.pool);
  ++pool.decisions;
  Forget(pool);
  Choice choice{.chance_bound = Bound(pool, candidate)};
  choice.probability = ExploreProbability(choice.chance_bound, max_error, options_.floor);
  choice.explore = coin < choice.probability;
  ++(choice.explore ? explored_ : served_);
  return choice;
}

double ErrorLearner::Bound(const Pool& pool, const Candidate& candidate) const {
  Evidence evidence{.similarity = candidate.similarity};
  const auto own = entries_.find(candidate.entry);
  if (own == entries_.end() || own->second.different == 0) {
    evidence.pool_curve = &pool.curve;
    evidence.pool_count = pool.CountUpTo(candidate.similarity);
  }
  ChanceCurve own_curve;
  if (own != entries_.end()) {
    const std::vector<Observation> labels(own->second.labels.begin(), own->second.labels.end());
    own_curve = CorrectCurve(pool.curve, labels, options_.spread);
    evidence.own_curve = &own_curve;
    for (const Observation& label : labels) {
      if (label.similarity > candidate.similarity + 1e-9) continue;
      ++evidence.own_count.labels;
      evidence.own_count.different += !label.same;
    }
  }
  return ChanceBound(evidence);
}

void ErrorLearner::Learn(const Label& label) {
  std::lock_guard lock(mutex_);
  Pool& pool = PoolFor(label.candidate.pool);
  const Observation observation{label.candidate.similarity, label.same};
  Own& own = OwnFor(label.candidate.entry);
  const bool stands_for_itself = own.different > 0;
  own.labels.push_back(observation);
  own.different += !label.same;
  if (own.labels.size() > options_.own_labels) {
    own.different -= !own.labels.front().same;
    own.labels.pop_front();
  }
  pool.decisions = std::max(pool.decisions, label.decision);
  if (stands_for_itself || label.reported) return;
  const std::uint64_t decision = label.decision == 0 ? pool.decisions : label.decision;
  pool.labels.push_back({observation, decision});
  if (pool.labels.size() > options_.pool_labels) pool.labels.pop_front();
  if (WatchForChange(pool, label.same)) {
    ++changes_;
    const std::size_t kept = std::min(pool.since_rise, pool.labels.size());
    pool.labels.erase(pool.labels.begin(), pool.labels.end() - static_cast<std::ptrdiff_t>(kept));
    pool.rise = 0;
    pool.since_rise = 0;
    Refit(pool);
    return;
  }
  ++pool.unfitted;
  if (!label.same || pool.unfitted * kLag >= pool.labels.size()) Refit(pool);
}

bool ErrorLearner::WatchForChange(Pool& pool, bool same) {
  const auto labels = static_cast<double>(pool.similarities.size());
  const double wrong =
      pool.different_before.empty() ? 0 : static_cast<double>(pool.different_before.back());
  const double usual = std::clamp((wrong + 1) / (labels + 2), kLeastUsual, kMostUsual);
  const double changed = ChangedRate(usual);
  const double step = same ? std::log((1 - changed) / (1 - usual)) : std::log(changed / usual);
  ++pool.since_rise;
  pool.rise += step;
  if (pool.rise <= 0) {
    pool.rise = 0;
    pool.since_rise = 0;
  }
  return pool.rise >= kAlarm;
}

void ErrorLearner::Forget(Pool& pool) {
  std::size_t forgotten = 0;
  while (!pool.labels.empty() &&
         pool.labels.front().decision + options_.pool_decisions < pool.decisions) {
    pool.labels.pop_front();
    ++forgotten;
  }
  pool.unfitted += forgotten;
  if (forgotten > 0 && pool.unfitted * kLag >= pool.labels.size()) Refit(pool);
}

void ErrorLearner::Refit(Pool& pool) {
  std::vector<Observation> labels;
  labels.reserve(pool.labels.size());
  for (const PoolLabel& label : pool.labels) labels.push_back(label.observation);
  pool.unfitted = 0;
  pool.curve = FitCurve(labels);
  std::ranges::sort(labels, {}, &Observation::similarity);
  pool.similarities.clear();
  pool.different_before.assign(1, 0);
  for (const Observation& label : labels) {
    pool.similarities.push_back(label.similarity);
    pool.different_before.push_back(pool.different_before.back() + !label.same);
  }
}

std::uint64_t ErrorLearner::DecisionsOf(std::uint64_t pool) const {
  std::lock_guard lock(mutex_);
  const auto found = pools_.find(pool);
  return found == pools_.end() ? 0 : found->second.decisions;
}

ErrorLearner::Totals ErrorLearner::totals() const {
  std::lock_guard lock(mutex_);
  Totals totals{
      .served = served_, .explored = explored_, .pools = pools_.size(), .changes = changes_};
  for (const auto& [id, own] : entries_) {
    totals.labels += own.labels.size();
    totals.different += own.different;
  }
  return totals;
}

}  // namespace reprise
