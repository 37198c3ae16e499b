// The interval of a measured share. Pure.
#pragma once

#include <cstddef>

namespace reprise {

struct Interval {
  double low = 0, high = 1;
};

// The normal distribution's 97.5 % quantile.
inline constexpr double kNormal95 = 1.959963984540054;

// The 95 % score interval of a share (Wilson 1927); [0, 1] of nothing.
Interval WilsonInterval(std::size_t part, std::size_t of);

}  // namespace reprise
