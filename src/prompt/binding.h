// Which word a modifier belongs to: "a red cube on a blue sphere" has the words of "a blue cube on
// a red sphere", but not its bindings. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "prompt/alignment.h"
#include "prompt/prompt.h"

namespace reprise {

// A matched modifier of `a` (position) and the word of `a` it belongs to there, where in `b` it
// belongs to another word although both words are in both prompts. Linear in the tokens.
using Rebinding = std::pair<std::size_t, std::size_t>;

// Colours, counts and negations.
std::optional<Rebinding> FindSlotRebinding(const Prompt& a, const Prompt& b,
                                           const Alignment& alignment);
// Any other word that directly precedes another ("a big dog and a small cat").
std::optional<Rebinding> FindRebinding(const Prompt& a, const Prompt& b,
                                       const Alignment& alignment);

}  // namespace reprise
