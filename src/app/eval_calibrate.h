// Fits a calibration to judged pairs and says, on pairs it was not fitted to, what it is worth.
// Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "app/eval_report.h"

namespace reprise {

struct CalibrationReport {
  Calibration calibration;  // fitted to all pairs: what is to be configured
  std::size_t samples = 0;  // pairs it was fitted to: labelled, neither vetoed nor equal
  std::size_t folds = 0;
  // Both on all labelled pairs at the same threshold; `after` decides each pair with a calibration
  // fitted to the other folds.
  Tally before, after;
  double log_loss_before = 0, log_loss_after = 0;  // of the samples, the same way
};

// `pairs` were judged without a calibration. Pairs that share a prompt stay in one fold.
// kInvalidArgument when there are too few pairs of either label to fit to.
Result<CalibrationReport> Calibrate(const std::vector<JudgedPair>& pairs, double threshold);

// "cache:\n  calibration: {bias: ..., similarity: ..., cosine: ...}\n"
std::string CalibrationYaml(const Calibration& calibration);

std::string CalibrationText(const CalibrationReport& report, double threshold);
nlohmann::json CalibrationJson(const CalibrationReport& report, double threshold);

}  // namespace reprise
