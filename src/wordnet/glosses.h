// What WordNet's definitions tell: how common words are. Needed when building only.
//
// They do not tell near synonyms from mere neighbours: definitions of "man" and "woman", "bicycle"
// and "motorcycle" share more words than those of "beach" and "shore".
#pragma once

#include <cstdint>
#include <vector>

#include "wordnet/source.h"

namespace reprise {

struct WordCounts {
  std::vector<double> words;  // by word: in glosses, and in sense-tagged texts at a lower weight
  double total = 0;
};

// The base forms of the words of each synset's gloss, examples included, in order.
std::vector<std::vector<std::uint32_t>> GlossWords(const WordNetSource& source);

WordCounts CountWords(const WordNetSource& source,
                      const std::vector<std::vector<std::uint32_t>>& glosses);

}  // namespace reprise
