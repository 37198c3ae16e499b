// The words Reprise knows by itself: function words, slots, and how common the commonest are.
// A few hundred words, on purpose: what a larger dictionary knows belongs to that dictionary.
#pragma once

#include <string_view>

#include "prompt/prompt.h"

namespace reprise {

struct LexiconEntry {
  Slot slot = Slot::kNone;
  std::string_view group;  // what the slot compares, e.g. "below" for "beneath"; else empty
  bool function = false;   // grammar, says next to nothing by itself
  bool minor = false;      // adds little to a picture
  bool adjective = false;  // with the noun after it, not one word: "light house", "lighthouse"
  double frequency = 0;    // share of running English text; 0: rare
};

// Nothing for a word that is in no table. `word` is a folded surface form or a lemma.
const LexiconEntry* FindWord(std::string_view word);

// Do two groups of directions contradict each other, as "left" and "right" do?
bool AreOpposite(std::string_view a, std::string_view b);

// Directions that say where one thing is from another, so one prompt alone having one matters;
// the others (up, into, ...) often only complete a verb.
bool IsPlace(std::string_view group);

}  // namespace reprise
