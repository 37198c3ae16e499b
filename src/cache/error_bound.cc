#include "cache/error_bound.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace reprise {
namespace {

// Prior of the regression a + b (s - kCentre): standard deviations as for weakly informative priors
// (Gelman et al. 2008), in units where similarities differ by tenths.
constexpr double kCentre = 0.9;
constexpr double kInterceptSd = 4;
constexpr double kSlopeMean = 20, kSlopeSd = 20;
constexpr double kMinSlope = 1;

constexpr int kNewtonSteps = 30;
constexpr std::size_t kGrid = 24, kMostKinds = 4;
constexpr double kLeast = 1e-6;  // of the grid of confidence levels
constexpr double kMost = 0.9;

double Sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

// Gradient and information (negative Hessian) of the penalised log-likelihood at (a, b).
struct Normal2 {
  double a = 0, b = 0;
  double aa = 0, ab = 0, bb = 0;
};

Normal2 Accumulate(std::span<const Observation> observations, double a, double b) {
  Normal2 sum{.a = -a / (kInterceptSd * kInterceptSd),
              .b = -(b - kSlopeMean) / (kSlopeSd * kSlopeSd),
              .aa = 1 / (kInterceptSd * kInterceptSd),
              .bb = 1 / (kSlopeSd * kSlopeSd)};
  for (const Observation& observation : observations) {
    const double x = observation.similarity - kCentre;
    const double p = Sigmoid(a + b * x);
    const double residual = (observation.same ? 1.0 : 0.0) - p;
    const double weight = p * (1 - p);
    sum.a += residual;
    sum.b += residual * x;
    sum.aa += weight;
    sum.ab += weight * x;
    sum.bb += weight * x * x;
  }
  return sum;
}

// By the delta method from the covariance, the inverse of the information.
ChanceCurve ToCurve(double a, double b, const Normal2& at) {
  const double determinant = at.aa * at.bb - at.ab * at.ab;
  const double v_aa = at.bb / determinant, v_bb = at.aa / determinant;
  const double v_ab = -at.ab / determinant;
  b = std::max(b, kMinSlope);
  const double variance =
      v_aa / (b * b) - 2 * a * v_ab / (b * b * b) + a * a * v_bb / std::pow(b, 4);
  return {.threshold = kCentre - a / b,
          .slope = b,
          .standard_error = std::sqrt(std::max(variance, 1e-12))};
}

const std::array<double, kGrid>& Grid() {
  static const auto grid = [] {
    std::array<double, kGrid> levels{};
    const double ratio = std::pow(kMost / kLeast, 1.0 / (kGrid - 1));
    for (std::size_t i = 0; i < kGrid; ++i)
      levels[i] = kLeast * std::pow(ratio, static_cast<double>(i));
    return levels;
  }();
  return grid;
}

// z(1 - e / kinds) for e of the grid and 1 to kMostKinds kinds of limits.
double Quantile(int kinds, std::size_t i) {
  static const auto quantiles = [] {
    std::array<std::array<double, kGrid>, kMostKinds> z{};
    for (std::size_t k = 0; k < kMostKinds; ++k) {
      for (std::size_t at = 0; at < kGrid; ++at) {
        z[k][at] = NormalQuantile(1 - Grid()[at] / static_cast<double>(k + 1));
      }
    }
    return z;
  }();
  return quantiles[static_cast<std::size_t>(kinds - 1)][i];
}

double LimitAt(const ChanceCurve& curve, double similarity, double z) {
  return Sigmoid(curve.slope * (similarity - curve.threshold - z * curve.standard_error));
}

}  // namespace

double ChanceCurve::At(double similarity) const {
  return Sigmoid(slope * (similarity - threshold));
}

double ChanceCurve::LowerLimit(double similarity, double e) const {
  return LimitAt(*this, similarity, NormalQuantile(1 - e));
}

ChanceCurve PriorCurve() {
  return FitCurve({});
}

ChanceCurve FitCurve(std::span<const Observation> observations) {
  double a = 0, b = kSlopeMean;
  Normal2 at = Accumulate(observations, a, b);
  for (int step = 0; step < kNewtonSteps; ++step) {
    const double determinant = at.aa * at.bb - at.ab * at.ab;
    const double da = (at.bb * at.a - at.ab * at.b) / determinant;
    const double db = (at.aa * at.b - at.ab * at.a) / determinant;
    // Damped: far from the optimum a full step of a logistic regression may overshoot.
    const double damping = std::min(1.0, 4 / std::max({std::abs(da), std::abs(db) / 5, 1e-9}));
    a += damping * da;
    b += damping * db;
    at = Accumulate(observations, a, b);
    if (std::abs(da) < 1e-6 && std::abs(db) < 1e-5) break;
  }
  return ToCurve(a, b, at);
}

ChanceCurve CorrectCurve(const ChanceCurve& pool, std::span<const Observation> own, double spread) {
  if (own.empty()) return pool;
  const double g = pool.slope;
  // One dimension: the logit's offset u = -g (t - t_pool), with prior N(0, variance).
  const double pool_sd = g * pool.standard_error;
  const double prior = 1 / (pool_sd * pool_sd + spread * spread);
  double u = 0, information = prior;
  for (int step = 0; step < kNewtonSteps; ++step) {
    double gradient = -u * prior;
    information = prior;
    for (const Observation& observation : own) {
      const double p = Sigmoid(g * (observation.similarity - pool.threshold) + u);
      gradient += (observation.same ? 1.0 : 0.0) - p;
      information += p * (1 - p);
    }
    const double change = std::clamp(gradient / information, -2.0, 2.0);
    u += change;
    if (std::abs(change) < 1e-6) break;
  }
  return {.threshold = pool.threshold - u / g,
          .slope = g,
          .standard_error = 1 / (g * std::sqrt(information))};
}

double LowerRate(LabelCount count, double e) {
  if (count.labels == 0) return 0;
  const auto n = static_cast<double>(count.labels);
  const double excess = std::log(1 / e) / n;
  if (count.different == 0) return std::exp(-excess);
  const double rate = (n - static_cast<double>(count.different)) / n;
  if (rate <= 0) return 0;
  // kl(rate, q) falls and is convex in q below the rate, so Newton's method from the left of the
  // root climbs to it. Pinsker's inequality, kl >= 2 (rate - q)^2, gives such a start.
  double q = std::max(rate - std::sqrt(excess / 2), 1e-9 * rate);
  for (int step = 0; step < 40; ++step) {
    const double miss = (1 - rate) * std::log((1 - rate) / (1 - q));
    const double value = rate * std::log(rate / q) + miss - excess;
    const double change = value / (rate / q - (1 - rate) / (1 - q));
    if (!(change > 1e-10 * q)) break;
    q = std::min(q + change, rate);
  }
  return q;
}

double ChanceBound(const Evidence& evidence) {
  const bool pool_count = evidence.pool_count.labels > 0, own_count = evidence.own_count.labels > 0;
  const int kinds =
      (evidence.pool_curve != nullptr) + pool_count + (evidence.own_curve != nullptr) + own_count;
  const auto limit_at = [&](std::size_t i) {
    const double e = Grid()[i] / kinds;
    double limit = 0;
    if (pool_count) limit = LowerRate(evidence.pool_count, e);
    if (own_count) limit = std::max(limit, LowerRate(evidence.own_count, e));
    for (const ChanceCurve* curve : {evidence.pool_curve, evidence.own_curve}) {
      if (curve == nullptr) continue;
      limit = std::max(limit, LimitAt(*curve, evidence.similarity, Quantile(kinds, i)));
    }
    return limit;
  };
  double area = 0;
  if (kinds == 0) return area;
  for (std::size_t i = 0; i < kGrid; ++i) {
    const double next = i + 1 < kGrid ? Grid()[i + 1] : 1;
    area += (next - Grid()[i]) * limit_at(i);
  }
  return area;
}

double ExploreProbability(double chance_bound, double max_error, double floor) {
  const double risk = 1 - chance_bound;
  const double tau = risk <= 0 ? 0 : 1 - max_error / risk;
  return std::clamp(tau, floor, 1.0);
}

double NormalQuantile(double probability) {
  const double p = std::clamp(probability, 1e-300, 1 - 1e-16);
  constexpr double kA[] = {-3.969683028665376e+01, 2.209460984245205e+02,  -2.759285104469687e+02,
                           1.383577518672690e+02,  -3.066479806614716e+01, 2.506628277459239e+00};
  constexpr double kB[] = {-5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02,
                           6.680131188771972e+01, -1.328068155288572e+01};
  constexpr double kC[] = {-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
                           -2.549732539343734e+00, 4.374664141464968e+00,  2.938163982698783e+00};
  constexpr double kD[] = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00,
                           3.754408661907416e+00};
  const auto tail = [&](double q) {
    return (((((kC[0] * q + kC[1]) * q + kC[2]) * q + kC[3]) * q + kC[4]) * q + kC[5]) /
           ((((kD[0] * q + kD[1]) * q + kD[2]) * q + kD[3]) * q + 1);
  };
  constexpr double kTail = 0.02425;
  if (p < kTail) return tail(std::sqrt(-2 * std::log(p)));
  if (p > 1 - kTail) return -tail(std::sqrt(-2 * std::log(1 - p)));
  const double q = p - 0.5, r = q * q;
  return (((((kA[0] * r + kA[1]) * r + kA[2]) * r + kA[3]) * r + kA[4]) * r + kA[5]) * q /
         (((((kB[0] * r + kB[1]) * r + kB[2]) * r + kB[3]) * r + kB[4]) * r + 1);
}

}  // namespace reprise
