// One order for sentences that say the same in several: passives and attributes. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "prompt/prompt.h"

namespace reprise {

// A rank for each token; only comparisons mean anything.
using Ranks = std::vector<std::int32_t>;

// "a ball thrown by a dog" ranks as "a dog throws a ball", "a ball which is red" as "a red ball".
// How far the agent after "by" reaches only the meaning tells ("by a man | in a hat"), so a text
// with a passive has two readings, any other one. O(n).
std::vector<Ranks> NormalOrders(const std::vector<Token>& tokens);

}  // namespace reprise
