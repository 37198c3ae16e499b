#include "wordnet/concepts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace reprise {
namespace {

constexpr double kStep1 = 0.6, kStep2 = 0.3;
constexpr double kUnseen = 0.3;      // what a sense that was never tagged counts
constexpr double kPrune = 2e-3;      // smaller shares are dropped
constexpr double kSmoothing = 0.75;  // of the context's probability (Levy et al. 2015)
constexpr std::size_t kMostTerms = 40;

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
  std::uint32_t synset;
  double weight;
};
using Shares = std::vector<Share>;

std::vector<Shares> Edges(const WordNetSource& source) {
  std::vector<Shares> edges(source.synsets.size());
  std::vector<double> entering(source.synsets.size(), 0);
  for (std::uint32_t i = 0; i < edges.size(); ++i) {
    for (const Pointer& pointer : source.synsets[i].pointers) {
      const double weight = EdgeWeight(pointer.symbol);
      if (weight == 0) continue;
      edges[i].push_back({pointer.target, weight});
      entering[pointer.target] += 1;
    }
  }
  for (Shares& list : edges) {
    for (Share& edge : list) edge.weight /= std::sqrt(entering[edge.synset]);
  }
  return edges;
}

class Walker {
 public:
  explicit Walker(const WordNetSource& source) : edges_(Edges(source)) {}

  Shares Walk(const SourceWord& word) {
    sums_.clear();
    double total = 0;
    for (const Sense& sense : word.senses) total += sense.count + kUnseen;
    for (const Sense& sense : word.senses) {
      const double share = (sense.count + kUnseen) / total;
      sums_[sense.synset] += share;
      for (const Share& one : edges_[sense.synset]) {
        const double first = share * one.weight;
        if (first * kStep1 < kPrune) continue;
        sums_[one.synset] += first * kStep1;
        for (const Share& two : edges_[one.synset]) {
          const double second = first * two.weight * kStep2;
          if (second >= kPrune) sums_[two.synset] += second;
        }
      }
    }
    Shares shares;
    for (const auto& [synset, weight] : sums_) {
      if (weight >= kPrune) shares.push_back({synset, weight});
    }
    std::ranges::sort(shares, {}, &Share::synset);
    return shares;
  }

 private:
  const std::vector<Shares> edges_;
  std::unordered_map<std::uint32_t, double> sums_;
};

std::uint64_t Mix(std::uint64_t h) {
  h = (h ^ (h >> 33)) * 0xff51afd7ed558ccd;
  h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53;
  return h ^ (h >> 33);
}

std::vector<ConceptTerm> Hash(Shares weights) {
  if (weights.size() > kMostTerms) {
    std::ranges::sort(weights, std::greater<>(), &Share::weight);
    weights.resize(kMostTerms);
  }
  std::unordered_map<std::uint16_t, double> sums;
  for (const Share& share : weights) {
    const std::uint64_t hash = Mix(share.synset + 0x9e3779b97f4a7c15);
    sums[hash % kConceptDimensions] += (hash >> 63) != 0 ? -share.weight : share.weight;
  }
  double squares = 0;
  for (const auto& [dimension, weight] : sums) squares += weight * weight;
  std::vector<ConceptTerm> terms;
  for (const auto& [dimension, weight] : sums) {
    const double unit = squares == 0 ? 0 : weight / std::sqrt(squares);
    terms.push_back({dimension, static_cast<std::int16_t>(std::lround(unit * 32767))});
  }
  std::ranges::sort(terms, {}, &ConceptTerm::dimension);
  return terms;
}

}  // namespace

std::vector<std::vector<ConceptTerm>> BuildConcepts(const WordNetSource& source) {
  Walker walker(source);
  std::vector<Shares> rows;
  rows.reserve(source.words.size());
  std::vector<double> columns(source.synsets.size(), 0);
  for (const SourceWord& word : source.words) {
    rows.push_back(walker.Walk(word));
    for (const Share& share : rows.back()) columns[share.synset] += share.weight;
  }
  double smoothed = 0;
  for (double& column : columns) smoothed += column = std::pow(column, kSmoothing);
  std::vector<std::vector<ConceptTerm>> concepts;
  concepts.reserve(rows.size());
  for (Shares& row : rows) {
    double sum = 0;
    for (const Share& share : row) sum += share.weight;
    Shares kept;
    for (const Share& share : row) {
      const double information = std::log(share.weight / sum / (columns[share.synset] / smoothed));
      if (information > 0) kept.push_back({share.synset, information});
    }
    concepts.push_back(Hash(std::move(kept)));
  }
  return concepts;
}

}  // namespace reprise
