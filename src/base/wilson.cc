#include "base/wilson.h"

#include <algorithm>
#include <cmath>

namespace reprise {

Interval WilsonInterval(std::size_t part, std::size_t of) {
  if (of == 0) return {};
  constexpr double z2 = kNormal95 * kNormal95;
  const double n = static_cast<double>(of), p = static_cast<double>(part) / n;
  const double centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = kNormal95 * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n);
  // The ends that rounding could miss are exact.
  return {.low = part == 0 ? 0 : std::max(0.0, centre - half),
          .high = part == of ? 1 : std::min(1.0, centre + half)};
}

}  // namespace reprise
