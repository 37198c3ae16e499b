// When a cached image may answer a rephrased prompt so that wrong answers stay below a wished rate.
// Pure mathematics; nothing here keeps state. After vCache (Schroeder et al., "Verified Semantic
// Prompt Caching", 2026), from its mathematics.
//
// The question. A neighbour of similarity s is at hand. With probability 1 - tau its image is
// served, else the request explores: an image is generated, compared, and the label c (1: same
// picture) learned. An explored request is answered by its own image, so only a served one can be
// wrong:
//
//     Pr(wrong) = Pr(served) Pr(c = 0 | s) = (1 - tau) (1 - Pr(c = 1 | s))              (1)
//
// The coin is independent of c, so the factors multiply. With any lower bound B <= Pr(c = 1 | s),
//
//     (1 - tau) (1 - B) <= delta   <=>   tau >= 1 - delta / (1 - B)                    (2)
//
// keeps (1) at most delta. This is a rate of all requests that had such a neighbour, served or
// explored; among those served alone it is delta / (1 - tau), which tends to delta as tau falls.
//
// The bound. Let L(e) be a lower confidence limit of p = Pr(c = 1 | s) that fails with probability
// at most e over the labels it was computed from; L grows with e. Leaving out the case that it
// failed gives vCache's bound
//
//     Pr(c = 1 | s) >= (1 - e) L(e)    for every e in (0, 1)                           (3)
//
// of which it takes the best of a grid: tau = min over e of 1 - delta / (1 - (1 - e) L(e)). That is
// the largest rectangle under the curve of L. The area under it is a bound for the same reason: p
// exceeds L(e) with probability 1 - e or more, so summing over e = e_0 < e_1 < ... < e_k = 1,
//
//     Pr(c = 1 | s) = E p >= sum over i of (e_(i+1) - e_i) L(e_i) >= max over i of (1 - e_i) L(e_i)
//                                                                                      (4)
//
// and never below (3); on mixed traffic it serves 1.2 to 1.6 times as often. With m kinds of limits
// at once, each at e / m, one of them fails with probability at most e (union bound), so the
// largest may be used. As 1 - B is at least about e_0, the grid is logarithmic: fifty even steps
// could never serve more than delta / 0.02.
//
// The limits.
//   Curve: Pr(c = 1 | s) = sigmoid(g (s - t)), a logistic regression a + b x with t = -a / b and
//     g = b. The delta method gives the variance of t from the covariance V of (a, b):
//       Var t = V_aa / b^2 - 2 a V_ab / b^3 + a^2 V_bb / b^4
//     and t'(e) = t + z(1 - e) sqrt(Var t) the limit L(e) = sigmoid(g (s - t'(e))). This is
//     vCache's.
//   Count: where nearly every label is 1 the curve's threshold lies far outside the data and its
//     error explodes. A chance that does not fall with similarity is at least the rate among the
//     n labels of similarity <= s, k of them 0; Chernoff's inequality in Kullback-Leibler form,
//       Pr(rate_n >= p + ...) <= exp(-n kl(rate_n, p)),
//     gives L(e) as the root below the rate of n kl((n - k) / n, L) = ln(1 / e); for k = 0 that is
//     e^(1/n), the exact binomial limit.
#pragma once

#include <cstddef>
#include <span>

namespace reprise {

// A labelled neighbour: its similarity to what was asked, and whether it was the same picture.
struct Observation {
  double similarity = 0;
  bool same = false;
};

// sigmoid(slope (s - threshold)), the threshold known up to `standard_error`.
struct ChanceCurve {
  double threshold = 0;
  double slope = 1;  // positive
  double standard_error = 1;

  // Pr(c = 1 | s), and its lower confidence limit that fails with probability `e`.
  double At(double similarity) const;
  double LowerLimit(double similarity, double e) const;
};

// What is assumed before any label: an even chance at similarity 0.9 and a slope in the range where
// similarities from 0.85 to 1 make a difference, both held loosely.
ChanceCurve PriorCurve();

// Regularised logistic regression by Newton's method; never fails, also not on labels that are all
// the same. 100 us for 2,000 observations.
ChanceCurve FitCurve(std::span<const Observation> observations);

// The curve of one entry: the pool's slope, and its threshold as the prior of the entry's own, with
// `spread` (standard deviation, in units of similarity times slope) between entries.
ChanceCurve CorrectCurve(const ChanceCurve& pool, std::span<const Observation> own, double spread);

// How many labels there are, and how many of them say "different".
struct LabelCount {
  std::size_t labels = 0, different = 0;
};

// The lower confidence limit of the rate of "same" that fails with probability `e`; 0 for no
// labels.
double LowerRate(LabelCount count, double e);

// What is known about one decision. A missing curve or a count of 0 is no limit.
struct Evidence {
  double similarity = 0;
  const ChanceCurve* pool_curve = nullptr;
  LabelCount pool_count = {};  // of similarity <= `similarity`
  const ChanceCurve* own_curve = nullptr;
  LabelCount own_count = {};
};

// The bound B of (4) over all limits that the evidence has. Some microseconds.
double ChanceBound(const Evidence& evidence);

// tau of (2), at least `floor` (exploring that never ends is what notices a change). `max_error` in
// (0, 1].
double ExploreProbability(double chance_bound, double max_error, double floor);

// The standard normal quantile (Acklam's rational approximation, relative error below 1.2e-9).
double NormalQuantile(double probability);

}  // namespace reprise
