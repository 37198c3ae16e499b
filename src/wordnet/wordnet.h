// WordNet as Reprise uses it: words, their senses and relations, in one read-only table that is
// compiled once (compile.h) and mapped into memory. Pure and thread-safe; every look-up is plain
// code below a microsecond.
//
// WordNet 3.0 Copyright 2006 by Princeton University; `Notice()` is the notice its licence asks to
// be kept with every copy. Format of the sources: wndb(5WN).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wordnet/format.h"

namespace reprise {

using WordId = std::uint32_t;
using SynsetId = std::uint32_t;
inline constexpr WordId kNoWord = 0xffffffff;

inline bool Contains(std::span<const SynsetId> list, SynsetId synset) {
  return std::ranges::find(list, synset) != list.end();
}

class WordNet {
 public:
  // The table that is part of the program. Never null; the same for the life of the process.
  static const WordNet& BuiltIn();

  // `bytes` outlive the object and are 8-aligned. kInvalidArgument for a table that is cut short,
  // of another version or damaged: every offset in it is checked once, here.
  static Result<std::unique_ptr<WordNet>> Open(std::span<const std::byte> bytes);

  // `text` in lower case, with spaces between the words of a collocation ("ice cream").
  WordId Find(std::string_view text) const;
  std::string_view Text(WordId word) const;

  // Most frequent first within each part of speech: nouns, verbs, adjectives, adverbs.
  std::span<const Sense> Senses(WordId word) const;
  // Times seen in WordNet's sense-tagged texts, all senses together, plus in its definitions.
  std::uint32_t Count(WordId word) const { return Row(word).count; }
  // Share of running English text; words that were never counted have that of half an occurrence.
  double Frequency(WordId word) const;
  // Does a longer collocation begin with this word or collocation ("ice" of "ice cream")?
  bool BeginsCollocation(WordId word) const { return Row(word).begins_collocation != 0; }

  // Base forms of an irregular form in WordNet's exception lists ("mice", "ran"); mostly one.
  std::span<const IrregularForm> Irregular(std::string_view form) const;

  std::span<const SynsetId> Hypernyms(SynsetId synset) const;
  // Similar adjectives, and verbs of one group.
  std::span<const SynsetId> Similar(SynsetId synset) const;
  // The field a synset belongs to: a lexicographer file number of lexnames(5WN), e.g. 5 for
  // noun.animal.
  std::uint8_t Field(SynsetId synset) const { return At(synset).field; }
  // Steps to the top of its hierarchy; 0 for a root and for adjectives and adverbs.
  std::uint8_t Depth(SynsetId synset) const { return At(synset).depth; }

  bool AreAntonyms(WordId a, WordId b) const;
  // Derived from one another or pertaining to one another: "wood", "wooden".
  bool AreDerived(WordId a, WordId b) const;

  // Adds `weight` times the word's place among concepts, a vector of about unit length, to `sum`.
  void AddConcept(WordId word, float weight, std::span<float, kConceptDimensions> sum) const;
  // Cosine of two words' places: near 1 for synonyms, about .5 to .9 for words of one kind ("dog",
  // "cat"), near 0 for unrelated ones. It tells what is related, not what is the same.
  double Relatedness(WordId a, WordId b) const;
  // Changes when the places do: with WordNet's version, the method, or the compiler's arithmetic.
  std::uint64_t ConceptsChecksum() const { return header_->concepts_checksum; }

  std::string_view Notice() const;
  std::size_t words() const { return words_.size(); }
  std::size_t synsets() const { return synsets_.size(); }

 private:
  WordNet() = default;
  const WordRow& Row(WordId word) const { return words_[word]; }
  const SynsetRow& At(SynsetId synset) const { return synsets_[synset]; }
  Result<void> Check() const;

  const TableHeader* header_ = nullptr;
  std::span<const char> strings_;
  std::span<const WordId> slots_;
  std::span<const WordRow> words_;
  std::span<const Sense> senses_;
  std::span<const SynsetRow> synsets_;
  std::span<const SynsetId> relations_;
  std::span<const std::uint64_t> antonyms_;
  std::span<const std::uint64_t> derived_;
  std::span<const IrregularForm> irregular_;
  std::span<const ConceptRow> concepts_;
  std::span<const char> notice_;
};

}  // namespace reprise
