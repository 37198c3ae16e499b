#include "prompt/calibration.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace reprise {
namespace {

constexpr double kFarthest = 1e-4;  // s is kept this far from 0 and 1, where its logit is infinite
constexpr double kBelowEqual = 0.999;
constexpr int kNewtonSteps = 50;
constexpr double kSmallStep = 1e-10;

using Vector = std::array<double, 3>;  // bias, similarity, cosine
using Matrix = std::array<Vector, 3>;

constexpr Vector kIdentity = {0, 1, 0};
constexpr Vector kLowest = {-1e9, 0, 0};

Vector Features(double s, double c) {
  s = std::clamp(s, kFarthest, 1 - kFarthest);
  return {1, std::log(s / (1 - s)), std::clamp(c, -1.0, 1.0)};
}

double Dot(const Vector& a, const Vector& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

double Sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

// log(1 + exp(x)) without overflow.
double Softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}

double Loss(const Vector& x, bool hit, const Vector& weights) {
  const double d = Dot(weights, x);
  return Softplus(hit ? -d : d);
}

// The penalised loss around `weights`: its value, gradient and Hessian.
struct Expansion {
  double value = 0;
  Vector gradient{};
  Matrix hessian{};
};

Expansion Expand(std::span<const CalibrationSample> samples, const Vector& weights, double ridge) {
  Expansion at;
  for (std::size_t i = 0; i < 3; ++i) {
    const double off = weights[i] - kIdentity[i];
    at.value += ridge * off * off / 2;
    at.gradient[i] = ridge * off;
    at.hessian[i][i] = ridge;
  }
  for (const CalibrationSample& sample : samples) {
    const Vector x = Features(sample.similarity, sample.cosine);
    const double p = Sigmoid(Dot(weights, x));
    at.value += Loss(x, sample.hit, weights);
    for (std::size_t i = 0; i < 3; ++i) {
      at.gradient[i] += (p - sample.hit) * x[i];
      for (std::size_t j = 0; j < 3; ++j) at.hessian[i][j] += p * (1 - p) * x[i] * x[j];
    }
  }
  return at;
}

// The step to the lowest point of the quadratic model that keeps the weights in their bounds, by
// cyclic coordinate descent: convex, three unknowns.
Vector BoundedNewtonStep(const Expansion& at, const Vector& weights) {
  Vector step{};
  for (int round = 0; round < 1000; ++round) {
    double moved = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const double slope = at.gradient[i] + Dot(at.hessian[i], step);
      const double next = std::max(step[i] - slope / at.hessian[i][i], kLowest[i] - weights[i]);
      moved = std::max(moved, std::abs(next - step[i]));
      step[i] = next;
    }
    if (moved < kSmallStep) break;
  }
  return step;
}

double PenalisedLoss(std::span<const CalibrationSample> samples, const Vector& weights,
                     double ridge) {
  double sum = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    sum += ridge * (weights[i] - kIdentity[i]) * (weights[i] - kIdentity[i]) / 2;
  }
  for (const CalibrationSample& sample : samples) {
    sum += Loss(Features(sample.similarity, sample.cosine), sample.hit, weights);
  }
  return sum;
}

}  // namespace

double Calibration::Probability(double s, double c) const {
  if (*this == Calibration{}) return s;
  return Sigmoid(Dot({bias, similarity, cosine}, Features(s, c)));
}

Verdict Calibration::Apply(Verdict verdict, double c) const {
  if (verdict.vetoed || verdict.similarity >= 1 || *this == Calibration{}) return verdict;
  verdict.similarity = std::min(Probability(verdict.similarity, c), kBelowEqual);
  return verdict;
}

Calibration FitCalibration(std::span<const CalibrationSample> samples, double ridge) {
  Vector weights = kIdentity;
  for (int i = 0; i < kNewtonSteps; ++i) {
    const Expansion at = Expand(samples, weights, ridge);
    Vector step = BoundedNewtonStep(at, weights);
    double length = 1;
    const auto moved = [&] {
      Vector next = weights;
      for (std::size_t k = 0; k < 3; ++k) next[k] += length * step[k];
      return next;
    };
    while (length > kSmallStep && PenalisedLoss(samples, moved(), ridge) > at.value) length /= 2;
    const Vector next = moved();
    const double change = std::max({std::abs(next[0] - weights[0]), std::abs(next[1] - weights[1]),
                                    std::abs(next[2] - weights[2])});
    weights = next;
    if (change < kSmallStep) break;
  }
  return {.bias = weights[0], .similarity = weights[1], .cosine = weights[2]};
}

double LogLoss(std::span<const CalibrationSample> samples, const Calibration& calibration) {
  if (samples.empty()) return 0;
  double sum = 0;
  for (const CalibrationSample& sample : samples) {
    sum += Loss(Features(sample.similarity, sample.cosine), sample.hit,
                {calibration.bias, calibration.similarity, calibration.cosine});
  }
  return sum / static_cast<double>(samples.size());
}

}  // namespace reprise
