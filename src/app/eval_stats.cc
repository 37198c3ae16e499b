#include "app/eval_stats.h"

#include <algorithm>
#include <cmath>

namespace reprise {
namespace {

constexpr int kSteps = 200;

}  // namespace

std::size_t TrialsFor(double error) {
  // With no failure the upper end is z^2 / (n + z^2).
  return static_cast<std::size_t>(
      std::ceil(std::max(0.0, kNormal95 * kNormal95 * (1 - error) / error)));
}

void Tally::Count(bool must, bool hit) {
  (must ? must_hit : must_miss) += 1;
  if (hit) (must ? right_hits : wrong_hits) += 1;
}

std::vector<CurvePoint> Curve(std::span<const ScoredPair> pairs) {
  std::vector<CurvePoint> curve;
  for (int i = 0; i <= kSteps; ++i) {
    CurvePoint point{.threshold = static_cast<double>(i) / kSteps, .tally = {}};
    for (const ScoredPair& pair : pairs) {
      point.tally.Count(pair.must_hit, !pair.vetoed && pair.score >= point.threshold);
    }
    curve.push_back(point);
  }
  return curve;
}

std::optional<CurvePoint> Recommend(std::span<const CurvePoint> curve, double max_error) {
  for (const CurvePoint& point : curve) {
    if (point.tally.false_hits().interval().high <= max_error) return point;
  }
  return std::nullopt;
}

}  // namespace reprise
