// Where words lie among concepts: vectors learnt from WordNet's relations and definitions. Needed
// when building only.
#pragma once

#include <cstdint>
#include <vector>

#include "wordnet/glosses.h"
#include "wordnet/source.h"

namespace reprise {

// For each word a vector of unit length; words that mean related things have a high cosine.
//
// A word is described by the synsets within two relations of its senses, by the definitions that
// use it, and by the words that define its senses and their neighbours. That sparse description is
// weighted by how rare its parts are (tf-idf), and reduced to its leading singular vectors (latent
// semantic analysis, Deerwester et al. 1990).
std::vector<ConceptRow> BuildConcepts(const WordNetSource& source,
                                      const std::vector<std::vector<std::uint32_t>>& glosses,
                                      const WordCounts& counts);

}  // namespace reprise
