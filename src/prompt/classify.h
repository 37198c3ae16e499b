// What a single word is: its base form, slot and weight. Words in context are judged by context.cc.
// Pure.
#pragma once

#include <string_view>

#include "prompt/prompt.h"

namespace reprise {

// A word without its clitic: "dog's" is "dog", "don't" is "do", negated. U+2019 is an apostrophe
// too. `stem` is never empty for a word that is not, and lives as long as `word` does.
struct Clitic {
  std::string_view stem;
  bool negated = false;
  bool possessive = false;  // or "is"
};

Clitic SplitClitic(std::string_view word);

// Fills everything that follows from token.text, which is case folded.
void Classify(Token& token);

}  // namespace reprise
