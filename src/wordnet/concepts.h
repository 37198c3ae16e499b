// Where words lie among concepts: walks over WordNet's relations, weighted by how much they tell.
// Needed when building only.
#pragma once

#include <vector>

#include "wordnet/source.h"

namespace reprise {

// For each word a sparse vector of unit length, or an empty one. Words that mean related things
// have a high cosine: a word's senses are spread over the synsets within two relations, the matrix
// of words and synsets is weighted by positive pointwise mutual information, and each synset is
// hashed to a signed coordinate.
std::vector<std::vector<ConceptTerm>> BuildConcepts(const WordNetSource& source);

}  // namespace reprise
