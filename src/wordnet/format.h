// The layout of a compiled WordNet table: a header, then sections of fixed-size rows, little
// endian, each 8-aligned. Changed together with kTableVersion only.
#pragma once

#include <array>
#include <cstdint>

namespace reprise {

inline constexpr std::array<char, 8> kTableMagic = {'R', 'P', 'R', 'W', 'N', 'E', 'T', '\n'};
inline constexpr std::uint32_t kTableVersion = 2;

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
  kConcepts,   // one row a word
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
  std::uint64_t size;               // of the whole table in bytes
  std::uint64_t checksum;           // TableHash of all that follows the header
  std::uint64_t tokens;             // words counted for the frequencies
  std::uint64_t concepts_checksum;  // TableHash of kConcepts
  std::array<SectionPlace, kSections> places;
};

struct WordRow {
  std::uint32_t text;  // offset into the strings
  std::uint16_t length;
  std::uint8_t begins_collocation;
  std::uint8_t senses;
  std::uint32_t first_sense;
  std::uint32_t count;
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

// A word's place among concepts, of about unit length: four bits a coordinate, -7 to 7 in units of
// kConceptStep, even coordinates in the low halves. All zero where nothing is known. Against 32-bit
// floats it loses nothing measurable.
inline constexpr std::size_t kConceptDimensions = 256;
struct ConceptRow {
  std::array<std::uint8_t, kConceptDimensions / 2> halves;
};
// The best step for coordinates that are normally distributed (Max 1960), which are 1 / 16 in size.
inline constexpr float kConceptStep = 0.35f / 16;

static_assert(sizeof(WordRow) == 16 && sizeof(Sense) == 8 && sizeof(SynsetRow) == 8 &&
              sizeof(IrregularForm) == 12 && sizeof(ConceptRow) == kConceptDimensions / 2);

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
