// Which token of one prompt says what which token of the other says. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "prompt/prompt.h"

namespace reprise {

inline constexpr std::int32_t kUnmatched = -1;

// Which of two prompts is asked for, the other being the one whose picture is stored. A picture of
// a poodle answers "a dog", a picture of some dog does not answer "a poodle": words are matched
// with their hypernyms in that direction only.
enum class Asked { kFirst, kSecond };

struct Alignment {
  Asked asked = Asked::kFirst;
  // For each token its partner in the other prompt, or kUnmatched. Tokens with equal lemmas are
  // paired one to one, so what stays unmatched is the multiset difference. Of a compound against
  // its parts ("sunglasses", "sun glasses") both parts point to the compound.
  std::vector<std::int32_t> a_to_b;
  std::vector<std::int32_t> b_to_a;
  // Matched share of the weight of each side, in [0, 1].
  double coverage_a = 0;
  double coverage_b = 0;
  // Pairs of a word and its direct hypernym ("puppy", "dog"), and of words further apart
  // ("puppy", "animal"). One picture may be right for one of them only.
  int broader = 0;
  int much_broader = 0;

  // Harmonic mean of the coverages: 1 when all is matched, 0 when nothing is.
  double score() const {
    const double sum = coverage_a + coverage_b;
    return sum == 0 ? 0 : 2 * coverage_a * coverage_b / sum;
  }
};

// O(n log n) for equal lemmas; at most 24 left-over words a side are then compared letter by letter
// (beyond that the prompts differ anyway).
Alignment Align(const Prompt& a, const Prompt& b, Asked asked = Asked::kFirst);

}  // namespace reprise
