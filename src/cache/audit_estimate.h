// What audits say about the rate of false hits. Pure.
//
// Two images of one prompt differ, so a comparison calls some good hits different. How often is
// measured, not assumed: the control generates an entry's own prompt again and compares it the same
// way. With f the share of false hits, q the share of pairs of one prompt that are called different
// (from the control) and every false hit called different, the audited hits are called different at
// the rate
//
//     d = (1 - f) q + f    so that    f = (d - q) / (1 - q)
//
// (Rogan and Gladen's estimator with sensitivity 1). A comparison that overlooks differences makes
// f too low; only a better judge can tell.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/wilson.h"

namespace reprise {

struct JudgedPairs {
  std::size_t judged = 0, different = 0;
};

struct FalseHitEstimate {
  double rate = 0;    // 0 to 1
  Interval interval;  // 95 %
};

// Wilson's interval when there is no control; else Newcombe's for the difference of two proportions
// (1998, method 10: square-and-add of their Wilson intervals), scaled by 1 / (1 - q). Cut to [0,
// 1].
FalseHitEstimate EstimateFalseHits(const JudgedPairs& hits, const JudgedPairs& control);

// Control pairs before a score means anything.
inline constexpr std::size_t kLeastControls = 20;

// Images scored below this are called different: the score that one in fifty control pairs stays
// below (the lowest score of fewer than fifty). Nothing before there are kLeastControls.
std::optional<double> SameThreshold(std::vector<double> control_scores);

// A threshold taken from the control's own scores flatters the control: of n pairs r lie below it
// by choice, while a further pair of one prompt, exchangeable with them, does with probability (r +
// 1) / (n + 1). So the estimate counts one pair more, a different one.
inline JudgedPairs WithoutFlattery(JudgedPairs control) {
  return {control.judged + 1, control.different + 1};
}

}  // namespace reprise
