#include "wordnet/compile.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "wordnet/concepts.h"
#include "wordnet/glosses.h"
#include "wordnet/wordnet.h"

namespace reprise {
namespace {

class Compiler {
 public:
  explicit Compiler(const WordNetSource& source) : source_(source) {}

  std::string Run() {
    const auto glosses = GlossWords(source_);
    const WordCounts counts = CountWords(source_, glosses);
    AddWords(counts);
    AddSynsets();
    concepts_ = BuildConcepts(source_, glosses, counts);
    AddPairs();
    AddStems(glosses);
    for (auto* pairs : {&antonyms_, &derived_}) {
      std::ranges::sort(*pairs);
      pairs->erase(std::unique(pairs->begin(), pairs->end()), pairs->end());
    }
    AddIrregular();
    AddSlots();
    return Write(counts);
  }

 private:
  std::uint32_t AddString(std::string_view text) {
    const auto at = static_cast<std::uint32_t>(strings_.size());
    strings_.append(text);
    return at;
  }

  void AddWords(const WordCounts& counts) {
    for (std::size_t i = 0; i < source_.words.size(); ++i) {
      const SourceWord& word = source_.words[i];
      words_.push_back(
          {.text = AddString(word.text),
           .length = static_cast<std::uint16_t>(word.text.size()),
           .begins_collocation = 0,
           .senses = static_cast<std::uint8_t>(std::min<std::size_t>(word.senses.size(), 255)),
           .first_sense = static_cast<std::uint32_t>(senses_.size()),
           .count = static_cast<std::uint32_t>(std::lround(counts.words[i]))});
      senses_.insert(senses_.end(), word.senses.begin(), word.senses.end());
    }
    for (const SourceWord& word : source_.words) {
      for (std::size_t at = word.text.find(' '); at != word.text.npos;
           at = word.text.find(' ', at + 1)) {
        const auto found = source_.word_ids.find(word.text.substr(0, at));
        if (found != source_.word_ids.end()) words_[found->second].begins_collocation = 1;
      }
    }
  }

  std::vector<std::uint32_t> Targets(std::uint32_t synset,
                                     std::initializer_list<std::string_view> symbols) const {
    std::vector<std::uint32_t> targets;
    for (const Pointer& pointer : source_.synsets[synset].pointers) {
      if (std::ranges::find(symbols, pointer.symbol) != symbols.end()) {
        targets.push_back(pointer.target);
      }
    }
    return targets;
  }

  void AddSynsets() {
    const std::vector<std::uint8_t> depths = Depths();
    for (std::uint32_t i = 0; i < source_.synsets.size(); ++i) {
      auto hypernyms = Targets(i, {"@", "@i"});
      auto similar = Targets(i, {"&", "$"});
      hypernyms.resize(std::min<std::size_t>(hypernyms.size(), 255));
      similar.resize(std::min<std::size_t>(similar.size(), 255));
      synsets_.push_back({.first_relation = static_cast<std::uint32_t>(relations_.size()),
                          .hypernyms = static_cast<std::uint8_t>(hypernyms.size()),
                          .similar = static_cast<std::uint8_t>(similar.size()),
                          .field = source_.synsets[i].field,
                          .depth = depths[i]});
      relations_.insert(relations_.end(), hypernyms.begin(), hypernyms.end());
      relations_.insert(relations_.end(), similar.begin(), similar.end());
    }
  }

  // Longest way up; relaxed until nothing changes, as the hierarchy has loops in a few verbs.
  std::vector<std::uint8_t> Depths() const {
    std::vector<std::uint8_t> depths(source_.synsets.size(), 0);
    bool changed = true;
    for (int round = 0; changed && round < 32; ++round) {
      changed = false;
      for (std::uint32_t i = 0; i < depths.size(); ++i) {
        for (std::uint32_t above : Targets(i, {"@", "@i"})) {
          if (depths[i] > depths[above]) continue;
          depths[i] = static_cast<std::uint8_t>(depths[above] + 1);
          changed = true;
        }
      }
    }
    return depths;
  }

  // Both words of a lexical pointer, or every word of both synsets.
  void AddPair(std::vector<std::uint64_t>& pairs, const SourceSynset& from,
               const Pointer& pointer) const {
    const SourceSynset& to = source_.synsets[pointer.target];
    if (pointer.source_word == 0 || pointer.source_word > from.words.size() ||
        pointer.target_word > to.words.size()) {
      return;
    }
    const std::uint64_t a = from.words[pointer.source_word - 1];
    const std::uint64_t b = to.words[pointer.target_word - 1];
    pairs.push_back(a << 32 | b);
    pairs.push_back(b << 32 | a);
  }

  void AddPairs() {
    for (const SourceSynset& synset : source_.synsets) {
      for (const Pointer& pointer : synset.pointers) {
        if (pointer.symbol == "!") AddPair(antonyms_, synset, pointer);
        if (pointer.symbol == "+" || pointer.symbol == "\\") AddPair(derived_, synset, pointer);
      }
    }
  }

  // "wooden" has no pointer to "wood", but is defined by it and begins like it.
  void AddStems(const std::vector<std::vector<std::uint32_t>>& glosses) {
    for (std::size_t i = 0; i < glosses.size(); ++i) {
      for (const std::uint64_t word : source_.synsets[i].words) {
        const std::string& text = source_.words[word].text;
        for (const std::uint64_t part : glosses[i]) {
          const std::string& stem = source_.words[part].text;
          if (part == word || stem.size() < 4 || stem.size() >= text.size()) continue;
          const bool drops_e = stem.back() == 'e' || stem.back() == 'y';
          if (!text.starts_with(std::string_view(stem).substr(0, stem.size() - drops_e))) continue;
          derived_.push_back(word << 32 | part);
          derived_.push_back(part << 32 | word);
        }
      }
    }
  }

  void AddIrregular() {
    std::vector<const SourceException*> rows;
    for (const SourceException& row : source_.exceptions) {
      if (row.form != row.base && source_.word_ids.contains(row.base)) rows.push_back(&row);
    }
    std::ranges::sort(rows, {}, [](const SourceException* row) {
      return std::tie(row->form, row->pos, row->base);
    });
    for (const SourceException* row : rows) {
      irregular_.push_back({.form = AddString(row->form),
                            .length = static_cast<std::uint8_t>(row->form.size()),
                            .pos = row->pos,
                            .padding = 0,
                            .word = source_.word_ids.at(row->base)});
    }
  }

  void AddSlots() {
    slots_.assign(std::bit_ceil(words_.size() * 2 + 1), kNoWord);
    const std::size_t mask = slots_.size() - 1;
    for (std::uint32_t i = 0; i < words_.size(); ++i) {
      const std::string& text = source_.words[i].text;
      std::size_t at = TableHash(text.data(), text.size()) & mask;
      while (slots_[at] != kNoWord) at = (at + 1) & mask;
      slots_[at] = i;
    }
  }

  std::string Write(const WordCounts& counts) const {
    TableHeader header{
        .magic = kTableMagic,
        .version = kTableVersion,
        .sections = kSections,
        .tokens = static_cast<std::uint64_t>(counts.total),
        .concepts_checksum = TableHash(reinterpret_cast<const char*>(concepts_.data()),
                                       concepts_.size() * sizeof(ConceptRow)),
        .places = {}};
    std::string table(sizeof(header), '\0');
    const auto append = [&](Section section, const auto& rows) {
      table.resize((table.size() + 7) / 8 * 8, '\0');
      header.places[section] = {table.size(), rows.size()};
      table.append(reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(*rows.data()));
    };
    append(kStrings, strings_);
    append(kSlots, slots_);
    append(kWords, words_);
    append(kSenses, senses_);
    append(kSynsets, synsets_);
    append(kRelations, relations_);
    append(kAntonyms, antonyms_);
    append(kDerived, derived_);
    append(kIrregular, irregular_);
    append(kConcepts, concepts_);
    append(kNotice, source_.notice);
    header.size = table.size();
    header.checksum = TableHash(table.data() + sizeof(header), table.size() - sizeof(header));
    std::memcpy(table.data(), &header, sizeof(header));
    return table;
  }

  const WordNetSource& source_;
  std::string strings_;
  std::vector<WordId> slots_;
  std::vector<WordRow> words_;
  std::vector<Sense> senses_;
  std::vector<SynsetRow> synsets_;
  std::vector<SynsetId> relations_;
  std::vector<std::uint64_t> antonyms_, derived_;
  std::vector<IrregularForm> irregular_;
  std::vector<ConceptRow> concepts_;
};

}  // namespace

std::string CompileWordNet(const WordNetSource& source) {
  return Compiler(source).Run();
}

}  // namespace reprise
