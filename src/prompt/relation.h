// How the meanings of two words are related, by WordNet and a list of near synonyms. Pure.
#pragma once

#include "prompt/prompt.h"

namespace reprise {

enum class Relation {
  kNone,
  kSynonym,   // one meaning in two words: "car", "automobile"
  kDerived,   // one word made from the other: "wood", "wooden"
  kBroader,   // the first is a kind of the second, or the reverse: "puppy", "dog"
  kAntonym,   // opposites: "open", "closed"
  kContrast,  // kinds of one thing that exclude each other: "dog", "cat"
};

struct Relatedness {
  Relation relation = Relation::kNone;
  int distance = 0;         // of kBroader: steps between the two, from 1
  bool first_kind = false;  // of kBroader: the first is a kind of the second
};

// Of two content words with different lemmas. The strongest relation that holds; opposites win over
// all. Below a microsecond.
Relatedness Relate(const Token& a, const Token& b);

}  // namespace reprise
