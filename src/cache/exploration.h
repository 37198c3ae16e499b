// A request that generates although a neighbour would have been served, to learn from it.
#pragma once

#include <cstdint>

#include "cache/entry_table.h"
#include "cache/error_learner.h"

namespace reprise {

struct Exploration {
  Candidate candidate;
  std::uint64_t decision = 0;
  EntryPtr entry;  // the neighbour
};

}  // namespace reprise
