// Words for how many. Pure.
#pragma once

#include <cstdint>

#include "prompt/prompt.h"

namespace reprise {

// How many, where no number says it.
enum class Quantity : std::uint8_t { kNone, kOne, kFew, kHalf, kMany, kMost, kAll };

Quantity QuantityOf(const Token& token);

}  // namespace reprise
