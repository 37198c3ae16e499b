// Where prepositions put things. Pure.
#pragma once

#include "prompt/prompt.h"

namespace reprise {

// Is it a preposition of place: "in", "behind"?
bool SaysLocation(const Token& token);

// Do two prepositions say the same wherever they stand: "in" and "inside"?
bool AreOneLocation(const Token& x, const Token& y);

// May two prepositions of place before `noun` say the same: "at" and "by" a window, "on" and "in"
// the grass, but not a box?
bool MayBeOneLocation(const Token& x, const Token& y, const Token& noun);

}  // namespace reprise
