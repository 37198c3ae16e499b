// The layout of a compiled WordNet table: a header, then sections of fixed-size rows, little
// endian, each 8-aligned. Changed together with kTableVersion only.
#pragma once

#include <array>
#include <cstdint>

namespace reprise {

inline constexpr std::array<char, 8> kTableMagic = {'R', 'P', 'R', 'W', 'N', 'E', 'T', '\n'};
inline constexpr std::uint32_t kTableVersion = 1;

enum class PartOfSpeech : std::uint8_t { kNoun, kVerb, kAdjective, kAdverb };

enum Section : std::uint32_t {
  kStrings,
  kSlots,  // hash table of words: open addressing, a power of two, kNoWord in free slots
  kWords,
  kSenses,
  kSynsets,
  kRelations,
  kAntonyms,   // pairs of words a << 32 | b, both ways, sorted
  kDerived,    // the same
  kIrregular,  // sorted by form
  kConcepts,
  kNotice,
  kSections,
};

struct SectionPlace {
  std::uint64_t offset = 0;  // from the start of the table, in bytes
  std::uint64_t rows = 0;
};

struct TableHeader {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t sections;
  std::uint64_t size;      // of the whole table in bytes
  std::uint64_t checksum;  // TableHash of all that follows the header
  std::uint64_t tokens;    // words counted for the frequencies
  std::array<SectionPlace, kSections> places;
};

struct WordRow {
  std::uint32_t text;  // offset into the strings
  std::uint16_t length;
  std::uint8_t begins_collocation;
  std::uint8_t senses;
  std::uint32_t first_sense;
  std::uint32_t count;
  std::uint32_t first_concept;
  std::uint32_t concepts;
};

struct Sense {
  std::uint32_t synset;
  std::uint16_t count;  // in sense-tagged texts
  PartOfSpeech pos;
  std::uint8_t rank;  // 0: the most frequent of its part of speech
};

struct SynsetRow {
  std::uint32_t first_relation;  // hypernyms, then similar ones
  std::uint8_t hypernyms;
  std::uint8_t similar;
  std::uint8_t field;
  std::uint8_t depth;
};

struct IrregularForm {
  std::uint32_t form;  // offset into the strings
  std::uint8_t length;
  PartOfSpeech pos;
  std::uint16_t padding;
  std::uint32_t word;
};

// One coordinate of a sparse vector of kConceptDimensions.
struct ConceptTerm {
  std::uint16_t dimension;
  std::int16_t weight;  // in units of 1 / 32767
};
inline constexpr std::size_t kConceptDimensions = 512;

static_assert(sizeof(WordRow) == 24 && sizeof(Sense) == 8 && sizeof(SynsetRow) == 8 &&
              sizeof(IrregularForm) == 12 && sizeof(ConceptTerm) == 4);

// FNV-1a with the finaliser of MurmurHash3: the same on every machine.
inline std::uint64_t TableHash(const char* bytes, std::size_t size) {
  std::uint64_t h = 0xcbf29ce484222325;
  for (std::size_t i = 0; i < size; ++i) {
    h = (h ^ static_cast<unsigned char>(bytes[i])) * 0x100000001b3;
  }
  h = (h ^ (h >> 33)) * 0xff51afd7ed558ccd;
  h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53;
  return h ^ (h >> 33);
}

}  // namespace reprise
