#include "cache/judgement.h"

#include <algorithm>

namespace reprise {

Verdict JudgePair(const Verifier& verifier, const PromptPair& pair, const MatchRule& rule) {
  if (rule.mode == MatchMode::kOff) {
    return {.similarity = std::clamp(pair.cosine, 0.0, 1.0),
            .vetoed = false,
            .reason = "cosine",
            .sentence = "compared by cosine similarity alone"};
  }
  return rule.calibration.Apply(verifier.Verify(pair.asked, pair.stored, rule.mode), pair.cosine);
}

}  // namespace reprise
