// What words say beside one another, which a word alone does not tell. Pure.
#pragma once

#include <vector>

#include "prompt/prompt.h"

namespace reprise {

// Settles the forms, slots and weights of classified tokens by their neighbours: media that are
// verbs, nouns that look like verbs, plurals, numbers of several words, boilerplate. Some token is
// content afterwards. O(n).
void ReadInContext(std::vector<Token>& tokens);

}  // namespace reprise
