// Whether the words that two prompts share stand in one arrangement. Roles looks for evidence that
// something was exchanged; where the words are the same and their order is not, this asks for
// evidence that it was not: "a boy with a red hat and a girl with a blue hat" has every word of the
// prompt with the hats exchanged. Pure.
#pragma once

#include <optional>

#include "prompt/alignment.h"
#include "prompt/prompt.h"
#include "prompt/roles.h"
#include "prompt/structure.h"

namespace reprise {

// The shared words as they follow one another in one reading of each prompt, but for what may be
// moved freely: clauses, members of a list, one phrase of place, a modifier to the other side of
// its noun ("castle ruins", "ruins of a castle"), attributes among themselves. Two words that are
// parted by another move; nothing where there is none. Quadratic in the pieces that have moved, of
// which there may be few.
std::optional<Misplaced> FindRearrangement(const Prompt& a, const Structure& x, const Prompt& b,
                                           const Structure& y, const Alignment& alignment);

}  // namespace reprise
