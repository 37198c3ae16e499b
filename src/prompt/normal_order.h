// One order for sentences that say the same in several: passives and attributes. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "prompt/prompt.h"

namespace reprise {

struct Place {
  std::int32_t rank = 0;    // only comparisons mean anything
  std::int32_t phrase = 0;  // the noun phrase it belongs to; what stands before a head has no order
  bool head = false;        // the noun of its phrase
};
using Places = std::vector<Place>;  // one for each token

// "a ball thrown by a dog" ranks as "a dog throws a ball", "a ball which is red" as "a red ball".
// How far the agent after "by" reaches only the meaning tells ("by a man | in a hat"), so a text
// with a passive has two readings, any other one. O(n).
std::vector<Places> NormalOrders(const std::vector<Token>& tokens);

}  // namespace reprise
