// What WordNet's definitions tell: how common words are, and which neighbouring concepts mean
// nearly the same. Needed when building only.
#pragma once

#include <cstdint>
#include <vector>

#include "wordnet/source.h"

namespace reprise {

struct WordCounts {
  std::vector<double> words;  // by word: in glosses, and in sense-tagged texts at a lower weight
  double total = 0;
};

struct GlossTerm {
  std::uint32_t word;
  float weight;
};

// The base forms of the words of each synset's gloss, examples included, in order.
std::vector<std::vector<std::uint32_t>> GlossWords(const WordNetSource& source);

WordCounts CountWords(const WordNetSource& source,
                      const std::vector<std::vector<std::uint32_t>>& glosses);

// For each synset those that mean nearly the same though WordNet keeps them apart ("ocean", "sea"):
// synsets below one hypernym, or a synset and its hypernym, whose definitions share most of their
// weight. Symmetric.
std::vector<std::vector<std::uint32_t>> NearSynsets(
    const WordNetSource& source, const std::vector<std::vector<std::uint32_t>>& glosses,
    const WordCounts& counts);

}  // namespace reprise
