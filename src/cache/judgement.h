// The decision on one pair of prompts, as the semantic tier makes it: the one place that says what
// a verifier, a mode, a calibration and a threshold give together. Pure and thread-safe; also what
// `reprise eval` and `reprise explain` measure, so that they cannot differ from the cache.
#pragma once

#include "prompt/calibration.h"
#include "prompt/verifier.h"

namespace reprise {

struct MatchRule {
  MatchMode mode = MatchMode::kSafe;
  Calibration calibration;  // of the verifier's similarity; MatchMode::kOff knows none
};

struct PromptPair {
  const Prompt& asked;
  const Prompt& stored;
  double cosine = 0;  // of their embeddings
};

// MatchMode::kOff: the cosine, as a plain semantic cache. Otherwise the verifier's verdict,
// calibrated.
Verdict JudgePair(const Verifier& verifier, const PromptPair& pair, const MatchRule& rule);

inline bool IsHit(const Verdict& verdict, double threshold) {
  return !verdict.vetoed && verdict.similarity >= threshold;
}

}  // namespace reprise
