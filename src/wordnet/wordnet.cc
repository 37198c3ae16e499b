#include "wordnet/wordnet.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

namespace reprise {
namespace {

static_assert(std::endian::native == std::endian::little, "the table is little endian");

Error Damaged(std::string what) {
  return {.code = Code::kInvalidArgument,
          .message = "the WordNet table is unusable: " + std::move(what) + "; build it again"};
}

template <class Row>
Result<std::span<const Row>> Rows(std::span<const std::byte> bytes, const TableHeader& header,
                                  Section section) {
  const SectionPlace& place = header.places[section];
  const bool fits = place.offset % 8 == 0 && place.offset >= sizeof(TableHeader) &&
                    place.offset <= bytes.size() &&
                    place.rows <= (bytes.size() - place.offset) / sizeof(Row);
  if (!fits)
    return std::unexpected(Damaged("section " + std::to_string(section) + " lies outside"));
  return std::span(reinterpret_cast<const Row*>(bytes.data() + place.offset), place.rows);
}

bool Holds(std::size_t size, std::uint64_t first, std::uint64_t count) {
  return first <= size && count <= size - first;
}

}  // namespace

Result<std::unique_ptr<WordNet>> WordNet::Open(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(TableHeader)) return std::unexpected(Damaged("it is cut short"));
  std::unique_ptr<WordNet> net(new WordNet);
  const auto* header = reinterpret_cast<const TableHeader*>(bytes.data());
  if (header->magic != kTableMagic) return std::unexpected(Damaged("it is no such table"));
  if (header->version != kTableVersion || header->sections != kSections) {
    return std::unexpected(Damaged("it has version " + std::to_string(header->version) +
                                   ", this program reads " + std::to_string(kTableVersion)));
  }
  if (header->size != bytes.size()) return std::unexpected(Damaged("it is cut short"));
  net->header_ = header;
  const auto read = [&]<class Row>(Section section, std::span<const Row>& rows) -> Result<void> {
    auto found = Rows<Row>(bytes, *header, section);
    if (!found) return std::unexpected(found.error());
    rows = *found;
    return {};
  };
  Result<void> done = read(kStrings, net->strings_);
  if (done) done = read(kSlots, net->slots_);
  if (done) done = read(kWords, net->words_);
  if (done) done = read(kSenses, net->senses_);
  if (done) done = read(kSynsets, net->synsets_);
  if (done) done = read(kRelations, net->relations_);
  if (done) done = read(kAntonyms, net->antonyms_);
  if (done) done = read(kDerived, net->derived_);
  if (done) done = read(kIrregular, net->irregular_);
  if (done) done = read(kConcepts, net->concepts_);
  if (done) done = read(kNotice, net->notice_);
  if (done) done = net->Check();
  if (!done) return std::unexpected(done.error());
  return net;
}

Result<void> WordNet::Check() const {
  if (!std::has_single_bit(slots_.size()) || slots_.size() <= words_.size()) {
    return std::unexpected(
        Damaged("its hash table has " + std::to_string(slots_.size()) + " slots"));
  }
  // A free slot ends every search.
  if (std::ranges::find(slots_, kNoWord) == slots_.end()) return std::unexpected(Damaged("slots"));
  for (WordId word : slots_) {
    if (word != kNoWord && word >= words_.size()) return std::unexpected(Damaged("a slot"));
  }
  for (const WordRow& row : words_) {
    if (!Holds(strings_.size(), row.text, row.length) ||
        !Holds(senses_.size(), row.first_sense, row.senses)) {
      return std::unexpected(Damaged("a word"));
    }
  }
  for (const Sense& sense : senses_) {
    if (sense.synset >= synsets_.size()) return std::unexpected(Damaged("a sense"));
  }
  for (const SynsetRow& row : synsets_) {
    if (!Holds(relations_.size(), row.first_relation, row.hypernyms + std::size_t{row.similar})) {
      return std::unexpected(Damaged("a synset"));
    }
  }
  for (SynsetId synset : relations_) {
    if (synset >= synsets_.size()) return std::unexpected(Damaged("a relation"));
  }
  for (const IrregularForm& form : irregular_) {
    if (!Holds(strings_.size(), form.form, form.length) || form.word >= words_.size()) {
      return std::unexpected(Damaged("an irregular form"));
    }
  }
  if (concepts_.size() != words_.size()) return std::unexpected(Damaged("its concepts"));
  return {};
}

WordId WordNet::Find(std::string_view text) const {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = TableHash(text.data(), text.size()) & mask;; at = (at + 1) & mask) {
    const WordId word = slots_[at];
    if (word == kNoWord || Text(word) == text) return word;
  }
}

std::string_view WordNet::Text(WordId word) const {
  const WordRow& row = Row(word);
  return {strings_.data() + row.text, row.length};
}

std::span<const Sense> WordNet::Senses(WordId word) const {
  const WordRow& row = Row(word);
  return senses_.subspan(row.first_sense, row.senses);
}

double WordNet::Frequency(WordId word) const {
  const std::uint32_t count = Row(word).count;
  return (count == 0 ? 0.5 : count) / static_cast<double>(header_->tokens);
}

std::span<const IrregularForm> WordNet::Irregular(std::string_view form) const {
  const auto text = [&](const IrregularForm& row) {
    return std::string_view(strings_.data() + row.form, row.length);
  };
  const auto found = std::ranges::equal_range(irregular_, form, {}, text);
  return {found.begin(), found.end()};
}

std::span<const SynsetId> WordNet::Hypernyms(SynsetId synset) const {
  const SynsetRow& row = At(synset);
  return relations_.subspan(row.first_relation, row.hypernyms);
}

std::span<const SynsetId> WordNet::Similar(SynsetId synset) const {
  const SynsetRow& row = At(synset);
  return relations_.subspan(row.first_relation + row.hypernyms, row.similar);
}

bool WordNet::AreAntonyms(WordId a, WordId b) const {
  return std::ranges::binary_search(antonyms_, std::uint64_t{a} << 32 | b);
}

bool WordNet::AreDerived(WordId a, WordId b) const {
  return std::ranges::binary_search(derived_, std::uint64_t{a} << 32 | b);
}

void WordNet::AddConcept(WordId word, float weight,
                         std::span<float, kConceptDimensions> sum) const {
  const ConceptRow& row = concepts_[word];
  const float unit = weight * kConceptStep;
  for (std::size_t i = 0; i < row.halves.size(); ++i) {
    // Shifted to the top and back, each half is sign-extended.
    const auto low = static_cast<std::int8_t>(row.halves[i] << 4);
    const auto high = static_cast<std::int8_t>(row.halves[i]);
    sum[2 * i] += unit * static_cast<float>(low >> 4);
    sum[2 * i + 1] += unit * static_cast<float>(high >> 4);
  }
}

double WordNet::Relatedness(WordId a, WordId b) const {
  std::array<float, kConceptDimensions> x{}, y{};
  AddConcept(a, 1, x);
  AddConcept(b, 1, y);
  double product = 0, x_squares = 0, y_squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    product += x[i] * y[i];
    x_squares += x[i] * x[i];
    y_squares += y[i] * y[i];
  }
  return product == 0 ? 0 : product / std::sqrt(x_squares * y_squares);
}

std::string_view WordNet::Notice() const {
  return {notice_.data(), notice_.size()};
}

}  // namespace reprise
