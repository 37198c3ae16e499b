// Who does what to whom, as far as word order tells. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "prompt/alignment.h"
#include "prompt/prompt.h"

namespace reprise {

// Two matched content words of `a` (positions, in its order) that stand the other way round in `b`.
// A passive is read as its active ("a ball thrown by a dog" as "dog throw ball"), and whole clauses
// may change places ("watercolor, a fox" and "a fox, watercolor"); words that were mixed between
// clauses may not. O(n log n).
std::optional<std::pair<std::size_t, std::size_t>> FindInversion(const Prompt& a, const Prompt& b,
                                                                 const Alignment& alignment);

}  // namespace reprise
