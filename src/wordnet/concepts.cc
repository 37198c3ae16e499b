#include "wordnet/concepts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include "wordnet/svd.h"

namespace reprise {
namespace {

// The weights below are from the study of the relations (edges, steps) or round numbers: doubling
// those of definitions and uses, or leaving either out, moves the correlation with human scores by
// less than .005.
constexpr double kStep1 = 0.6, kStep2 = 0.3;
constexpr double kUnseen = 0.3;  // what a sense that was never tagged counts
constexpr double kPrune = 2e-3;  // smaller shares are dropped
constexpr double kDefinition = 4, kNeighbourDefinition = 2, kUse = 4, kSelf = 2;
constexpr double kCommonWord = 1e-3;  // as in the weights of tokens: a / (a + p)
constexpr double kTypicalUses = 5;    // a word in fewer definitions is known less by its uses
constexpr double kFitCount = 2;  // words seen as often, of one part, decide on the singular vectors

double EdgeWeight(std::string_view symbol) {
  static constexpr auto kWeights = std::to_array<std::pair<std::string_view, double>>({
      {"@", 1},    {"@i", 1},   {"~", 0.3},  {"~i", 0.3}, {"&", 1.5},  {"+", 1.2},  {"=", 0.8},
      {"$", 0.8},  {"\\", 1},   {"*", 0.8},  {">", 0.8},  {"#m", 0.2}, {"#s", 0.2}, {"#p", 0.3},
      {"%m", 0.2}, {"%s", 0.2}, {"%p", 0.3}, {"^", 0.3},  {"<", 1},
  });
  for (const auto& [name, weight] : kWeights) {
    if (name == symbol) return weight;
  }
  return 0;  // antonyms lead away; domains say little
}

struct Share {
  std::uint32_t id;
  double weight;
};
using Shares = std::vector<Share>;

// A sparse sum that is filled and read many times.
class Sums {
 public:
  explicit Sums(std::size_t size) : values_(size, 0) {}

  void Add(std::size_t at, double value) {
    if (values_[at] == 0) touched_.push_back(static_cast<std::uint32_t>(at));
    values_[at] += value;
  }

  // In order of place; empties the sums.
  SparseRow Take() {
    std::ranges::sort(touched_);
    SparseRow row;
    row.reserve(touched_.size());
    for (std::uint32_t at : touched_) {
      row.push_back({at, static_cast<float>(values_[at])});
      values_[at] = 0;
    }
    touched_.clear();
    return row;
  }

 private:
  std::vector<double> values_;
  std::vector<std::uint32_t> touched_;
};

// Describes words: columns are the synsets, then the words.
class Describer {
 public:
  Describer(const WordNetSource& source, const std::vector<std::vector<std::uint32_t>>& glosses,
            const WordCounts& counts)
      : source_(source), uses_(source.words.size()), sums_(columns()) {
    AddEdges();
    AddDefinitions(glosses, counts);
  }

  std::size_t columns() const { return source_.synsets.size() + source_.words.size(); }

  SparseRow Describe(std::uint32_t word) {
    const auto& senses = source_.words[word].senses;
    double total = 0;
    for (const Sense& sense : senses) total += sense.count + kUnseen;
    for (const Sense& sense : senses) AddSense(sense.synset, (sense.count + kUnseen) / total);
    sums_.Add(WordColumn(word), kSelf);
    AddUses(word);
    return sums_.Take();
  }

 private:
  std::size_t WordColumn(std::uint32_t word) const { return source_.synsets.size() + word; }

  // An edge into a synset that many enter tells less.
  void AddEdges() {
    edges_.resize(source_.synsets.size());
    std::vector<double> entering(edges_.size(), 0);
    const auto add = [&](std::size_t from, std::uint32_t to, double weight) {
      if (weight == 0) return;
      edges_[from].push_back({to, weight});
      entering[to] += 1;
    };
    for (std::size_t i = 0; i < edges_.size(); ++i) {
      for (const Pointer& pointer : source_.synsets[i].pointers) {
        add(i, pointer.target, EdgeWeight(pointer.symbol));
      }
    }
    for (Shares& list : edges_) {
      for (Share& edge : list) edge.weight /= std::sqrt(entering[edge.id]);
    }
  }

  // The words of each definition, rare ones first in weight, which sum to 1.
  void AddDefinitions(const std::vector<std::vector<std::uint32_t>>& glosses,
                      const WordCounts& counts) {
    definitions_.resize(glosses.size());
    for (std::uint32_t i = 0; i < glosses.size(); ++i) {
      std::vector<std::uint32_t> words = glosses[i];
      std::ranges::sort(words);
      words.erase(std::unique(words.begin(), words.end()), words.end());
      double total = 0;
      for (std::uint32_t word : words) {
        const double p = counts.words[word] / counts.total;
        definitions_[i].push_back({word, kCommonWord / (kCommonWord + p)});
        total += definitions_[i].back().weight;
      }
      for (Share& share : definitions_[i]) {
        share.weight /= total;
        uses_[share.id].push_back({i, share.weight});
      }
    }
  }

  void AddSense(std::uint32_t synset, double share) {
    sums_.Add(synset, share);
    AddDefinition(synset, share * kDefinition);
    for (const Share& one : edges_[synset]) {
      const double first = share * one.weight;
      AddDefinition(one.id, first * kNeighbourDefinition);
      if (first * kStep1 < kPrune) continue;
      sums_.Add(one.id, first * kStep1);
      for (const Share& two : edges_[one.id]) {
        const double second = first * two.weight * kStep2;
        if (second >= kPrune) sums_.Add(two.id, second);
      }
    }
  }

  void AddDefinition(std::uint32_t synset, double weight) {
    for (const Share& part : definitions_[synset]) {
      if (weight * part.weight >= kPrune) sums_.Add(WordColumn(part.id), weight * part.weight);
    }
  }

  void AddUses(std::uint32_t word) {
    const Shares& uses = uses_[word];
    double total = 0;
    for (const Share& use : uses) total += use.weight;
    const double known = kUse * std::min(1.0, static_cast<double>(uses.size()) / kTypicalUses);
    for (const Share& use : uses) sums_.Add(use.id, known * use.weight / total);
  }

  const WordNetSource& source_;
  std::vector<Shares> edges_;        // by synset
  std::vector<Shares> definitions_;  // by synset
  std::vector<Shares> uses_;         // by word: the definitions it is in
  Sums sums_;
};

// tf-idf with the square root of the frequency; unit length.
void Weigh(std::vector<SparseRow>& rows, std::size_t columns) {
  std::vector<double> totals(columns, 0);
  for (const SparseRow& row : rows) {
    for (const SparseEntry& entry : row) totals[entry.column] += entry.value;
  }
  for (SparseRow& row : rows) {
    double squares = 0;
    for (SparseEntry& entry : row) {
      const double rarity = std::log(static_cast<double>(rows.size()) / (1 + totals[entry.column]));
      entry.value = static_cast<float>(std::sqrt(entry.value) * std::max(rarity, 0.0));
      squares += double{entry.value} * entry.value;
    }
    const auto scale = static_cast<float>(squares == 0 ? 0 : 1 / std::sqrt(squares));
    for (SparseEntry& entry : row) entry.value *= scale;
  }
}

// Drops the columns that fewer than two of `sample` have, which tell nothing about others; numbers
// the rest anew. Returns how many are left.
std::size_t DropRareColumns(const std::vector<std::uint32_t>& sample, std::size_t columns,
                            std::vector<SparseRow>& rows) {
  constexpr std::uint32_t kDropped = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> users(columns, 0), numbers(columns, kDropped);
  for (std::uint32_t word : sample) {
    for (const SparseEntry& entry : rows[word]) ++users[entry.column];
  }
  std::uint32_t left = 0;
  for (std::size_t i = 0; i < columns; ++i) {
    if (users[i] >= 2) numbers[i] = left++;
  }
  for (SparseRow& row : rows) {
    for (SparseEntry& entry : row) entry.column = numbers[entry.column];
    std::erase_if(row, [](const SparseEntry& entry) { return entry.column == kDropped; });
  }
  return left;
}

std::vector<std::uint32_t> CommonWords(const WordNetSource& source, const WordCounts& counts) {
  std::vector<std::uint32_t> words;
  for (std::uint32_t i = 0; i < source.words.size(); ++i) {
    const bool one_part = source.words[i].text.find(' ') == std::string::npos;
    if (one_part && counts.words[i] >= kFitCount) words.push_back(i);
  }
  return words;
}

ConceptRow Pack(std::span<const float> vector) {
  double squares = 0;
  for (float x : vector) squares += double{x} * x;
  const double scale = squares == 0 ? 0 : 1 / (std::sqrt(squares) * kConceptStep);
  ConceptRow row{};
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const long rounded = std::clamp(std::lround(vector[i] * scale), -7L, 7L);
    row.halves[i / 2] |= static_cast<std::uint8_t>((rounded & 15) << (i % 2 * 4));
  }
  return row;
}

}  // namespace

std::vector<ConceptRow> BuildConcepts(const WordNetSource& source,
                                      const std::vector<std::vector<std::uint32_t>>& glosses,
                                      const WordCounts& counts) {
  Describer describer(source, glosses, counts);
  std::vector<SparseRow> rows;
  rows.reserve(source.words.size());
  for (std::uint32_t i = 0; i < source.words.size(); ++i) rows.push_back(describer.Describe(i));
  Weigh(rows, describer.columns());
  const std::vector<std::uint32_t> common = CommonWords(source, counts);
  const std::size_t columns = DropRareColumns(common, describer.columns(), rows);

  std::vector<SparseRow> sample;
  for (std::uint32_t word : common) sample.push_back(rows[word]);
  TruncatedSvd svd = ComputeSvd(sample, columns, kConceptDimensions);
  const std::size_t rank = svd.singular_values.size();
  // Half of the singular value: the few leading directions would drown the others.
  std::vector<float> damping;
  for (double value : svd.singular_values) {
    damping.push_back(static_cast<float>(1 / std::sqrt(value)));
  }

  std::vector<ConceptRow> concepts;
  concepts.reserve(rows.size());
  std::vector<float> vector(kConceptDimensions);
  for (const SparseRow& row : rows) {
    std::ranges::fill(vector, 0.0f);
    for (const SparseEntry& entry : row) {
      const std::span<const float> place = svd.right.Row(entry.column);
      for (std::size_t i = 0; i < rank; ++i) vector[i] += entry.value * place[i];
    }
    for (std::size_t i = 0; i < rank; ++i) vector[i] *= damping[i];
    concepts.push_back(Pack(vector));
  }
  return concepts;
}

}  // namespace reprise
