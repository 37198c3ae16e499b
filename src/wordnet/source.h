// WordNet's own files, read into memory: what the table is compiled from. Needed when building
// only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "wordnet/format.h"

namespace reprise {

// Semantic pointers hold between synsets, lexical ones between two of their words; see
// wninput(5WN).
struct Pointer {
  std::string symbol;  // "@" hypernym, "!" antonym, "+" derivation, ...
  std::uint32_t target = 0;
  std::uint16_t source_word = 0, target_word = 0;  // from 1; 0: the whole synset
};

struct SourceSynset {
  PartOfSpeech pos = PartOfSpeech::kNoun;
  std::uint8_t field = 0;
  std::vector<std::uint32_t> words;
  std::vector<Pointer> pointers;
  std::string gloss;  // definition and examples
};

struct SourceWord {
  std::string text;  // lower case, spaces between words
  std::vector<Sense> senses;
};

struct SourceException {
  std::string form;
  PartOfSpeech pos;
  std::string base;
};

struct WordNetSource {
  std::vector<SourceSynset> synsets;
  std::vector<SourceWord> words;
  std::unordered_map<std::string, std::uint32_t> word_ids;
  std::vector<SourceException> exceptions;
  std::string notice;  // the licence at the top of every file
};

// `directory` holds data.noun, index.noun, noun.exc, ... of WordNet 3.x, as Debian's wordnet-base
// has them in /usr/share/wordnet. kNotFound without them, kInvalidArgument for a line that is no
// WordNet, with file and line.
Result<WordNetSource> ReadWordNet(const std::filesystem::path& directory);

}  // namespace reprise
