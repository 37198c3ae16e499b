#include "app/eval_stats.h"

#include <algorithm>
#include <cmath>

namespace reprise {
namespace {

constexpr double kZ = 1.959963984540054;  // the normal distribution's 97.5 % quantile
constexpr int kSteps = 200;

}  // namespace

Interval Wilson(std::size_t part, std::size_t of) {
  if (of == 0) return {};
  const double n = static_cast<double>(of), p = static_cast<double>(part) / n, z2 = kZ * kZ;
  const double centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = kZ * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n);
  // The ends that rounding could miss are exact.
  return {.low = part == 0 ? 0 : std::max(0.0, centre - half),
          .high = part == of ? 1 : std::min(1.0, centre + half)};
}

std::size_t TrialsFor(double error) {
  // With no failure the upper end is z^2 / (n + z^2).
  return static_cast<std::size_t>(std::ceil(std::max(0.0, kZ * kZ * (1 - error) / error)));
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
