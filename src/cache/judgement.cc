#include "cache/judgement.h"

#include <algorithm>

namespace reprise {

Verdict JudgePair(const Verifier& verifier, const PromptPair& pair, const MatchRule& rule) {
  if (rule.mode == MatchMode::kOff) {
    // Of so many words only the first are looked at, by the built-in embedder too.
    const bool cut = std::max(pair.asked.tokens.size(), pair.stored.tokens.size()) >= kMostTokens;
    if (cut && pair.asked.normalized != pair.stored.normalized) {
      return {0, true, "length", "prompts of that many words are matched exactly only"};
    }
    return {.similarity = std::clamp(pair.cosine, 0.0, 1.0),
            .vetoed = false,
            .reason = "cosine",
            .sentence = "compared by cosine similarity alone"};
  }
  return rule.calibration.Apply(verifier.Verify(pair.asked, pair.stored, rule.mode), pair.cosine);
}

}  // namespace reprise
