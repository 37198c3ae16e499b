// The measured differences behind the lexical verifier's score, for fitting its weights. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "prompt/alignment.h"
#include "prompt/prompt.h"
#include "prompt/roles.h"

namespace reprise {

inline constexpr std::array<std::string_view, 12> kPairFeatures = {
    "alignment",       "smaller_coverage", "unmatched",    "unmatched_adjective",
    "unmatched_minor", "broader",          "much_broader", "substitution",
    "one_sided_slot",  "plural",           "order",        "binding"};

using PairFeatures = std::array<double, kPairFeatures.size()>;

PairFeatures MeasurePair(const Prompt& a, const Prompt& b, const Alignment& alignment,
                         const Roles& roles);

}  // namespace reprise
