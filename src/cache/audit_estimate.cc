#include "cache/audit_estimate.h"

#include <algorithm>
#include <cmath>

namespace reprise {
namespace {

constexpr std::size_t kOneIn = 50;

double Share(const JudgedPairs& pairs) {
  return pairs.judged == 0 ? 0 : double(pairs.different) / double(pairs.judged);
}

}  // namespace

FalseHitEstimate EstimateFalseHits(const JudgedPairs& hits, const JudgedPairs& control) {
  const double d = Share(hits), q = Share(control);
  const Interval of_hits = WilsonInterval(hits.different, hits.judged);
  if (control.judged == 0 || hits.judged == 0) return {d, of_hits};
  const Interval of_control = WilsonInterval(control.different, control.judged);
  const double scale = 1 / std::max(1e-9, 1 - q);
  const auto cut = [&](double difference) { return std::clamp(difference * scale, 0.0, 1.0); };
  return {cut(d - q),
          {cut(d - q - std::hypot(d - of_hits.low, of_control.high - q)),
           cut(d - q + std::hypot(of_hits.high - d, q - of_control.low))}};
}

std::optional<double> SameThreshold(std::vector<double> control_scores) {
  if (control_scores.size() < kLeastControls) return std::nullopt;
  const auto at = static_cast<std::ptrdiff_t>(control_scores.size() / kOneIn);
  std::nth_element(control_scores.begin(), control_scores.begin() + at, control_scores.end());
  return control_scores[static_cast<std::size_t>(at)];
}

}  // namespace reprise
