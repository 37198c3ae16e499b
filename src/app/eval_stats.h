// The statistics of labelled decisions: shares with their intervals, the curve over thresholds, and
// the threshold that keeps an error. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/wilson.h"

namespace reprise {

// How many trials without a single failure it takes until the interval's upper end is at most
// `error`, which is above 0.
std::size_t TrialsFor(double error);

struct Share {
  std::size_t part = 0, of = 0;
  double value() const { return of == 0 ? 0 : double(part) / double(of); }
  Interval interval() const { return WilsonInterval(part, of); }
};

// Labelled pairs and what was decided on them.
struct Tally {
  std::size_t right_hits = 0, wrong_hits = 0;  // pairs that hit, by label
  std::size_t must_hit = 0, must_miss = 0;     // pairs there are, by label

  void Count(bool must, bool hit);
  Share precision() const { return {right_hits, right_hits + wrong_hits}; }
  Share recall() const { return {right_hits, must_hit}; }
  Share false_hits() const { return {wrong_hits, must_miss}; }  // of the pairs that must miss
  Share hit_rate() const { return {right_hits + wrong_hits, must_hit + must_miss}; }
};

struct ScoredPair {
  bool must_hit = false;
  double score = 0;     // it hits from this threshold down
  bool vetoed = false;  // then it hits at none
};

struct CurvePoint {
  double threshold = 0;
  Tally tally;
};

// A point every 0.005 from 0 to 1.
std::vector<CurvePoint> Curve(std::span<const ScoredPair> pairs);

// The lowest threshold, so the highest recall, whose share of false hits is at most `max_error`
// with the interval's upper end. Nothing when no threshold is proven to be that good.
std::optional<CurvePoint> Recommend(std::span<const CurvePoint> curve, double max_error);

}  // namespace reprise
