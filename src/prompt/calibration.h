// Turns what a verifier and an embedder say about a pair of prompts into the probability that the
// one's image may answer the other. The weights are fitted to labelled pairs, for one embedder.
// Pure and thread-safe.
#pragma once

#include <span>

#include "prompt/verifier.h"

namespace reprise {

// p = 1 / (1 + exp(-(bias + similarity * logit(s) + cosine * c))), where s is the verifier's
// similarity and c the cosine (Platt 1999). The default is the identity: p = s.
struct Calibration {
  double bias = 0;
  double similarity = 1;  // at least 0, so that p never falls as s grows
  double cosine = 0;      // at least 0 too

  // For a pair that is neither vetoed nor equal; `s` and `c` are clamped to where they are defined.
  double Probability(double s, double c) const;
  // The same verdict under this calibration. Vetoes and equal text (similarity 1) stay as they are;
  // nothing else becomes 1.
  Verdict Apply(Verdict verdict, double c) const;

  bool operator==(const Calibration&) const = default;
};

struct CalibrationSample {
  double similarity = 0;  // the verifier's, of a pair neither vetoed nor equal
  double cosine = 0;
  bool hit = false;  // the label
};

// Maximum likelihood with weights on `similarity` and `cosine` that are not negative. `ridge` pulls
// towards the identity with the strength of about as many samples, so that little data changes
// little; without samples the identity comes back. Deterministic.
Calibration FitCalibration(std::span<const CalibrationSample> samples, double ridge = 1);

// The mean of -log(the probability given to the label), in nats; smaller is better. 0 for no
// samples.
double LogLoss(std::span<const CalibrationSample> samples, const Calibration& calibration);

}  // namespace reprise
